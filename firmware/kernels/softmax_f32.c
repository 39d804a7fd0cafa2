#include "kernels/softmax_f32.h"

void fw_softmax_f32(const void *params, void *const *operands) {
  fw_softmax_f32_body(params, operands[0], operands[1]);
}
