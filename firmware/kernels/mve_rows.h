/* Three rows of int8 times int8 weights, four channels at a time. */
#ifndef FW_MVE_ROWS_H
#define FW_MVE_ROWS_H

#include "kernels/mve_copy.h"
#include "kernels/mve_dots.h"
#include "kernels/mve_requantise.h"

/* `weights` [channels][depth], with 16 bytes behind them that may be read. `tables` hold bias, multiplier and shift of
 * four channels, for as many fours as it takes; the last four overlap those before where the number is no multiple
 * of 4. `rows` are three, each of `depth` elements and zeros up to the next multiple of 16: products of other weights
 * with them count nothing. */
typedef struct {
  int32_t depth;
  int32_t channels;
  const int8_t *weights;
  const int32_t *tables;
  fw_output_t output;
  const int8_t *rows;
  int8_t *output_rows[3];
} fw_mve_rows_t;

/* Where the next four channels are. */
typedef struct {
  const int8_t *weights;
  const int32_t *tables;
  int8_t *first;
  int8_t *second;
  int8_t *third;
} fw_mve_place_t;

FW_INLINE int32_t fw_mve_padded(int32_t depth) {
  return (depth + FW_MVE_BYTES - 1) / FW_MVE_BYTES * FW_MVE_BYTES;
}

/* Four channels of the rows, the first row's written last; with fewer, the last of them again. */
FW_INLINE void fw_mve_four_channels(const fw_mve_rows_t *p, fw_mve_place_t *at, int32_t channels) {
  const int32_t vectors = fw_mve_padded(p->depth) / FW_MVE_BYTES;
  const int8_t *const w = at->weights;
  const fw_mve_block_t left = fw_mve_dots_3x2(p->rows, w, w + fw_min(1, channels - 1) * p->depth, vectors);
  fw_mve_words_t first = fw_mve_first_lanes(left.sum[0][0], left.sum[0][1]);
  fw_mve_words_t second = fw_mve_first_lanes(left.sum[1][0], left.sum[1][1]);
  fw_mve_words_t third = fw_mve_first_lanes(left.sum[2][0], left.sum[2][1]);
  const fw_mve_block_t right =
      fw_mve_dots_3x2(p->rows, w + fw_min(2, channels - 1) * p->depth, w + fw_min(3, channels - 1) * p->depth, vectors);
  const fw_mve_words_t bias = fw_mve_load_words(at->tables);
  const fw_mve_words_t multiplier = fw_mve_load_words(at->tables + 4);
  const fw_mve_words_t shift = fw_mve_load_words(at->tables + 8);
  first = fw_mve_add(fw_mve_set_last(first, right.sum[0][0], right.sum[0][1]), bias);
  second = fw_mve_add(fw_mve_set_last(second, right.sum[1][0], right.sum[1][1]), bias);
  third = fw_mve_add(fw_mve_set_last(third, right.sum[2][0], right.sum[2][1]), bias);
  fw_mve_store_words(at->third, fw_mve_requantise(&p->output, third, multiplier, shift), channels);
  fw_mve_store_words(at->second, fw_mve_requantise(&p->output, second, multiplier, shift), channels);
  fw_mve_store_words(at->first, fw_mve_requantise(&p->output, first, multiplier, shift), channels);
  at->weights += 4 * p->depth;
  at->tables += 12;
  at->first += 4, at->second += 4, at->third += 4;
}

/* All channels of the rows. */
FW_INLINE void fw_mve_rows(const fw_mve_rows_t *p) {
  fw_mve_place_t at = {p->weights, p->tables, p->output_rows[0], p->output_rows[1], p->output_rows[2]};
  for (int32_t fours = p->channels / 4; fours > 0; --fours) fw_mve_four_channels(p, &at, 4);
  if (p->channels % 4 != 0) {
    const int32_t back = p->channels > 4 ? 4 - p->channels % 4 : 0;
    at.weights -= back * p->depth;
    at.first -= back, at.second -= back, at.third -= back;
    fw_mve_four_channels(p, &at, fw_min(p->channels, 4));
  }
}

#endif
