#include "kernels/comparison.h"

void fw_comparison(const void *params, void *const *operands) {
  fw_comparison_body(params, operands[0], operands[1], operands[2]);
}

void fw_comparison_s8(const void *params, void *const *operands) {
  fw_comparison_s8_body(params, operands[0], operands[1], operands[2]);
}
