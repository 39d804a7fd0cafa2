#include "kernels/lstm.h"

void fw_lstm_s8(const void *params, void *const *operands) {
  fw_lstm_s8_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5], operands[6],
                  operands[7], operands[8], operands[9], operands[10]);
}

void fw_lstm_s16(const void *params, void *const *operands) {
  fw_lstm_s16_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5], operands[6],
                   operands[7], operands[8], operands[9], operands[10]);
}
