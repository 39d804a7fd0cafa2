/* A model so small that a test can compute it by other means (devices.py: reference_model). Its inputs are overwritten,
 * as a compiled model's may be; its state counts inferences and is added to the last output.
 *
 * out[c] = clamp(mean of every third input from c on, truncated, plus 8 * c), an int8 each; out1 = the count. */
#include "model.h"

#include <string.h>

enum { INPUTS = 32, CLASSES = 3 };

static const fw_tensor_info_t inputs[] = {{0u, INPUTS, FW_INT8, 0x1.0p-3F, 0}};
static const fw_tensor_info_t outputs[] = {
    {64u, CLASSES, FW_INT8, 0x1.0p-8F, -128},
    {80u, 4u, FW_INT32, 0.0F, 0},
};

const fw_model_t fw_model = {
    .name = "tiny",
    .sha256 = {0xAA},
    .arena_bytes = FW_MODEL_ARENA_BYTES,
    .state_bytes = FW_MODEL_STATE_BYTES,
    .call_count = 1u,
    .input_count = 1u,
    .output_count = 2u,
    .inputs = inputs,
    .outputs = outputs,
};

void fw_model_reset(void *state) {
  memset(state, 0, FW_MODEL_STATE_BYTES);
}

fw_status_t fw_model_invoke(void *arena, void *state) {
  int8_t *in = (int8_t *)arena;
  int8_t *out = (int8_t *)arena + 64;
  uint32_t count;
  memcpy(&count, state, sizeof count);
  count++;
  memcpy(state, &count, sizeof count);
  memcpy((uint8_t *)arena + 80, &count, sizeof count);
  for (int c = 0; c < CLASSES; c++) {
    int sum = 0;
    int n = 0;
    for (int i = c; i < INPUTS; i += CLASSES) sum += in[i], n++;
    sum = sum / n + 8 * c;
    out[c] = (int8_t)(sum > 127 ? 127 : sum < -128 ? -128 : sum);
  }
  memset(in, 0x55, INPUTS);
  return FW_OK;
}
