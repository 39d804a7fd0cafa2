#include "kernels/conv2d_dsp.h"

void fw_conv2d_s8_dsp(const void *params, void *const *operands) {
  fw_conv2d_s8_dsp_body(params, operands[0], operands[1], operands[2], operands[3]);
}
