/* One channel of an image with its padding, widened to 16 bits, two columns to a word. */
#ifndef FW_DSP_PLANE_H
#define FW_DSP_PLANE_H

#include "kernels/dsp.h"

typedef struct {
  int32_t input_height;
  int32_t input_width;
  int32_t channels;
  int32_t pad_top;
  int32_t pad_left;
  int32_t zero_point; /* the value that padding stands for */
  int32_t rows;
  int32_t words; /* of a row */
} fw_dsp_plane_t;

/* Padding everywhere: once before the first channel. */
FW_INLINE void fw_dsp_plane_clear(const fw_dsp_plane_t *p, uint32_t *plane) {
  const uint32_t padding = fw_low_lanes((uint32_t)p->zero_point, (uint32_t)p->zero_point);
  for (int32_t i = 0; i < p->rows * p->words; ++i) plane[i] = padding;
}

/* Fills in the image of one channel, which begins at `input`. */
FW_INLINE void fw_dsp_plane_fill(const fw_dsp_plane_t *p, const int8_t *input, uint32_t *plane) {
  const int32_t rows = fw_min(p->input_height, p->rows - p->pad_top);
  const int32_t columns = fw_min(p->input_width, 2 * p->words - p->pad_left);
  const int32_t first = p->pad_left & 1;
  const int32_t step = p->channels;
  const uint32_t padding = (uint32_t)p->zero_point;
  plane += p->pad_top * p->words + p->pad_left / 2;
  for (int32_t y = 0; y < rows; ++y, plane += p->words, input += p->input_width * step) {
    const int8_t *in = input;
    uint32_t *to = plane;
    if (first) {
      *to++ = fw_low_lanes(padding, (uint32_t)*in);
      in += step;
    }
#pragma GCC unroll 4
    for (int32_t pair = 0; pair < (columns - first) / 2; ++pair, in += 2 * step) {
      *to++ = fw_low_lanes((uint32_t)in[0], (uint32_t)in[step]);
    }
    if ((columns - first) & 1) *to = fw_low_lanes((uint32_t)*in, padding);
  }
}

#endif
