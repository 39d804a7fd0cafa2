#include "kernels/pooling_f32.h"

void fw_pool2d_f32(const void *params, void *const *operands) {
  fw_pool2d_f32_body(params, operands[0], operands[1]);
}
