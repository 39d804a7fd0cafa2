#include "kernels/conv2d_packed.h"

void fw_conv2d_s8_packed(const void *params, void *const *operands) {
  fw_conv2d_s8_packed_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5],
                           operands[6]);
}
