#include "kernels/fully_connected.h"

void fw_fully_connected_s8(const void *params, void *const *operands) {
  fw_fully_connected_s8_body(params, operands[0], operands[1], operands[2], operands[3]);
}

void fw_fully_connected_per_channel_s8(const void *params, void *const *operands) {
  fw_fully_connected_per_channel_s8_body(params, operands[0], operands[1], operands[2], operands[3], operands[4],
                                         operands[5]);
}
