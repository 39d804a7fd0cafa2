#include "kernels/fully_connected_dsp.h"

void fw_fully_connected_s8_dsp(const void *params, void *const *operands) {
  fw_fully_connected_s8_dsp_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5],
                                 operands[6]);
}
