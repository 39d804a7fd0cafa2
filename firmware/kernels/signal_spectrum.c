#include "kernels/signal_spectrum.h"

void fw_signal_window(const void *params, void *const *operands) {
  fw_signal_window_body(params, operands[0], operands[1], operands[2]);
}

void fw_signal_fft_auto_scale(const void *params, void *const *operands) {
  fw_signal_fft_auto_scale_body(params, operands[0], operands[1], operands[2]);
}

void fw_signal_rfft(const void *params, void *const *operands) {
  fw_signal_rfft_body(params, operands[0], operands[1], operands[2], operands[3]);
}

void fw_signal_irfft(const void *params, void *const *operands) {
  fw_signal_irfft_body(params, operands[0], operands[1], operands[2], operands[3]);
}

void fw_signal_energy(const void *params, void *const *operands) {
  fw_signal_energy_body(params, operands[0], operands[1]);
}
