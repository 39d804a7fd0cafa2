/* A band of image rows with their padding: what windows are read from where some of them leave the image, or where the
 * output is written over the input. */
#ifndef FW_DSP_BAND_H
#define FW_DSP_BAND_H

#include "kernels/dsp.h"

typedef struct {
  int32_t input_height;
  int32_t input_width;
  int32_t channels;
  int32_t pad_top;
  int32_t pad_left;
  int32_t zero_point; /* the value that padding stands for */
  int32_t columns;    /* of the band: as far as the windows of a row reach */
} fw_dsp_band_t;

/* One word. The barrier keeps the compiler from making loops of these a call of memcpy, which small libraries do byte
 * by byte. */
FW_INLINE void fw_dsp_copy_word(int8_t *to, const int8_t *from) {
  const uint32_t word = fw_load_word(from);
  __asm__("" : : : "memory");
  fw_store_word(to, word);
}

/* Whole words: up to three bytes more than asked for. */
FW_INLINE void fw_dsp_copy_words(int8_t *to, const int8_t *from, int32_t bytes) {
#pragma GCC unroll 4
  for (int32_t i = 0; i < bytes; i += 4) fw_dsp_copy_word(to + i, from + i);
}

/* Row `y` of the padded image. */
FW_INLINE void fw_dsp_band_row(const fw_dsp_band_t *band, const int8_t *image, int32_t y, int8_t *to) {
  const int32_t inside = fw_min(band->input_width, band->columns - band->pad_left);
  const int32_t left = band->pad_left * band->channels, middle = inside * band->channels;
  const int32_t all = band->columns * band->channels;
  const int is_inside = y >= band->pad_top && y < band->pad_top + band->input_height;
  if (is_inside) {
    const int8_t *from = image + (y - band->pad_top) * band->input_width * band->channels;
    int32_t i = 0;
#pragma GCC unroll 4
    for (; i + 4 <= middle; i += 4) fw_dsp_copy_word(to + left + i, from + i);
    for (; i < middle; ++i) to[left + i] = from[i];
  }
  for (int32_t i = 0; i < (is_inside ? left : all); ++i) to[i] = (int8_t)band->zero_point;
  for (int32_t i = left + middle; i < all; ++i) to[i] = (int8_t)band->zero_point;
}

/* The first `rows` rows of the padded image. */
FW_INLINE void fw_dsp_band_start(const fw_dsp_band_t *band, const int8_t *image, int8_t *to, int32_t rows) {
  for (int32_t row = 0; row < rows; ++row) fw_dsp_band_row(band, image, row, to + row * band->columns * band->channels);
}

/* From `rows` rows whose first is `y` - `step` of the padded image to those whose first is `y`. The band has a word
 * behind its end. */
FW_INLINE void fw_dsp_band_advance(const fw_dsp_band_t *band, const int8_t *image, int8_t *to, int32_t rows,
                                   int32_t step, int32_t y) {
  const int32_t row_bytes = band->columns * band->channels;
  const int32_t kept = fw_max(rows - step, 0);
  fw_dsp_copy_words(to, to + step * row_bytes, kept * row_bytes);
  for (int32_t row = kept; row < rows; ++row) fw_dsp_band_row(band, image, y + row, to + row * row_bytes);
}

#endif
