#include "kernels/activation.h"

void fw_clamp_s8(const void *params, void *const *operands) {
  fw_clamp_s8_body(params, operands[0], operands[1]);
}

void fw_clamp_s16(const void *params, void *const *operands) {
  fw_clamp_s16_body(params, operands[0], operands[1]);
}

void fw_relu_f32(const void *params, void *const *operands) {
  fw_relu_f32_body(params, operands[0], operands[1]);
}

void fw_clamp_f32(const void *params, void *const *operands) {
  fw_clamp_f32_body(params, operands[0], operands[1]);
}
