#include "kernels/mul.h"

void fw_mul_s8(const void *params, void *const *operands) {
  fw_mul_s8_body(params, operands[0], operands[1], operands[2]);
}

void fw_mul_s16(const void *params, void *const *operands) {
  fw_mul_s16_body(params, operands[0], operands[1], operands[2]);
}

void fw_mul_s32(const void *params, void *const *operands) {
  fw_mul_s32_body(params, operands[0], operands[1], operands[2]);
}

void fw_mul_f32(const void *params, void *const *operands) {
  fw_mul_f32_body(params, operands[0], operands[1], operands[2]);
}
