#include "kernels/prelu.h"

void fw_prelu_s8(const void *params, void *const *operands) {
  fw_prelu_s8_body(params, operands[0], operands[1], operands[2]);
}

void fw_prelu_s16(const void *params, void *const *operands) {
  fw_prelu_s16_body(params, operands[0], operands[1], operands[2]);
}

void fw_prelu_f32(const void *params, void *const *operands) {
  fw_prelu_f32_body(params, operands[0], operands[1], operands[2]);
}
