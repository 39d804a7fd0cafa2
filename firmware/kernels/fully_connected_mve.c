#include "kernels/fully_connected_mve.h"

void fw_fully_connected_s8_mve(const void *params, void *const *operands) {
  fw_fully_connected_s8_mve_body(params, operands[0], operands[1], operands[2], operands[3], operands[4]);
}
