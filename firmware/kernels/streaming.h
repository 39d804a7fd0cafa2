/* What an incremental model does from hop to hop: rows of features move up, sums over time follow them. See
 * pytool/fieldwren/streaming; the arithmetic of the means is that of kernels/reduce.h and kernels/pooling.h. */
#ifndef FW_STREAMING_H
#define FW_STREAMING_H

#include <string.h>

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"
#include "kernels/pooling.h"

typedef struct {
  int32_t bytes;      /* that stay */
  int32_t distance;   /* bytes that leave in front of them; positive */
  int32_t is_aligned; /* 1: memory and distance are multiples of 4 */
} fw_shift_rows_params_t;

/* memory[i] = memory[i + distance]. Written out because the C library of small cores moves byte by byte. */
FW_KERNEL_BODY void fw_shift_rows_body(const fw_shift_rows_params_t *p, void *memory) {
  uint8_t *to = memory;
  const uint8_t *from = to + p->distance;
  int32_t left = p->bytes;
  if (p->is_aligned) {
    /* A block is read before any of it is written: the two may overlap. */
    for (; left >= 32; left -= 32, to += 32, from += 32) {
      uint32_t words[8];
      memcpy(words, __builtin_assume_aligned(from, 4), sizeof words);
      memcpy(__builtin_assume_aligned(to, 4), words, sizeof words);
    }
    for (; left >= 4; left -= 4, to += 4, from += 4) {
      uint32_t word;
      memcpy(&word, __builtin_assume_aligned(from, 4), sizeof word);
      memcpy(__builtin_assume_aligned(to, 4), &word, sizeof word);
    }
  }
  for (; left > 0; --left) *to++ = *from++;
}

/* The sum over the `width` pixels of one row, for one channel. */
FW_INLINE int32_t fw_row_sum(const int8_t *pixels, int32_t width, int32_t channels) {
  int32_t sum = 0;
  for (int32_t column = 0; column < width; ++column) sum += pixels[column * channels];
  return sum;
}

typedef struct {
  int32_t rows;   /* new ones, at most `window` */
  int32_t window; /* rows that the sums are over */
  int32_t width;  /* pixels of a row; at most 255, or a row's sum would not fit the ring */
  int32_t channels;
} fw_running_sums_s8_params_t;

/* input [rows][width][channels], ring [window][channels]: the sums of the rows inside the window, the oldest at
 * `position`; sums [channels]. All zeros at the start, as if zeros had come before. */
FW_KERNEL_BODY void fw_running_sums_s8_body(const fw_running_sums_s8_params_t *p, const int8_t *input, int16_t *ring,
                                            int32_t *sums, int32_t *position) {
  int32_t oldest = *position;
  for (int32_t row = 0; row < p->rows; ++row, input += p->width * p->channels) {
    int16_t *const leaving = ring + oldest * p->channels;
    for (int32_t c = 0; c < p->channels; ++c) {
      const int32_t sum = fw_row_sum(input + c, p->width, p->channels);
      sums[c] += sum - leaving[c];
      leaving[c] = (int16_t)sum;
    }
    oldest = oldest + 1 == p->window ? 0 : oldest + 1;
  }
  *position = oldest;
}

/* Channel `c` of a sum over time: the running one, and the rows at both ends of the window that are not part of it. */
FW_INLINE int32_t fw_sum_with_edges(int32_t sum, const int8_t *top, int32_t top_rows, const int8_t *bottom,
                                    int32_t bottom_rows, int32_t width, int32_t channels, int32_t c) {
  if (top_rows > 0) sum += fw_row_sum(top + c, top_rows * width, channels);
  if (bottom_rows > 0) sum += fw_row_sum(bottom + c, bottom_rows * width, channels);
  return sum;
}

typedef struct {
  int32_t top_rows;
  int32_t bottom_rows;
  int32_t width;
  int32_t channels;
  FW_PER_LAYER int32_t offset;
  FW_PER_LAYER int32_t multiplier;
  FW_PER_LAYER int32_t shift;
  FW_PER_LAYER int32_t output_zero_point;
} fw_mean_of_sums_s8_params_t;

/* MEAN or SUM: what fw_sum_s8 does with its sums. `top` and `bottom` are null where they have no rows. */
FW_KERNEL_BODY void fw_mean_of_sums_s8_body(const fw_mean_of_sums_s8_params_t *p, const int32_t *sums,
                                            const int8_t *top, const int8_t *bottom, int8_t *output) {
  for (int32_t c = 0; c < p->channels; ++c) {
    const int32_t sum = fw_sum_with_edges(sums[c], top, p->top_rows, bottom, p->bottom_rows, p->width, p->channels, c);
    const int32_t scaled = fw_requantise(fw_subtract_wrap(sum, p->offset), p->multiplier, p->shift);
    output[c] = (int8_t)fw_clamp(fw_add_wrap(scaled, p->output_zero_point), INT8_MIN, INT8_MAX);
  }
}

typedef struct {
  int32_t top_rows;
  int32_t bottom_rows;
  int32_t width;
  int32_t channels;
  int32_t count; /* pixels in the window */
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_average_of_sums_s8_params_t;

/* AVERAGE_POOL_2D: what fw_average_pool2d_s8 does with its sums. */
FW_KERNEL_BODY void fw_average_of_sums_s8_body(const fw_average_of_sums_s8_params_t *p, const int32_t *sums,
                                               const int8_t *top, const int8_t *bottom, int8_t *output) {
  for (int32_t c = 0; c < p->channels; ++c) {
    const int32_t sum = fw_sum_with_edges(sums[c], top, p->top_rows, bottom, p->bottom_rows, p->width, p->channels, c);
    output[c] = (int8_t)fw_clamp(fw_rounded_quotient(sum, p->count), p->output_min, p->output_max);
  }
}

#endif
