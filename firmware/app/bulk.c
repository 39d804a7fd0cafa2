/* Tensors and blobs over the link. */
#include <stddef.h>
#include <string.h>

#include "app/device.h"
#include "runtime/crc32.h"

/* Tags of inbound transfers: input tensor i is i, blob i is BLOB_TAG + i. */
enum { TENSORS_NAMED = 10, BLOB_TAG = TENSORS_NAMED };

static int is_output(const char *word) {
  return word[0] == 'o';
}

const fw_tensor_info_t *fw_device_tensor(const char *word, uint32_t *index) {
  const char *const prefix = is_output(word) ? "out" : "in";
  const uint32_t count = is_output(word) ? fw_model.output_count : fw_model.input_count;
  const size_t length = strlen(prefix);
  if (strncmp(word, prefix, length) != 0) return NULL;
  *index = (uint32_t)(uint8_t)word[length] - (uint32_t)'0';
  if (*index >= TENSORS_NAMED || *index >= count || word[length + 1u] != '\0') return NULL;
  return is_output(word) ? &fw_model.outputs[*index] : &fw_model.inputs[*index];
}

static const fw_blob_t *find_blob(const fw_device_t *device, const char *word, uint32_t *index) {
  for (uint32_t i = 0; i < device->blob_count; i++) {
    if (strcmp(device->blobs[i].name, word) != 0) continue;
    *index = i;
    return &device->blobs[i];
  }
  return NULL;
}

static int app_runs(fw_device_t *device) {
  if (device->app->source == FW_SOURCE_NONE) return 0;
  fw_link_error(&device->link, "busy", "the app is running: stream stop first", FW_COMMAND_WORDS);
  return 1;
}

void fw_device_forget_tensors(fw_device_t *device) {
  device->inputs_ready = 0;
  device->outputs_ready = 0;
  if (device->link.inbound.id != 0u && device->link.inbound.tag < BLOB_TAG) fw_link_close_inbound(&device->link);
  fw_link_close_outbound(&device->link);
}

void fw_device_open_get(fw_device_t *device, const uint8_t *bytes, uint32_t size) {
  fw_json_t *json;
  fw_link_open_outbound(&device->link, bytes, size);
  json = fw_link_answer(&device->link);
  fw_json_uint(json, "transfer", device->link.outbound.id);
  fw_json_uint(json, "bytes", size);
  fw_json_hex32(json, "crc32", fw_crc32(0, bytes, size));
  fw_link_answer_end(&device->link);
}

static void get_capture(fw_device_t *device) {
  const fw_app_t *app = device->app;
  if (app->capturing != 0u || app->captured == 0u) {
    fw_link_error(&device->link, "not_ready", "the recording is not complete: capture, and wait", 1);
    return;
  }
  fw_device_open_get(device, (const uint8_t *)app->memory.capture, app->captured * (uint32_t)sizeof(int16_t));
}

#if defined(FW_LEARN)
/* The newest record, straight from flash. */
static void get_head(fw_device_t *device) {
  const fw_keeper_t *keeper = &device->app->memory.learning->keeper;
  uint32_t bytes = 0;
  const uint8_t *const image = (const uint8_t *)fw_store_image(&keeper->store, &bytes);
  if (image == NULL || keeper->store.saving != 0u) {
    fw_link_error(&device->link, "not_ready", "nothing is saved yet: save, and wait", 1);
    return;
  }
  fw_device_open_get(device, image, bytes);
}
#endif

void fw_device_command_get(fw_device_t *device) {
  const fw_command_t *command = &device->link.command;
  uint32_t index = 0;
  const fw_tensor_info_t *tensor;
  const fw_blob_t *blob;
  if (command->word_count != 2u) {
    fw_link_error(&device->link, "bad_argument", "get NAME", FW_COMMAND_WORDS);
    return;
  }
  tensor = fw_device_tensor(command->words[1], &index);
  blob = find_blob(device, command->words[1], &index);
  if (tensor != NULL && is_output(command->words[1])) {
    if (app_runs(device)) return;
    if (device->outputs_ready == 0u) {
      fw_link_error(&device->link, "not_ready", "there is no output: infer first", 1);
      return;
    }
    fw_device_open_get(device, fw_app_output(device->app, index), tensor->bytes);
  } else if (device->app->memory.capture != NULL && fw_command_is(command, 1, "capture")) {
    get_capture(device);
#if defined(FW_LEARN)
  } else if (device->app->memory.learning != NULL && fw_command_is(command, 1, "head")) {
    get_head(device);
#endif
#if defined(FW_FLEET)
  } else if (device->app->memory.participant != NULL && fw_command_is(command, 1, "update")) {
    fw_device_get_update(device);
#endif
  } else if (blob != NULL && (blob->access & FW_BLOB_READ) != 0u) {
    fw_device_open_get(device, blob->bytes, device->blob_sizes[index]);
  } else {
    fw_link_error(&device->link, "unknown_name", "nothing readable has this name", 1);
  }
}

