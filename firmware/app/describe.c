/* What the device says about itself. */
#include <stddef.h>

#include "app/device.h"
#include "fw_float.h"

/* Longest part of a name that is shown, in bytes: the first line must fit into the transmit buffer. */
enum { NAME_BYTES = 40 };

static const char *dtype_name(uint32_t dtype) {
  static const char *const names[] = {"",        "int8", "int16", "int32",  "uint8",
                                      "float32", "bool", "int64", "uint16", "uint32"};
  return dtype < sizeof names / sizeof names[0] ? names[dtype] : "";
}

void fw_device_identity(const fw_device_t *device, fw_json_t *json) {
  static const char *const inputs[] = {"pcm", "rows", "rows_int8"};
  const fw_app_config_t *config = device->app->config;
  fw_json_object(json, "fieldwren");
  fw_json_uint(json, "protocol", FW_LINK_PROTOCOL);
  fw_json_text(json, "firmware", config->version, NAME_BYTES);
  fw_json_hex(json, "image", config->image, sizeof config->image);
  fw_json_text(json, "model", fw_model.name, NAME_BYTES);
  fw_json_hex(json, "model_sha256", fw_model.sha256, sizeof fw_model.sha256);
  fw_json_text(json, "board", config->board, NAME_BYTES);
  fw_json_text(json, "app", config->name, NAME_BYTES);
  fw_json_text(json, "kind", config->kind, NAME_BYTES);
  fw_json_string(json, "input", inputs[config->input <= FW_INPUT_ROWS_INT8 ? config->input : FW_INPUT_PCM]);
  fw_json_uint(json, "columns", config->columns);
  if (config->input == FW_INPUT_PCM) {
    fw_json_uint(json, "sample_rate_hz", config->period_denominator);
  } else {
    fw_json_float(json, "row_interval_ms", (float)config->period_numerator_ms / (float)config->period_denominator);
  }
  fw_json_uint(json, "labels", config->detector.class_count);
  fw_json_uint(json, "payload_bytes", device->link.memory.payload_bytes);
  fw_json_uint(json, "window_bytes", device->link.memory.window_bytes);
  fw_json_object_end(json);
}

void fw_device_command_info(fw_device_t *device) {
  fw_device_identity(device, fw_link_answer(&device->link));
  fw_link_answer_end(&device->link);
}

static const char *source_name(uint32_t source) {
  static const char *const names[] = {"none", "sensor", "link"};
  return source <= FW_SOURCE_LINK ? names[source] : "";
}

void fw_device_command_status(fw_device_t *device) {
  const fw_app_t *app = device->app;
  const fw_link_counters_t *link = &device->link.counters;
  fw_json_t *json = fw_link_answer(&device->link);
  fw_json_uint(json, "uptime_ms", device->now_ms);
  fw_json_string(json, "source", source_name(app->source));
  fw_json_uint(json, "t_ms", fw_app_time_ms(app));
  fw_json_uint(json, "queued", fw_app_queued(app));
  fw_json_uint(json, "dropped", app->counters.dropped);
  fw_json_uint(json, "frames", app->counters.frames);
  fw_json_uint(json, "inferences", app->counters.inferences);
  fw_json_uint(json, "detections", app->counters.detections);
  fw_json_uint(json, "missed", device->missed);
  fw_json_uint(json, "failures", app->counters.failures);
  if (app->config->input == FW_INPUT_PCM) {
    fw_json_q15(json, "level_rms", app->microphone.level_rms);
    fw_json_q15(json, "level_peak", app->microphone.level_peak);
    fw_json_uint(json, "clipped", app->microphone.clipped);
  }
  fw_json_object(json, "link");
  fw_json_uint(json, "lines", link->lines);
  fw_json_uint(json, "lines_broken", link->lines_broken);
  fw_json_uint(json, "frames", link->frames);
  fw_json_uint(json, "frames_broken", link->frames_broken);
  fw_json_uint(json, "repeats", link->repeats);
  fw_json_object_end(json);
  fw_link_answer_end(&device->link);
}

void fw_device_command_label(fw_device_t *device) {
  const fw_app_t *app = device->app;
  const fw_detector_config_t *detector = &app->config->detector;
  uint32_t label;
  fw_json_t *json;
  if (!fw_command_uint(&device->link.command, 1, 0xFFFFu, &label) || label >= detector->class_count) {
    fw_link_error(&device->link, "bad_argument", "label INDEX, from 0 to one less than the labels", 1);
    return;
  }
  json = fw_link_answer(&device->link);
  fw_json_uint(json, "index", label);
  fw_json_text(json, "label", fw_device_label_name(device, label), 128);
  fw_json_q15(json, "threshold", app->detector.thresholds_q15[label]);
  fw_json_bool(json, "background", detector->background[label]);
  fw_json_q15(json, "smoothed", fw_detector_smoothed(&app->detector, label));
  fw_link_answer_end(&device->link);
}

void fw_device_command_tensor(fw_device_t *device) {
  const fw_command_t *command = &device->link.command;
  const fw_tensor_info_t *tensor = NULL;
  fw_json_t *json;
  uint32_t index;
  if (command->word_count == 2u) tensor = fw_device_tensor(command->words[1], &index);
  if (tensor == NULL) {
    fw_link_error(&device->link, "unknown_name", "tensor NAME, which is in0 … or out0 …", 1);
    return;
  }
  json = fw_link_answer(&device->link);
  fw_json_string(json, "name", command->words[1]);
  fw_json_string(json, "dtype", dtype_name(tensor->dtype));
  fw_json_uint(json, "bytes", tensor->bytes);
  fw_json_float(json, "scale", tensor->scale);
  fw_json_int(json, "zero_point", tensor->zero_point);
  fw_link_answer_end(&device->link);
}

void fw_device_command_detections(fw_device_t *device) {
  const uint32_t count = device->app->counters.detections;
  const uint32_t oldest = count > FW_APP_DETECTIONS ? count - FW_APP_DETECTIONS : 0u;
  uint32_t from;
  fw_json_t *json;
  if (!fw_command_uint(&device->link.command, 1, count, &from)) {
    fw_link_error(&device->link, "bad_argument", "detections FROM, at most the number of detections", 1);
    return;
  }
  device->shown = from < oldest ? oldest : from;
  json = fw_link_answer(&device->link);
  fw_json_uint(json, "from", device->shown);
  fw_json_uint(json, "detections", count);
  fw_link_answer_end(&device->link);
}
