/* The compiled model as the rest of the firmware sees it.
 *
 * A generated model.c defines every symbol below, either as straight-line kernel calls or as a Program that fw_run
 * executes. All memory belongs to the caller: `arena` (activations, 16-byte aligned, contents lost between invokes)
 * and `state` (16-byte aligned, survives between invokes of a stateful model, set by fw_model_reset()). */
#ifndef FW_MODEL_H
#define FW_MODEL_H

#include <stdint.h>

#include "fw_status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  FW_INT8 = 1,
  FW_INT16 = 2,
  FW_INT32 = 3,
  FW_UINT8 = 4,
  FW_FLOAT32 = 5,
  FW_BOOL = 6,
  FW_INT64 = 7,
  FW_UINT16 = 8,
  FW_UINT32 = 9,
  FW_UINT64 = 10
} fw_dtype_t;

typedef struct {
  uint32_t offset; /* bytes from the start of the arena */
  uint32_t bytes;  /* size of the tensor in bytes */
  uint32_t dtype;  /* fw_dtype_t */
  float scale;     /* real = scale * (q - zero_point); 0 when the tensor is not quantised */
  int32_t zero_point;
} fw_tensor_info_t;

typedef struct {
  const char *name;
  uint8_t sha256[32]; /* of the .tflite */
  uint32_t arena_bytes;
  uint32_t state_bytes;
  uint32_t call_count; /* kernel calls in one invoke */
  uint32_t input_count;
  uint32_t output_count;
  const fw_tensor_info_t *inputs;
  const fw_tensor_info_t *outputs;
} fw_model_t;

extern const fw_model_t fw_model;

/* Puts the initial values into `state`; a model without state does nothing. */
void fw_model_reset(void *state);

/* One inference: reads the inputs from the arena, leaves the outputs in the arena. Inputs may be overwritten. */
fw_status_t fw_model_invoke(void *arena, void *state);

/* Called after every kernel call in images built with FW_LAYER_HOOKS (verify, bench); `output` is the first output. */
#ifdef FW_LAYER_HOOKS
void fw_layer_hook(uint32_t call, const void *output, uint32_t bytes);
#define FW_LAYER_HOOK(call, output, bytes) fw_layer_hook((call), (output), (bytes))
#else
#define FW_LAYER_HOOK(call, output, bytes) ((void)0)
#endif

#ifdef __cplusplus
}
#endif

#endif
