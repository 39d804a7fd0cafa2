#include "kernels/tanh.h"

void fw_tanh_s16(const void *params, void *const *operands) {
  fw_tanh_s16_body(params, operands[0], operands[1], operands[2]);
}
