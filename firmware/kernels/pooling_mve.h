/* AVERAGE_POOL_2D and MAX_POOL_2D, int8, for cores with MVE. Reference: pooling.h. */
#ifndef FW_POOLING_MVE_H
#define FW_POOLING_MVE_H

#include "kernels/mve.h"
#include "kernels/pooling.h"

typedef struct {
  int32_t batches;
  int32_t input_height;
  int32_t input_width;
  int32_t channels;
  int32_t output_height;
  int32_t output_width;
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t pad_top;
  int32_t pad_left;
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_average_pool2d_s8_mve_params_t;

typedef fw_average_pool2d_s8_mve_params_t fw_max_pool2d_s8_mve_params_t;

/* One window: its first element, its size, and where its result goes. */
typedef struct {
  const int8_t *from;
  int8_t *to;
  int32_t rows;
  int32_t columns;
} fw_pool2d_mve_window_t;

FW_INLINE int32_t fw_pool2d_mve_mean(const fw_average_pool2d_s8_mve_params_t *p, int32_t sum, int32_t count) {
  return fw_clamp(fw_rounded_quotient(sum, count), p->output_min, p->output_max);
}

FW_INLINE void fw_pool2d_mve_average(const fw_average_pool2d_s8_mve_params_t *p, const fw_pool2d_mve_window_t *window) {
  const int32_t count = window->rows * window->columns;
  for (int32_t c = 0; c < p->channels; c += FW_MVE_WORDS) {
    const int32_t lanes = p->channels % FW_MVE_WORDS == 0 ? FW_MVE_WORDS : fw_min(p->channels - c, FW_MVE_WORDS);
    const int8_t *row = window->from + c;
    fw_mve_words_t sums = fw_mve_all_words(0);
    for (int32_t y = 0; y < window->rows; ++y, row += p->input_width * p->channels) {
      const int8_t *x = row;
      for (int32_t left = window->columns; left > 0; --left, x += p->channels) {
        sums = fw_mve_add(sums, fw_mve_widen_words(x, lanes));
      }
    }
#pragma GCC unroll 4
    for (int32_t i = 0; i < FW_MVE_WORDS; ++i) {
      if (i < lanes) window->to[c + i] = (int8_t)fw_pool2d_mve_mean(p, fw_mve_lane(sums, i), count);
    }
  }
}

FW_INLINE void fw_pool2d_mve_max(const fw_average_pool2d_s8_mve_params_t *p, const fw_pool2d_mve_window_t *window) {
  const fw_mve_bytes_t least = fw_mve_all_bytes(p->output_min);
  const fw_mve_bytes_t most = fw_mve_all_bytes(p->output_max);
  for (int32_t c = 0; c < p->channels; c += FW_MVE_BYTES) {
    const int32_t lanes = p->channels % FW_MVE_BYTES == 0 ? FW_MVE_BYTES : p->channels - c;
    const int8_t *row = window->from + c;
    fw_mve_bytes_t result = least;
    for (int32_t y = 0; y < window->rows; ++y, row += p->input_width * p->channels) {
      const int8_t *x = row;
      for (int32_t left = window->columns; left > 0; --left, x += p->channels) {
        result = fw_mve_max_bytes(result, fw_mve_load(x, lanes));
      }
    }
    fw_mve_store(window->to + c, fw_mve_min_bytes(result, most), lanes);
  }
}

FW_INLINE void fw_pool2d_mve(const fw_average_pool2d_s8_mve_params_t *p, const int8_t *input, int8_t *output,
                             int is_average) {
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_height * p->input_width * p->channels) {
    for (int32_t out_y = 0; out_y < p->output_height; ++out_y) {
      const int32_t y = out_y * p->stride_height - p->pad_top;
      const int32_t top = fw_max(y, 0);
      for (int32_t out_x = 0; out_x < p->output_width; ++out_x, output += p->channels) {
        const int32_t x = out_x * p->stride_width - p->pad_left;
        const int32_t left = fw_max(x, 0);
        fw_pool2d_mve_window_t window = {
            .from = input + (top * p->input_width + left) * p->channels,
            .to = output,
            .rows = fw_min(y + p->kernel_height, p->input_height) - top,
            .columns = fw_min(x + p->kernel_width, p->input_width) - left,
        };
        if (!is_average) {
          fw_pool2d_mve_max(p, &window);
        } else if (window.rows == p->kernel_height && window.columns == p->kernel_width) {
          /* Whole windows have a size known to the compiler, which divides by it with a multiplication. */
          window.rows = p->kernel_height;
          window.columns = p->kernel_width;
          fw_pool2d_mve_average(p, &window);
        } else {
          fw_pool2d_mve_average(p, &window);
        }
      }
    }
  }
}

FW_KERNEL_BODY void fw_average_pool2d_s8_mve_body(const fw_average_pool2d_s8_mve_params_t *p, const int8_t *input,
                                                  int8_t *output) {
  fw_pool2d_mve(p, input, output, 1);
}

FW_KERNEL_BODY void fw_max_pool2d_s8_mve_body(const fw_max_pool2d_s8_mve_params_t *p, const int8_t *input,
                                              int8_t *output) {
  fw_pool2d_mve(p, input, output, 0);
}

#endif
