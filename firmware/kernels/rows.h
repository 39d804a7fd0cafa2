/* Rows of int8 times int8 weights: what convolutions and fully connected layers have in common. */
#ifndef FW_ROWS_H
#define FW_ROWS_H

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"
#include "kernels/requantise.h"

/* Elements of depth in one pass of the inner loop: as many as the accumulators of a pair leave registers for. */
#if defined(__riscv)
#define FW_ROWS_PAIR_STEPS 2
#else
#define FW_ROWS_PAIR_STEPS 1
#endif
#define FW_ROWS_SINGLE_STEPS 4

/* Channels are computed four at a time: `weights` holds [channels / 4][depth][4], then [depth] for each channel left.
 * The other tables have an entry for each channel; without them the two common values serve all. */
typedef struct {
  int32_t depth;
  int32_t channels;
  const int8_t *weights;
  const int32_t *bias;
  const int32_t *multiplier;
  const int8_t *shift;
  int32_t common_multiplier;
  int32_t common_shift;
  fw_output_t output;
} fw_rows_t;

/* One or (`pair`) two rows of `depth` elements, one behind the other, what is added to every sum of theirs, and where
 * their results go. The first row's are written last: a second row that does not exist may share its place. */
typedef struct {
  int pair;
  const int8_t *first;
  int32_t first_offset;
  int32_t second_offset;
  int8_t *first_output;
  int8_t *second_output;
} fw_row_pair_t;

FW_INLINE int32_t fw_multiply_add(int32_t sum, int32_t a, int32_t b) {
  return fw_add_wrap(sum, a * b);
}

FW_INLINE void fw_rows_store(const fw_rows_t *p, const fw_row_pair_t *rows, int32_t channel, int32_t first,
                             int32_t second) {
  const int32_t multiplier = p->multiplier ? p->multiplier[channel] : p->common_multiplier;
  const int32_t shift = p->shift ? p->shift[channel] : p->common_shift;
  if (rows->pair) rows->second_output[channel] = fw_requantise_sum(&p->output, second, multiplier, shift);
  rows->first_output[channel] = fw_requantise_sum(&p->output, first, multiplier, shift);
}

/* The sums of four channels. */
typedef struct {
  int32_t first[4];
  int32_t second[4];
} fw_rows_sums_t;

/* One element of depth: `x` is the first row's, `w` the four channels' weights. */
FW_INLINE void fw_rows_step(const fw_rows_t *p, int pair, fw_rows_sums_t *sums, const int8_t *x, const int8_t *w) {
  const int32_t first = x[0];
  const int32_t second = pair ? x[p->depth] : 0;
#pragma GCC unroll 4
  for (int32_t i = 0; i < 4; ++i) {
    sums->first[i] = fw_multiply_add(sums->first[i], first, w[i]);
    if (pair) sums->second[i] = fw_multiply_add(sums->second[i], second, w[i]);
  }
}

/* All channels of the rows. */
FW_INLINE void fw_rows(const fw_rows_t *p, const fw_row_pair_t *rows) {
  const int32_t steps = rows->pair ? FW_ROWS_PAIR_STEPS : FW_ROWS_SINGLE_STEPS;
  const int8_t *w = p->weights;
  int32_t c = 0;
  for (; c + 4 <= p->channels; c += 4) {
    fw_rows_sums_t sums;
#pragma GCC unroll 4
    for (int32_t i = 0; i < 4; ++i) {
      sums.first[i] = fw_add_wrap(p->bias[c + i], rows->first_offset);
      sums.second[i] = fw_add_wrap(p->bias[c + i], rows->second_offset);
    }
    const int8_t *x = rows->first;
    int32_t k = 0;
    for (; k + steps <= p->depth; k += steps, x += steps, w += 4 * steps) {
#pragma GCC unroll 4
      for (int32_t step = 0; step < steps; ++step) fw_rows_step(p, rows->pair, &sums, x + step, w + 4 * step);
    }
    for (; k < p->depth; ++k, ++x, w += 4) fw_rows_step(p, rows->pair, &sums, x, w);
#pragma GCC unroll 4
    for (int32_t i = 0; i < 4; ++i) fw_rows_store(p, rows, c + i, sums.first[i], sums.second[i]);
  }
  for (; c < p->channels; ++c, w += p->depth) {
    int32_t a = fw_add_wrap(p->bias[c], rows->first_offset);
    int32_t b = fw_add_wrap(p->bias[c], rows->second_offset);
    for (int32_t k = 0; k < p->depth; ++k) {
      a = fw_multiply_add(a, rows->first[k], w[k]);
      if (rows->pair) b = fw_multiply_add(b, rows->first[k + p->depth], w[k]);
    }
    fw_rows_store(p, rows, c, a, b);
  }
}

#endif
