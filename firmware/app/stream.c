/* Samples or rows from the host into the app. */
#include "app/device.h"
#if defined(FW_STREAM_FILE)
#include "fw_port.h"

/* Where boards with a bulk channel read a stream from; a fixed name, so that no host can ask for another file. */
static const char *const FILE_NAME = "stream.bin";
enum { FILE_BYTES_AT_ONCE = 512 };
#endif

static uint32_t unit_bytes(const fw_device_t *device) {
  return device->app->ring.element_bytes;
}

static uint32_t room_bytes(const fw_device_t *device) {
  return fw_app_room(device->app) * unit_bytes(device);
}

static void start(fw_device_t *device) {
  fw_json_t *json;
  if (device->app->source == FW_SOURCE_LINK) {
    fw_link_error(&device->link, "busy", "a stream is running: stream stop first", FW_COMMAND_WORDS);
    return;
  }
  fw_device_start(device, FW_SOURCE_LINK);
  fw_link_open_stream(&device->link, room_bytes(device));
  json = fw_link_answer(&device->link);
  fw_json_uint(json, "transfer", device->link.stream.id);
  fw_json_uint(json, "window", device->link.stream.window);
  fw_json_uint(json, "unit_bytes", unit_bytes(device));
  fw_link_answer_end(&device->link);
}

#if defined(FW_STREAM_FILE)
static void start_file(fw_device_t *device) {
  if (device->app->source == FW_SOURCE_LINK) {
    fw_link_error(&device->link, "busy", "a stream is running: stream stop first", FW_COMMAND_WORDS);
    return;
  }
  const int32_t file = fw_port_bulk_open(FILE_NAME, FW_BULK_READ);
  if (file < 0) {
    fw_link_error(&device->link, "not_ready", "there is no file stream.bin in the device's folder", 2);
    return;
  }
  fw_device_start(device, FW_SOURCE_LINK);
  device->file = file + 1;
  fw_link_answer(&device->link);
  fw_link_answer_end(&device->link);
}

static void close_file(fw_device_t *device) {
  if (device->file != 0) fw_port_bulk_close(device->file - 1);
  device->file = 0;
}

int fw_device_stream_file(fw_device_t *device) {
  static uint32_t chunk[FILE_BYTES_AT_ONCE / 4];
  if (device->file == 0) return 0;
  const uint32_t unit = unit_bytes(device);
  uint32_t count = sizeof chunk / unit;
  const uint32_t room = fw_app_room(device->app);
  if (count > room) count = room;
  if (count == 0u) return 0; /* the app takes what is there first */
  const int32_t bytes = fw_port_bulk_read(device->file - 1, chunk, count * unit);
  if (bytes > 0) (void)fw_app_push(device->app, FW_SOURCE_LINK, chunk, (uint32_t)bytes / unit);
  if (bytes < (int32_t)(count * unit)) {
    close_file(device);
    fw_app_finish(device->app);
  }
  return 1;
}
#endif

static void start_sensor(fw_device_t *device) {
  if (device->has_sensor == 0u) {
    fw_link_error(&device->link, "unknown_name", "this board feeds no microphone or sensor to the app", 2);
    return;
  }
  if (device->app->source == FW_SOURCE_LINK) {
    fw_link_error(&device->link, "busy", "a stream is running: stream stop first", FW_COMMAND_WORDS);
    return;
  }
  device->idle_source = FW_SOURCE_SENSOR;
  fw_device_start(device, FW_SOURCE_SENSOR);
  fw_link_answer(&device->link);
  fw_link_answer_end(&device->link);
}

static void answer_stop(fw_device_t *device) {
  const uint32_t offset = device->link.stream.offset;
  fw_link_close_stream(&device->link);
  fw_json_uint(fw_link_answer(&device->link), "offset", offset);
  fw_link_answer_end(&device->link);
}

static void stop(fw_device_t *device) {
  const fw_command_t *command = &device->link.command;
  uint32_t total;
  if (command->word_count == 2u && device->app->source == FW_SOURCE_SENSOR) {
    device->idle_source = FW_SOURCE_NONE;
    fw_app_stop(device->app);
    fw_link_answer(&device->link);
    fw_link_answer_end(&device->link);
  } else if (device->link.stream.id == 0u) {
    fw_link_error(&device->link, "not_ready", "no stream is open", FW_COMMAND_WORDS);
  } else if (command->word_count == 2u) {
    fw_device_end_stream(device);
    answer_stop(device);
  } else if (!fw_command_uint(command, 2, 0xFFFFFFFFu, &total)) {
    fw_link_error(&device->link, "bad_argument", "stream stop [BYTES]", 2);
  } else if (total != device->link.stream.offset) {
    fw_link_error(&device->link, "incomplete", "not so many bytes have arrived", 2);
  } else {
    fw_app_finish(device->app);
    answer_stop(device);
  }
}

void fw_device_command_stream(fw_device_t *device) {
  const fw_command_t *command = &device->link.command;
  if (!fw_link_admit(&device->link)) return;
  if (command->word_count == 2u && fw_command_is(command, 1, "start")) {
    start(device);
  } else if (command->word_count == 3u && fw_command_is(command, 1, "start") && fw_command_is(command, 2, "sensor")) {
    start_sensor(device);
#if defined(FW_STREAM_FILE)
  } else if (command->word_count == 3u && fw_command_is(command, 1, "start") && fw_command_is(command, 2, "file")) {
    start_file(device);
#endif
  } else if (command->word_count <= 3u && fw_command_is(command, 1, "stop")) {
    stop(device);
  } else {
    fw_link_error(&device->link, "bad_argument", "stream start [sensor], or stream stop [BYTES]", 1);
  }
}

void fw_device_start(fw_device_t *device, fw_source_t source) {
#if defined(FW_STREAM_FILE)
  close_file(device);
#endif
  fw_app_stop(device->app);
  fw_device_forget_tensors(device);
  (void)fw_app_start(device->app, source); /* cannot fail: the app was stopped just now */
  device->shown = 0;
  device->missed = 0;
}

void fw_device_end_stream(fw_device_t *device) {
#if defined(FW_STREAM_FILE)
  close_file(device);
#endif
  fw_app_stop(device->app);
  if (device->idle_source != FW_SOURCE_NONE) fw_device_start(device, (fw_source_t)device->idle_source);
}

void fw_device_stream_data(fw_device_t *device) {
  const fw_link_t *link = &device->link;
  const uint32_t room = fw_app_room(device->app);
  uint32_t count = link->payload_count / unit_bytes(device);
  if (count > room) count = room;
  count = fw_app_push(device->app, FW_SOURCE_LINK, link->payload, count);
  fw_link_stream_accept(&device->link, count * unit_bytes(device), room_bytes(device));
}

int fw_device_stream_window(fw_device_t *device) {
  const fw_link_t *link = &device->link;
  const uint32_t room = room_bytes(device);
  if (link->stream.id == 0u || link->stream.window >= link->memory.payload_bytes) return 0;
  if (room < link->memory.payload_bytes && fw_app_queued(device->app) != 0u) return 0;
  if (room <= link->stream.window) return 0;
  fw_link_stream_accept(&device->link, 0, room);
  return 1;
}
