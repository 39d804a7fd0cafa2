/* PeakHold, a kernel in the form that fieldwren reads (firmware/kernels/fw_kernel.h): a struct of parameters, and a
 * body whose operands are the constants, the state and the results, in the order of the wrapper in peak_hold.c. */
#ifndef PEAK_HOLD_H
#define PEAK_HOLD_H

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t count;
  FW_PER_LAYER int32_t decay; /* steps that a peak sinks in one inference */
} fw_peak_hold_s8_params_t;

FW_KERNEL_BODY void fw_peak_hold_s8_body(const fw_peak_hold_s8_params_t *p, const int8_t *input, int8_t *peaks,
                                         int8_t *output) {
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t sunken = fw_max(peaks[i] - p->decay, INT8_MIN);
    peaks[i] = (int8_t)fw_max(sunken, input[i]);
    output[i] = peaks[i];
  }
}

#endif
