#include "kernels/signal_frames.h"

void fw_signal_delay(const void *params, void *const *operands) {
  fw_signal_delay_body(params, operands[0], operands[1], operands[2]);
}

void fw_signal_framer(const void *params, void *const *operands) {
  fw_signal_framer_body(params, operands[0], operands[1], operands[2], operands[3], operands[4]);
}

void fw_signal_stacker(const void *params, void *const *operands) {
  fw_signal_stacker_body(params, operands[0], operands[1], operands[2], operands[3], operands[4]);
}

void fw_signal_overlap_add_s16(const void *params, void *const *operands) {
  fw_signal_overlap_add_s16_body(params, operands[0], operands[1], operands[2]);
}

void fw_signal_overlap_add_f32(const void *params, void *const *operands) {
  fw_signal_overlap_add_f32_body(params, operands[0], operands[1], operands[2]);
}
