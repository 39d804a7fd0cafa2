#include "kernels/detection_postprocess.h"

void fw_detection_postprocess(const void *params, void *const *operands) {
  fw_detection_postprocess_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5],
                                operands[6], operands[7], operands[8], operands[9], operands[10]);
}
