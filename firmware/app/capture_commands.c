/* What the front end hears, on its way to the host; only in apps whose manifest lets audio leave the device. */
#include <stddef.h>

#include "app/device.h"

static void start(fw_device_t *device) {
  fw_app_t *const app = device->app;
  const fw_capture_memory_t *const memory = &app->memory.capture;
  const uint32_t t_ms = fw_app_heard_ms(app);
  fw_json_t *json;
  if (fw_app_capture_start(app) != FW_OK) {
    fw_link_error(&device->link, "forbidden", "this app does not let audio leave the device", FW_COMMAND_WORDS);
    return;
  }
  fw_link_open_live(&device->link);
  json = fw_link_answer(&device->link);
  fw_json_uint(json, "transfer", device->link.live.id);
  fw_json_string(json, "encoding", memory->encoding == FW_CAPTURE_PCM ? "pcm" : "ima-adpcm");
  fw_json_uint(json, "block_bytes", memory->block_bytes);
  fw_json_uint(json, "block_samples", fw_capture_block_samples(memory));
  fw_json_uint(json, "blocks", memory->block_count - 1u);
  fw_json_uint(json, "t_ms", t_ms);
  fw_json_uint(json, "window_ms", app->config->window_ms);
  fw_link_answer_end(&device->link);
}

/* What is complete can still be fetched. */
static void stop(fw_device_t *device) {
  fw_app_capture_stop(device->app);
  fw_json_uint(fw_link_answer(&device->link), "blocks", device->app->capture.complete);
  fw_link_answer_end(&device->link);
}

void fw_device_command_capture(fw_device_t *device) {
  const fw_command_t *command = &device->link.command;
  if (!fw_link_admit(&device->link)) return;
  if (command->word_count == 2u && fw_command_is(command, 1, "start")) {
    start(device);
  } else if (command->word_count == 2u && fw_command_is(command, 1, "stop")) {
    stop(device);
  } else {
    fw_link_error(&device->link, "bad_argument", "capture start, or capture stop", 1);
  }
}

void fw_device_end_capture(fw_device_t *device) {
  fw_app_capture_stop(device->app);
  fw_link_close_live(&device->link);
}

int fw_device_send_capture(fw_device_t *device) {
  const fw_capture_t *const capture = &device->app->capture;
  uint32_t wanted;
  uint32_t oldest;
  if (!fw_link_live_wants(&device->link, &wanted)) return 0;
  oldest = fw_capture_oldest(capture);
  /* Both differences modulo 2^32: whoever asks for a block from the future waits for it. */
  if (capture->complete - wanted - 1u >= 0x80000000u) return 0;
  if (oldest - wanted - 1u < 0x80000000u) wanted = oldest;
  fw_link_live_send(&device->link, wanted, fw_capture_block(capture, wanted), capture->memory->block_bytes);
  return 1;
}
