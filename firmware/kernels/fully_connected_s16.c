#include "kernels/fully_connected_s16.h"

void fw_fully_connected_s16(const void *params, void *const *operands) {
  fw_fully_connected_s16_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5]);
}