/* Opens or resumes; what is here already (or has no bytes) is complete at once. */
static void open_put(fw_device_t *device, uint8_t *bytes, uint32_t size, uint32_t crc, uint32_t tag) {
  fw_json_t *json;
  fw_link_open_inbound(&device->link, bytes, size, crc, (uint16_t)tag);
  if (device->link.inbound.offset == size) fw_device_blob_complete(device);
  json = fw_link_answer(&device->link);
  fw_json_uint(json, "transfer", device->link.inbound.id);
  fw_json_uint(json, "offset", device->link.inbound.offset);
  fw_link_answer_end(&device->link);
}

static void put_tensor(fw_device_t *device, uint32_t index, const fw_tensor_info_t *tensor, uint32_t size,
                       uint32_t crc) {
  if (app_runs(device)) return;
  if (size != tensor->bytes) {
    fw_link_error(&device->link, "bad_argument", "the tensor has another size: see tensor NAME", 2);
    return;
  }
  device->outputs_ready = 0;
  device->inputs_ready &= ~(1u << index);
  fw_link_close_outbound(&device->link);
  open_put(device, fw_app_input(device->app, index), size, crc, index);
}

void fw_device_command_put(fw_device_t *device) {
  const fw_command_t *command = &device->link.command;
  uint32_t index = 0;
  uint32_t size;
  uint32_t crc;
  const fw_tensor_info_t *tensor;
  const fw_blob_t *blob;
  if (!fw_link_admit(&device->link)) return;
  if (command->word_count != 4u || !fw_command_uint(command, 2, 0xFFFFFFFFu, &size) ||
      !fw_command_hex32(command, 3, &crc)) {
    fw_link_error(&device->link, "bad_argument", "put NAME BYTES CRC32", FW_COMMAND_WORDS);
    return;
  }
  tensor = fw_device_tensor(command->words[1], &index);
  blob = find_blob(device, command->words[1], &index);
  if (tensor != NULL && !is_output(command->words[1])) {
    put_tensor(device, index, tensor, size, crc);
  } else if (blob == NULL || (blob->access & FW_BLOB_WRITE) == 0u) {
    fw_link_error(&device->link, "unknown_name", "nothing writable has this name", 1);
  } else if (size > blob->size) {
    fw_link_error(&device->link, "too_large", "there is not so much room under this name", 2);
  } else {
    device->blobs_ready &= ~(1u << index);
    open_put(device, blob->bytes, size, crc, BLOB_TAG + index);
  }
}

void fw_device_blob_complete(fw_device_t *device) {
  const fw_inbound_t *in = &device->link.inbound;
  if (in->tag < BLOB_TAG) {
    device->inputs_ready |= 1u << in->tag;
  } else {
    device->blobs_ready |= 1u << (in->tag - BLOB_TAG);
    device->blob_sizes[in->tag - BLOB_TAG] = in->size;
  }
}

int fw_device_take_blob(fw_device_t *device, uint32_t index, uint32_t *size) {
  if (index >= device->blob_count || (device->blobs_ready >> index & 1u) == 0u) return 0;
  device->blobs_ready &= ~(1u << index);
  /* The same blob announced again is a new one from now on, not the rest of this one. */
  if (device->link.inbound.tag == BLOB_TAG + index) fw_link_close_inbound(&device->link);
  *size = device->blob_sizes[index];
  return 1;
}

void fw_device_command_infer(fw_device_t *device) {
  const uint32_t all =
      fw_model.input_count >= TENSORS_NAMED ? (1u << TENSORS_NAMED) - 1u : (1u << fw_model.input_count) - 1u;
  if (!fw_link_admit(&device->link)) return;
  if (app_runs(device)) return;
  if (device->inputs_ready != all) {
    fw_link_error(&device->link, "not_ready", "an input is missing: put in0 …", FW_COMMAND_WORDS);
    return;
  }
  fw_device_forget_tensors(device); /* the model may overwrite its inputs */
  if (fw_app_infer(device->app) != FW_OK) {
    fw_link_error(&device->link, "failed", "the model refused its inputs", FW_COMMAND_WORDS);
    return;
  }
  device->outputs_ready = 1;
#if defined(FW_FLEET)
  if (device->app->memory.participant != NULL) {
    fw_learning_heard(device->app->memory.learning, (const int8_t *)fw_app_output(device->app, 0));
  }
#endif
  fw_json_uint(fw_link_answer(&device->link), "outputs", fw_model.output_count);
  fw_link_answer_end(&device->link);
}
