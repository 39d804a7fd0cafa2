/* Pairs of rows of int8 times int8 weights, four channels at a time. */
#ifndef FW_MVE_ROWS_H
#define FW_MVE_ROWS_H

#include "kernels/mve_dots.h"
#include "kernels/mve_requantise.h"

/* `weights` [channels][depth], with 16 bytes behind them that may be read; bias, multiplier and shift have an entry for
 * each channel, at least 4. `rows` are two, each of `depth` elements and zeros up to the next multiple of 16: products
 * of other weights with them count nothing. */
typedef struct {
  int32_t depth;
  int32_t channels;
  const int8_t *weights;
  const int32_t *bias;
  const int32_t *multiplier;
  const int32_t *shift;
  fw_output_t output;
  const int8_t *rows;
  int8_t *first_output;
  int8_t *second_output;
} fw_mve_rows_t;

FW_INLINE int32_t fw_mve_padded(int32_t depth) {
  return (depth + FW_MVE_BYTES - 1) / FW_MVE_BYTES * FW_MVE_BYTES;
}

/* All channels of both rows, the first row's written last. The last four channels overlap the ones before where the
 * number is no multiple of 4; channels that do not exist are the last one again. */
FW_INLINE void fw_mve_rows(const fw_mve_rows_t *p) {
  const int32_t last = fw_max(p->channels - FW_MVE_WORDS, 0);
  const int32_t stored = fw_min(p->channels, FW_MVE_WORDS);
  const int32_t vectors = fw_mve_padded(p->depth) / FW_MVE_BYTES;
  const int8_t *const x = p->rows;
  const int8_t *const y = p->rows + vectors * FW_MVE_BYTES;
  for (int32_t block = 0; block < p->channels; block += FW_MVE_WORDS) {
    const int32_t c = fw_min(block, last);
    const int8_t *w = p->weights + c * p->depth;
    const int8_t *second = w + fw_min(1, stored - 1) * p->depth;
    const int8_t *third = w + fw_min(2, stored - 1) * p->depth;
    const int8_t *fourth = w + fw_min(3, stored - 1) * p->depth;
    const fw_mve_sums_t left = fw_mve_dots_2x2(x, y, w, second, vectors);
    const fw_mve_sums_t right = fw_mve_dots_2x2(x, y, third, fourth, vectors);
    const fw_mve_words_t ones = fw_mve_words(left.lane[0], left.lane[2], right.lane[0], right.lane[2]);
    const fw_mve_words_t twos = fw_mve_words(left.lane[1], left.lane[3], right.lane[1], right.lane[3]);
    const fw_mve_words_t bias = fw_mve_load_words(p->bias + c);
    const fw_mve_words_t multiplier = fw_mve_load_words(p->multiplier + c);
    const fw_mve_words_t shift = fw_mve_load_words(p->shift + c);
    fw_mve_store_words(p->second_output + c, fw_mve_requantise(&p->output, fw_mve_add(twos, bias), multiplier, shift),
                       stored);
    fw_mve_store_words(p->first_output + c, fw_mve_requantise(&p->output, fw_mve_add(ones, bias), multiplier, shift),
                       stored);
  }
}

/* Copies bytes; zeros up to the next multiple of 16 behind them with `pad`. */
FW_INLINE void fw_mve_copy(int8_t *to, const int8_t *from, int32_t bytes, int pad) {
  for (; bytes >= FW_MVE_BYTES; bytes -= FW_MVE_BYTES, to += FW_MVE_BYTES, from += FW_MVE_BYTES) {
    fw_mve_store(to, fw_mve_load(from, FW_MVE_BYTES), FW_MVE_BYTES);
  }
  if (bytes > 0) fw_mve_store(to, fw_mve_load(from, bytes), pad ? FW_MVE_BYTES : bytes);
}

FW_INLINE void fw_mve_fill(int8_t *to, int32_t value, int32_t bytes) {
  for (; bytes > 0; bytes -= FW_MVE_BYTES, to += FW_MVE_BYTES) fw_mve_store(to, fw_mve_all_bytes(value), bytes);
}

#endif
