#include "kernels/pooling.h"

void fw_average_pool2d_s8(const void *params, void *const *operands) {
  fw_average_pool2d_s8_body(params, operands[0], operands[1]);
}

void fw_average_pool2d_s16(const void *params, void *const *operands) {
  fw_average_pool2d_s16_body(params, operands[0], operands[1]);
}

void fw_max_pool2d_s8(const void *params, void *const *operands) {
  fw_max_pool2d_s8_body(params, operands[0], operands[1]);
}

void fw_max_pool2d_s16(const void *params, void *const *operands) {
  fw_max_pool2d_s16_body(params, operands[0], operands[1]);
}
