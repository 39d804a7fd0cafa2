#include "kernels/l2_pooling.h"

void fw_l2_pool2d_f32(const void *params, void *const *operands) {
  fw_l2_pool2d_f32_body(params, operands[0], operands[1]);
}
