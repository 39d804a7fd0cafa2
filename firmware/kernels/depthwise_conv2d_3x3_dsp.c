#include "kernels/depthwise_conv2d_3x3_dsp.h"

void fw_depthwise_conv2d_3x3_s8_dsp(const void *params, void *const *operands) {
  fw_depthwise_conv2d_3x3_s8_dsp_body(params, operands[0], operands[1], operands[2], operands[3], operands[4]);
}
