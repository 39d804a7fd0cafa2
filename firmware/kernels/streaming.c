#include "kernels/streaming.h"

void fw_shift_rows(const void *params, void *const *operands) {
  fw_shift_rows_body(params, operands[0]);
}

void fw_running_sums_s8(const void *params, void *const *operands) {
  fw_running_sums_s8_body(params, operands[0], operands[1], operands[2], operands[3]);
}

void fw_mean_of_sums_s8(const void *params, void *const *operands) {
  fw_mean_of_sums_s8_body(params, operands[0], operands[1], operands[2], operands[3]);
}

void fw_average_of_sums_s8(const void *params, void *const *operands) {
  fw_average_of_sums_s8_body(params, operands[0], operands[1], operands[2], operands[3]);
}
