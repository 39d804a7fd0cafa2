#include "app/device.h"

#include <stddef.h>
#include <string.h>

#include "fw_float.h"

static const char *const usages[] = {
    "hello SESSION",
    "bye",
    "help",
    "info",
    "status",
    "label INDEX",
    "tensor NAME",
    "get NAME",
#if defined(FW_LEARN)
    "reset [learned]",
#else
    "reset",
#endif
    "detections FROM",
    "put NAME BYTES CRC32",
    "infer",
    "stream start [sensor]",
    "stream stop [BYTES]",
    "set threshold LABEL VALUE",
#if defined(FW_LEARN)
    "set teach_below VALUE",
#endif
#if defined(FW_CAPTURE)
    "capture start|stop",
#endif
    "reboot",
#if defined(FW_LEARN)
    "learn status|answer|class LABEL|missed N|calibrate [N]",
    "teach LABEL [detected|missed [N]]",
    "feedback right|wrong",
    "practise [PASSES]",
    "class add|remove|rename LABEL [NAME]",
    "save",
    "undo",
    "import",
#endif
#if defined(FW_FLEET)
    "fleet status|begin|evaluate|adopt",
    "fleet keep LABEL [test]",
    "fleet restore unsent|held N TASK",
#endif
};

fw_status_t fw_device_init(fw_device_t *device, fw_app_t *app, const fw_link_memory_t *memory, const fw_blob_t *blobs,
                           uint32_t blob_count) {
  memset(device, 0, sizeof *device);
  if (blob_count > FW_DEVICE_BLOBS) return FW_E_ARGUMENT;
  device->app = app;
  device->idle_source = (uint8_t)app->source;
  device->has_sensor = app->source == FW_SOURCE_SENSOR;
  device->blobs = blobs;
  device->blob_count = blob_count;
  for (uint32_t i = 0; i < blob_count; i++) device->blob_sizes[i] = blobs[i].size;
  return fw_link_open(&device->link, memory);
}

void fw_device_boot(fw_device_t *device) {
  fw_device_identity(device, fw_link_line(&device->link));
  fw_link_line_end(&device->link);
}

int fw_device_wants_reboot(const fw_device_t *device) {
  return device->reboot;
}

static int app_is_fed(const fw_device_t *device) {
  return device->app->source == FW_SOURCE_LINK;
}

#if defined(FW_CAPTURE)
static void end_capture(fw_device_t *device) {
  fw_device_end_capture(device);
}

static int send_capture(fw_device_t *device) {
  return fw_device_send_capture(device);
}
#else
static void end_capture(fw_device_t *device) {
  (void)device;
}

static int send_capture(fw_device_t *device) {
  (void)device;
  return 0;
}
#endif

static void hello(fw_device_t *device) {
  fw_link_t *link = &device->link;
  uint32_t session;
  fw_json_t *json;
  if (!fw_command_hex32(&link->command, 1, &session)) {
    fw_link_error(link, "bad_argument", "hello SESSION, eight lower-case hexadecimal digits", 1);
    return;
  }
  if (link->has_session == 0u || link->session != session) {
    /* Whoever listened or fed the app is gone. */
    end_capture(device);
    if (app_is_fed(device)) {
      fw_link_close_stream(link);
      fw_device_end_stream(device);
    }
  }
  fw_link_open_session(link, session);
  json = fw_link_answer(link);
  fw_json_hex32(json, "session", session);
  fw_device_identity(device, json);
  fw_link_answer_end(link);
}

static void bye(fw_device_t *device) {
  end_capture(device);
  fw_link_answer(&device->link);
  fw_link_answer_end(&device->link);
  fw_link_close_session(&device->link);
}

static void help(fw_device_t *device) {
  fw_json_t *json = fw_link_answer(&device->link);
  fw_json_array(json, "commands");
  for (uint32_t i = 0; i < sizeof usages / sizeof usages[0]; i++) fw_json_string(json, NULL, usages[i]);
  fw_json_array_end(json);
  fw_link_answer_end(&device->link);
}

static void reset(fw_device_t *device) {
  if (!fw_link_admit(&device->link)) return;
  if (device->app->source == FW_SOURCE_LINK) {
    fw_link_error(&device->link, "busy", "a stream is running: stream stop first", FW_COMMAND_WORDS);
    return;
  }
  if (device->app->source == FW_SOURCE_SENSOR) {
    fw_device_start(device, FW_SOURCE_SENSOR);
  } else {
    (void)fw_app_reset(device->app);
    fw_device_forget_tensors(device);
  }
  fw_link_answer(&device->link);
  fw_link_answer_end(&device->link);
}

