#include "kernels/leaky_relu.h"

void fw_leaky_relu_s16(const void *params, void *const *operands) {
  fw_leaky_relu_s16_body(params, operands[0], operands[1]);
}

void fw_leaky_relu_f32(const void *params, void *const *operands) {
  fw_leaky_relu_f32_body(params, operands[0], operands[1]);
}
