/* Private to firmware/app: commands, grouped by what they are about. Each answers with exactly one message.
 */
#ifndef FW_APP_DEVICE_H
#define FW_APP_DEVICE_H

#include "fw_device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* {"protocol":…,…} under the key "fieldwren": the first line, and the answers to `hello` and `info`. */
void fw_device_identity(const fw_device_t *device, fw_json_t *json);

/* Commands that only look: info, status, label, tensor, detections. */
void fw_device_command_info(fw_device_t *device);
void fw_device_command_status(fw_device_t *device);
void fw_device_command_label(fw_device_t *device);
void fw_device_command_tensor(fw_device_t *device);
void fw_device_command_detections(fw_device_t *device);

/* A label by name, or by "#INDEX". Returns the number of labels if there is none. */
uint32_t fw_device_find_label(const fw_device_t *device, const char *word);

/* Its name now: that of an app that learns may change. */
const char *fw_device_label_name(const fw_device_t *device, uint32_t label);

/* Commands about learning; 0 if this is none. Only in images built with FW_LEARN. */
int fw_device_learn_command(fw_device_t *device);

/* The newest detection was right or wrong: teaches its sample, *class_number (FW_LEARNER_NEGATIVE: it went among the
 * guard's negatives). FW_E_UNKNOWN: nothing was detected, or its class is gone; or what fw_learning_teach() says. */
fw_status_t fw_device_feedback(fw_device_t *device, int is_right, uint32_t *class_number);

/* Commands of a member of a fleet; 0 if this is none. Only in images built with FW_FLEET. */
int fw_device_fleet_command(fw_device_t *device);
void fw_device_get_update(fw_device_t *device);

/* Bulk: get, put, infer, and what a complete blob means. */
void fw_device_command_get(fw_device_t *device);
void fw_device_command_put(fw_device_t *device);
void fw_device_command_infer(fw_device_t *device);

/* The answer to `get` for memory that stays as it is until fw_link_close_outbound(). */
void fw_device_open_get(fw_device_t *device, const uint8_t *bytes, uint32_t size);

/* What a complete blob means. */
void fw_device_blob_complete(fw_device_t *device);

/* The tensor that a word ("in3", "out0") names and its number among the inputs or outputs; null if there is
 * none. */
const fw_tensor_info_t *fw_device_tensor(const char *word, uint32_t *index);

/* The model's tensors are about to be overwritten by the app. */
void fw_device_forget_tensors(fw_device_t *device);

/* Input from the host: stream start, stream stop, and its data. */
void fw_device_command_stream(fw_device_t *device);
void fw_device_stream_data(fw_device_t *device);

/* A piece of the file that is streamed, on boards with a bulk channel. Returns 0 if there is nothing to do. */
int fw_device_stream_file(fw_device_t *device);

/* The window was closed and has opened again: says so. Returns 0 if there is nothing to say. */
int fw_device_stream_window(fw_device_t *device);

/* Starts the app anew, whatever it did. */
void fw_device_start(fw_device_t *device, fw_source_t source);

/* The host does not feed the app any more: back to what it did before. */
void fw_device_end_stream(fw_device_t *device);

#ifdef __cplusplus
}
#endif

#endif
