/* FULLY_CONNECTED, int8, symmetric weights, for cores with MVE. Reference: fully_connected.h. */
#ifndef FW_FULLY_CONNECTED_MVE_H
#define FW_FULLY_CONNECTED_MVE_H

#include "kernels/mve_dots.h"
#include "kernels/mve_requantise.h"

typedef struct {
  int32_t batches;
  int32_t input_size;
  int32_t output_size;
  int32_t is_per_channel;
  int32_t requantisation;          /* FW_REQUANTISE_… */
  FW_PER_LAYER int32_t multiplier; /* of all outputs, unless is_per_channel */
  FW_PER_LAYER int32_t shift;
  FW_PER_LAYER int32_t output_zero_point;
  int32_t output_min;
  int32_t output_max;
} fw_fully_connected_s8_mve_params_t;

/* Four outputs from `o` on, of which `count` exist. */
FW_INLINE void fw_fully_connected_s8_mve_four(const fw_fully_connected_s8_mve_params_t *p, const int8_t *input,
                                              const int8_t *weights, const int32_t *bias, const int32_t *scales,
                                              int8_t *output, int32_t o, int32_t count) {
  const fw_output_t out = {p->requantisation, p->output_zero_point, p->output_min, p->output_max};
  const int32_t vectors = p->input_size / FW_MVE_BYTES;
  const int32_t rest = p->input_size % FW_MVE_BYTES;
  const int8_t *const w = weights + o * p->input_size;
  const int8_t *const v = w + fw_min(1, count - 1) * p->input_size;
  const int8_t *const u = w + fw_min(2, count - 1) * p->input_size;
  const int8_t *const t = w + fw_min(3, count - 1) * p->input_size;
  fw_mve_sums_t sums = fw_mve_dots_1x4(input, w, v, u, t, vectors);
  if (rest > 0) {
    const int32_t at = vectors * FW_MVE_BYTES;
    const fw_mve_bytes_t x = fw_mve_load(input + at, rest);
    sums.lane[0] = fw_mve_dot(sums.lane[0], x, fw_mve_load(w + at, FW_MVE_BYTES));
    sums.lane[1] = fw_mve_dot(sums.lane[1], x, fw_mve_load(v + at, FW_MVE_BYTES));
    sums.lane[2] = fw_mve_dot(sums.lane[2], x, fw_mve_load(u + at, FW_MVE_BYTES));
    sums.lane[3] = fw_mve_dot(sums.lane[3], x, fw_mve_load(t + at, FW_MVE_BYTES));
  }
  const fw_mve_words_t sum =
      fw_mve_add(fw_mve_set_last(fw_mve_first_lanes(sums.lane[0], sums.lane[1]), sums.lane[2], sums.lane[3]),
                 fw_mve_load_words(bias + o));
  const fw_mve_words_t multiplier =
      p->is_per_channel ? fw_mve_load_words(scales + 2 * o) : fw_mve_all_words(p->multiplier);
  const fw_mve_words_t shift = p->is_per_channel ? fw_mve_load_words(scales + 2 * o + 4) : fw_mve_all_words(p->shift);
  fw_mve_store_words(output + o, fw_mve_requantise(&out, sum, multiplier, shift), count);
}

/* input [batches][input_size], weights [output_size][input_size] with 16 bytes behind them that may be read, bias and
 * scales with entries for whole fours; scales hold four multipliers, four shifts, and so on. bias holds bias[o] -
 * input_zero_point * sum(weights[o]). */
FW_KERNEL_BODY void fw_fully_connected_s8_mve_body(const fw_fully_connected_s8_mve_params_t *p, const int8_t *input,
                                                   const int8_t *weights, const int32_t *bias, const int32_t *scales,
                                                   int8_t *output) {
  const int32_t fours = p->output_size / 4 * 4;
  for (int32_t batch = 0; batch < p->batches; ++batch) {
    for (int32_t o = 0; o < fours; o += 4) {
      fw_fully_connected_s8_mve_four(p, input, weights, bias, scales, output, o, 4);
    }
    if (fours < p->output_size) {
      fw_fully_connected_s8_mve_four(p, input, weights, bias, scales, output, fours, p->output_size - fours);
    }
    input += p->input_size;
    output += p->output_size;
  }
}

#endif
