#include "kernels/difference.h"

void fw_sub_s8(const void *params, void *const *operands) {
  fw_sub_s8_body(params, operands[0], operands[1], operands[2]);
}

void fw_sub_s16(const void *params, void *const *operands) {
  fw_sub_s16_body(params, operands[0], operands[1], operands[2]);
}

void fw_squared_difference_s8(const void *params, void *const *operands) {
  fw_squared_difference_s8_body(params, operands[0], operands[1], operands[2]);
}

void fw_squared_difference_s16(const void *params, void *const *operands) {
  fw_squared_difference_s16_body(params, operands[0], operands[1], operands[2]);
}
