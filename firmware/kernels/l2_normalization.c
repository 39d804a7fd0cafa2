#include "kernels/l2_normalization.h"

void fw_l2_normalization_s8(const void *params, void *const *operands) {
  fw_l2_normalization_s8_body(params, operands[0], operands[1]);
}

void fw_l2_normalization_f32(const void *params, void *const *operands) {
  fw_l2_normalization_f32_body(params, operands[0], operands[1]);
}
