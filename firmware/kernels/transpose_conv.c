#include "kernels/transpose_conv.h"

void fw_transpose_conv_s8(const void *params, void *const *operands) {
  fw_transpose_conv_s8_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5]);
}

void fw_transpose_conv_s16(const void *params, void *const *operands) {
  fw_transpose_conv_s16_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5]);
}
