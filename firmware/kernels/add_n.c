#include "kernels/add_n.h"

void fw_add_n_sum_s8(const void *params, void *const *operands) {
  fw_add_n_sum_s8_body(params, operands[0], operands[1], operands[2]);
}

void fw_add_n_s8(const void *params, void *const *operands) {
  fw_add_n_s8_body(params, operands[0], operands[1]);
}

void fw_add_n_sum_f32(const void *params, void *const *operands) {
  fw_add_n_sum_f32_body(params, operands[0], operands[1], operands[2]);
}
