#include "kernels/lstm_dsp.h"

void fw_lstm_s8_dsp(const void *params, void *const *operands) {
  fw_lstm_s8_dsp_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5], operands[6],
                      operands[7], operands[8], operands[9], operands[10], operands[11]);
}

void fw_lstm_s16_dsp(const void *params, void *const *operands) {
  fw_lstm_s16_dsp_body(params, operands[0], operands[1], operands[2], operands[3], operands[4], operands[5],
                       operands[6], operands[7], operands[8], operands[9], operands[10], operands[11]);
}
