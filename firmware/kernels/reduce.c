#include "kernels/reduce.h"

void fw_sum_s8(const void *params, void *const *operands) {
  fw_sum_s8_body(params, operands[0], operands[1]);
}

void fw_sum_s16(const void *params, void *const *operands) {
  fw_sum_s16_body(params, operands[0], operands[1]);
}

void fw_sum_f32(const void *params, void *const *operands) {
  fw_sum_f32_body(params, operands[0], operands[1]);
}

void fw_reduce_max_s8(const void *params, void *const *operands) {
  fw_reduce_max_s8_body(params, operands[0], operands[1]);
}

void fw_reduce_min_s8(const void *params, void *const *operands) {
  fw_reduce_min_s8_body(params, operands[0], operands[1]);
}

void fw_reduce_max_f32(const void *params, void *const *operands) {
  fw_reduce_max_f32_body(params, operands[0], operands[1]);
}

void fw_reduce_min_f32(const void *params, void *const *operands) {
  fw_reduce_min_f32_body(params, operands[0], operands[1]);
}

void fw_reduce_all(const void *params, void *const *operands) {
  fw_reduce_all_body(params, operands[0], operands[1]);
}
