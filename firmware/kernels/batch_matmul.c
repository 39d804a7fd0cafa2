#include "kernels/batch_matmul.h"

void fw_batch_matmul_s8(const void *params, void *const *operands) {
  fw_batch_matmul_s8_body(params, operands[0], operands[1], operands[2]);
}

void fw_batch_matmul_s16(const void *params, void *const *operands) {
  fw_batch_matmul_s16_body(params, operands[0], operands[1], operands[2]);
}