static void reboot(fw_device_t *device) {
  if (!fw_link_admit(&device->link)) return;
  device->reboot = 1;
  fw_link_answer(&device->link);
  fw_link_answer_end(&device->link);
}

uint32_t fw_device_find_label(const fw_device_t *device, const char *word) {
  const fw_app_config_t *config = device->app->config;
  const uint32_t count = config->detector.class_count;
  uint32_t index = 0;
  if (word[0] == '#' && word[1] != '\0') {
    for (const char *digit = word + 1; *digit != '\0'; digit++) {
      if (*digit < '0' || *digit > '9' || index >= count) return count;
      index = index * 10u + (uint32_t)(*digit - '0');
    }
    return index < count ? index : count;
  }
  while (index < count && strcmp(fw_app_label(device->app, index), word) != 0) index++;
  return index;
}

#if defined(FW_LEARN)
/* Until the next boot: 1 takes all that comes for normal, 0 learns only what is taught. */
static void set_teach_below(fw_device_t *device) {
  fw_app_t *const app = device->app;
  uint32_t below_q15;
  if (app->config->posterior != FW_POSTERIOR_RECONSTRUCTION || app->memory.learning == NULL ||
      !fw_command_q15(&device->link.command, 2, &below_q15)) {
    fw_link_error(&device->link, "bad_argument",
                  "set teach_below VALUE, from 0 to 1, of an app for anomalies that learns", FW_COMMAND_WORDS);
    return;
  }
  app->teach_below = (float)below_q15 / (float)FW_Q15_ONE;
  fw_json_q15(fw_link_answer(&device->link), "teach_below", below_q15);
  fw_link_answer_end(&device->link);
}
#endif

static void set(fw_device_t *device) {
  const fw_command_t *command = &device->link.command;
  const uint32_t classes = device->app->config->detector.class_count;
  uint32_t label;
  uint32_t threshold_q15;
  fw_json_t *json;
  if (!fw_link_admit(&device->link)) return;
#if defined(FW_LEARN)
  if (command->word_count == 3u && fw_command_is(command, 1, "teach_below")) {
    set_teach_below(device);
    return;
  }
#endif
  if (command->word_count != 4u || !fw_command_is(command, 1, "threshold") ||
      !fw_command_q15(command, 3, &threshold_q15)) {
    fw_link_error(&device->link, "bad_argument", "set threshold LABEL|#INDEX VALUE, VALUE from 0 to 1",
                  FW_COMMAND_WORDS);
    return;
  }
  label = fw_device_find_label(device, command->words[2]);
  if (label == classes || fw_detector_set_threshold(&device->app->detector, label, threshold_q15) != FW_OK) {
    fw_link_error(&device->link, "unknown_name", "there is no such label", 2);
    return;
  }
  json = fw_link_answer(&device->link);
  fw_json_uint(json, "index", label);
  fw_json_q15(json, "threshold", threshold_q15);
  fw_link_answer_end(&device->link);
}

static void command(fw_device_t *device) {
  const fw_command_t *c = &device->link.command;
  const int alone = c->word_count == 1u;
#if defined(FW_LEARN)
  if (fw_device_learn_command(device)) return;
#endif
#if defined(FW_FLEET)
  if (fw_device_fleet_command(device)) return;
#endif
  if (fw_command_is(c, 0, "hello")) {
    hello(device);
  } else if (fw_command_is(c, 0, "label")) {
    fw_device_command_label(device);
  } else if (fw_command_is(c, 0, "tensor")) {
    fw_device_command_tensor(device);
  } else if (fw_command_is(c, 0, "detections")) {
    fw_device_command_detections(device);
  } else if (fw_command_is(c, 0, "get")) {
    fw_device_command_get(device);
  } else if (fw_command_is(c, 0, "put")) {
    fw_device_command_put(device);
  } else if (fw_command_is(c, 0, "stream")) {
    fw_device_command_stream(device);
#if defined(FW_CAPTURE)
  } else if (fw_command_is(c, 0, "capture")) {
    fw_device_command_capture(device);
#endif
  } else if (fw_command_is(c, 0, "set")) {
    set(device);
  } else if (alone && fw_command_is(c, 0, "bye")) {
    bye(device);
  } else if (alone && fw_command_is(c, 0, "help")) {
    help(device);
  } else if (alone && fw_command_is(c, 0, "info")) {
    fw_device_command_info(device);
  } else if (alone && fw_command_is(c, 0, "status")) {
    fw_device_command_status(device);
  } else if (alone && fw_command_is(c, 0, "reset")) {
    reset(device);
  } else if (alone && fw_command_is(c, 0, "infer")) {
    fw_device_command_infer(device);
  } else if (alone && fw_command_is(c, 0, "reboot")) {
    reboot(device);
  } else {
    fw_link_error(&device->link, "unknown_command", "there is no such command: see help", 0);
  }
}

