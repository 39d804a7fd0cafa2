#include "kernels/softmax.h"

void fw_softmax_s8(const void *params, void *const *operands) {
  fw_softmax_s8_body(params, operands[0], operands[1]);
}

void fw_softmax_s8_s16(const void *params, void *const *operands) {
  fw_softmax_s8_s16_body(params, operands[0], operands[1]);
}

void fw_softmax_s16(const void *params, void *const *operands) {
  fw_softmax_s16_body(params, operands[0], operands[1], operands[2], operands[3]);
}
