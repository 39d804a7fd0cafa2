#include "kernels/signal_channels.h"

void fw_signal_filter_bank(const void *params, void *const *operands) {
  fw_signal_filter_bank_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5],
                             operands[6]);
}

void fw_signal_square_root(const void *params, void *const *operands) {
  fw_signal_square_root_body(params, operands[0], operands[1], operands[2]);
}

void fw_signal_subtraction(const void *params, void *const *operands) {
  fw_signal_subtraction_body(params, operands[0], operands[1], operands[2], operands[3]);
}

void fw_signal_pcan(const void *params, void *const *operands) {
  fw_signal_pcan_body(params, operands[0], operands[1], operands[2], operands[3]);
}

void fw_signal_log(const void *params, void *const *operands) {
  fw_signal_log_body(params, operands[0], operands[1], operands[2]);
}
