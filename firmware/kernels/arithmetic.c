#include "kernels/arithmetic.h"

void fw_arithmetic_s32(const void *params, void *const *operands) {
  fw_arithmetic_s32_body(params, operands[0], operands[1], operands[2]);
}

void fw_arithmetic_f32(const void *params, void *const *operands) {
  fw_arithmetic_f32_body(params, operands[0], operands[1], operands[2]);
}

void fw_div_s8(const void *params, void *const *operands) {
  fw_div_s8_body(params, operands[0], operands[1], operands[2]);
}
