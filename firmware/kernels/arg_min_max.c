#include "kernels/arg_min_max.h"

void fw_arg_min_max_s8(const void *params, void *const *operands) {
  fw_arg_min_max_s8_body(params, operands[0], operands[1]);
}

void fw_arg_min_max_f32(const void *params, void *const *operands) {
  fw_arg_min_max_f32_body(params, operands[0], operands[1]);
}
