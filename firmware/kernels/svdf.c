#include "kernels/svdf.h"

void fw_svdf(const void *params, void *const *operands) {
  fw_svdf_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5]);
}
