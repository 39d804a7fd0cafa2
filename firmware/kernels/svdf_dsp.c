#include "kernels/svdf_dsp.h"

void fw_svdf_s16_dsp(const void *params, void *const *operands) {
  fw_svdf_s16_dsp_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5],
                       operands[6]);
}