uint32_t fw_device_receive(fw_device_t *device, const uint8_t *bytes, uint32_t count, uint32_t now_ms) {
  fw_link_event_t event;
  const uint32_t used = fw_link_receive(&device->link, bytes, count, &event);
  device->now_ms = now_ms;
  switch (event) {
    case FW_LINK_COMMAND:
      command(device);
      break;
    case FW_LINK_STREAM:
      fw_device_stream_data(device);
      break;
    case FW_LINK_BLOB:
      fw_device_blob_complete(device);
      break;
    default:
      break;
  }
  return used;
}

/* {"t_ms":1230,"label":"yes","confidence":0.9325,"n":4}; `n` counts from 0, so a reader sees when a line was
 * lost. */
static int show_detection(fw_device_t *device) {
  const fw_app_t *app = device->app;
  fw_detection_t detection;
  fw_json_t *json;
  if (device->shown >= app->counters.detections) return 0;
  while (!fw_app_detection(app, device->shown, &detection)) device->shown++, device->missed++;
  json = fw_link_line(&device->link);
  fw_json_uint(json, "t_ms", detection.t_ms);
  fw_json_text(json, "label", fw_app_label(app, detection.label), 128);
  fw_json_q15(json, "confidence", detection.confidence_q15);
  fw_json_uint(json, "n", device->shown);
  fw_link_line_end(&device->link);
  device->shown++;
  return 1;
}

/* {"t_ms":1230,"values":[0.25]}: what a regression says. */
static int show_values(fw_device_t *device) {
  const fw_app_t *app = device->app;
  const uint32_t count = fw_app_value_count(app);
  fw_json_t *json;
  if (!fw_app_take_values(device->app)) return 0;
  json = fw_link_line(&device->link);
  fw_json_uint(json, "t_ms", fw_app_time_ms(app));
  fw_json_array(json, "values");
  for (uint32_t i = 0; i < count && i < FW_DEVICE_VALUES; i++) {
    fw_json_float(json, NULL, fw_app_value(app, i));
  }
  fw_json_array_end(json);
  fw_link_line_end(&device->link);
  return 1;
}

/* {"stream":"ended","t_ms":…,"inferences":…,"detections":…}: everything the host sent has been heard. */
static void show_end(fw_device_t *device) {
  const fw_app_t *app = device->app;
  fw_json_t *json = fw_link_line(&device->link);
  fw_json_string(json, "stream", "ended");
  fw_json_uint(json, "t_ms", fw_app_time_ms(app));
  fw_json_uint(json, "inferences", app->counters.inferences);
  fw_json_uint(json, "detections", app->counters.detections);
  fw_link_line_end(&device->link);
}

void fw_device_clock(fw_device_t *device, uint32_t now_ms) {
  device->now_ms = now_ms;
#if defined(FW_LEARN)
  if (device->app->memory.learning != NULL) fw_learning_clock(device->app->memory.learning, now_ms);
#endif
}

int fw_device_poll(fw_device_t *device) {
  fw_app_event_t event;
  if (device->link.transmit_count != 0u) return 1;
  if (show_detection(device) || show_values(device) || fw_device_stream_window(device)) return 1;
  /* Whoever feeds the app over the link can be made to wait, so nothing of what it hears is lost. A microphone cannot:
   * its samples go first, and the host gets what there is time for. */
  if (app_is_fed(device) && send_capture(device)) return 1;
#if defined(FW_STREAM_FILE)
  if (fw_device_stream_file(device)) return 1;
#endif
  event = fw_app_poll(device->app);
  if (event == FW_APP_IDLE) return send_capture(device);
  if (event != FW_APP_ENDED) return 1;
  show_end(device);
  fw_device_end_stream(device);
  return 1;
}
