/* FULLY_CONNECTED, int8, for cores with DSP instructions. Reference: fully_connected.h. */
#ifndef FW_FULLY_CONNECTED_DSP_H
#define FW_FULLY_CONNECTED_DSP_H

#include "kernels/dsp_rows.h"

typedef struct {
  int32_t batches;
  int32_t input_size;
  int32_t output_size;
  int32_t grouped_outputs; /* those that fw_dsp_rows() computes, a multiple of 4; the rest one by one */
  int32_t is_widened;      /* the input is widened once before; else input_size is a multiple of 4 */
  int32_t is_per_channel;
  int32_t requantisation;          /* FW_REQUANTISE_… */
  FW_PER_LAYER int32_t multiplier; /* of all outputs, unless is_per_channel */
  FW_PER_LAYER int32_t shift;
  FW_PER_LAYER int32_t output_zero_point;
  int32_t output_min;
  int32_t output_max;
} fw_fully_connected_s8_dsp_params_t;

FW_INLINE uint32_t fw_dsp_partial_word(const int8_t *from, int32_t bytes) {
  uint32_t word = 0;
  for (int32_t i = 0; i < bytes; ++i) word |= (uint32_t)(uint8_t)from[i] << (8 * i);
  return word;
}

/* Lanes (0, 2), then (1, 3) of every four bytes; zeros behind the last. */
FW_INLINE void fw_dsp_widen(uint32_t *to, const int8_t *from, int32_t bytes) {
  int32_t i = 0;
#pragma GCC unroll 4
  for (; i + 4 <= bytes; i += 4, to += 2) {
    const uint32_t word = fw_load_word(from + i);
    to[0] = fw_sxtb16(word);
    to[1] = fw_sxtb16_odd(word);
  }
  if (i < bytes) {
    const uint32_t word = fw_dsp_partial_word(from + i, bytes - i);
    to[0] = fw_sxtb16(word);
    to[1] = fw_sxtb16_odd(word);
  }
}

FW_INLINE int32_t fw_dsp_dot(const int8_t *input, const int8_t *weights, int32_t size, int32_t sum) {
  int32_t i = 0;
#pragma GCC unroll 4
  for (; i + 4 <= size; i += 4) {
    const uint32_t x = fw_load_word(input + i), w = fw_load_word(weights + i);
    sum = fw_smlad(fw_sxtb16(x), fw_sxtb16(w), sum);
    sum = fw_smlad(fw_sxtb16_odd(x), fw_sxtb16_odd(w), sum);
  }
  for (; i < size; ++i) sum += input[i] * weights[i];
  return sum;
}

/* input [batches][input_size], output [batches][output_size]. weights: the stream of fw_dsp_rows_t for the grouped
 * outputs. For the others: rest_weights [output][input_size] and rest_bias; with is_per_channel their rest_scale holds
 * multiplier and shift of each. scratch: the widened input. */
FW_KERNEL_BODY void fw_fully_connected_s8_dsp_body(const fw_fully_connected_s8_dsp_params_t *p, const int8_t *input,
                                                   const uint32_t *weights, const int8_t *rest_weights,
                                                   const int32_t *rest_bias, const int32_t *rest_scale,
                                                   uint32_t *scratch, int8_t *output) {
  const int32_t grouped = p->grouped_outputs;
  fw_dsp_rows_t job = {
      .weights = weights,
      .channels = grouped,
      .depth = p->is_widened ? (p->input_size + 7) & ~7 : p->input_size,
      .is_widened = p->is_widened,
      .requantise = {p->requantisation, p->output_zero_point, p->output_min, p->output_max},
      .is_per_channel = p->is_per_channel,
      .multiplier = p->multiplier,
      .shift = p->shift,
  };
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_size, output += p->output_size) {
    if (grouped > 0) {
      job.x = input;
      if (p->is_widened) {
        fw_dsp_widen(scratch, input, p->input_size);
        job.x = scratch;
      }
      job.output = output;
      fw_dsp_rows(&job);
    }
    for (int32_t c = 0; c < p->output_size - grouped; ++c) {
      const int32_t multiplier = p->is_per_channel ? rest_scale[2 * c] : p->multiplier;
      const int32_t shift = p->is_per_channel ? rest_scale[2 * c + 1] : p->shift;
      const int32_t sum = fw_dsp_dot(input, rest_weights + c * p->input_size, p->input_size, rest_bias[c]);
      output[grouped + c] = fw_dsp_requantise(&job.requantise, 2 * sum, multiplier, shift);
    }
  }
}

#endif
