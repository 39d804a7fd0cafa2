/* FULLY_CONNECTED, int16 with int8 weights. Reference: TFLM
 * reference_integer_ops::FullyConnected(PerChannel). */
#ifndef FW_FULLY_CONNECTED_S16_H
#define FW_FULLY_CONNECTED_S16_H

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t batches;
  int32_t input_size;
  int32_t output_size;
  int32_t is_narrow;      /* 1: the bias was int32, and the accumulator is one as well */
  int32_t is_per_channel; /* 1: one multiplier and shift per output, 0: one for all */
  FW_PER_LAYER int32_t weights_zero_point;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_fully_connected_s16_params_t;

/* input [batches][input_size], weights [output_size][input_size], output [batches][output_size].
 * bias holds bias[o] - input_zero_point * sum(weights[o] - weights_zero_point). */
FW_KERNEL_BODY void fw_fully_connected_s16_body(const fw_fully_connected_s16_params_t *p, const int16_t *input,
                                                const int8_t *weights, const int64_t *bias, const int32_t *multiplier,
                                                const int8_t *shift, int16_t *output) {
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_size) {
    const int8_t *w = weights;
    for (int32_t o = 0; o < p->output_size; ++o, w += p->input_size) {
      const int32_t channel = p->is_per_channel ? o : 0;
      int64_t sum = bias[o];
      for (int32_t i = 0; i < p->input_size; ++i) sum += input[i] * (w[i] - p->weights_zero_point);
      const int32_t scaled = fw_requantise_s16(sum, multiplier[channel], shift[channel], p->is_narrow);
      *output++ = (int16_t)fw_clamp(fw_add_wrap(scaled, p->output_zero_point), p->output_min, p->output_max);
    }
  }
}

#endif
