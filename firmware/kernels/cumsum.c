#include "kernels/cumsum.h"

void fw_cumsum_s8(const void *params, void *const *operands) {
  fw_cumsum_s8_body(params, operands[0], operands[1]);
}

void fw_cumsum_f32(const void *params, void *const *operands) {
  fw_cumsum_f32_body(params, operands[0], operands[1]);
}
