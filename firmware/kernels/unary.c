#include "kernels/unary.h"

void fw_abs_s16(const void *params, void *const *operands) {
  fw_abs_s16_body(params, operands[0], operands[1]);
}

void fw_unary_f32(const void *params, void *const *operands) {
  fw_unary_f32_body(params, operands[0], operands[1]);
}

void fw_rsqrt_s16(const void *params, void *const *operands) {
  fw_rsqrt_s16_body(params, operands[0], operands[1]);
}
