#include "kernels/conv2d_s16.h"

void fw_conv2d_s16(const void *params, void *const *operands) {
  fw_conv2d_s16_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5]);
}
