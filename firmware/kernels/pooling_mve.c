#include "kernels/pooling_mve.h"

void fw_average_pool2d_s8_mve(const void *params, void *const *operands) {
  fw_average_pool2d_s8_mve_body(params, operands[0], operands[1]);
}

void fw_max_pool2d_s8_mve(const void *params, void *const *operands) {
  fw_max_pool2d_s8_mve_body(params, operands[0], operands[1]);
}
