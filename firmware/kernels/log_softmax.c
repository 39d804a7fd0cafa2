#include "kernels/log_softmax.h"

void fw_log_softmax_s8(const void *params, void *const *operands) {
  fw_log_softmax_s8_body(params, operands[0], operands[1]);
}

void fw_log_softmax_f32(const void *params, void *const *operands) {
  fw_log_softmax_f32_body(params, operands[0], operands[1]);
}
