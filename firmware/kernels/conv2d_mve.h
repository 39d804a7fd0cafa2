/* CONV_2D, int8, weights per channel, for cores with MVE. Reference: conv2d.h. */
#ifndef FW_CONV2D_MVE_H
#define FW_CONV2D_MVE_H

#include "kernels/mve_rows.h"

typedef struct {
  int32_t batches;
  int32_t input_height;
  int32_t input_width;
  int32_t input_channels;
  int32_t output_height;
  int32_t output_width;
  int32_t output_channels;
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t requantisation;                /* FW_REQUANTISE_… */
  FW_PER_LAYER int32_t input_zero_point; /* the value that padding stands for */
  FW_PER_LAYER int32_t output_zero_point;
  int32_t output_min;
  int32_t output_max;
} fw_conv2d_s8_mve_params_t;

/* Elements of one row of a window; up to a few words the compiler copies them better than a loop. */
FW_INLINE void fw_conv2d_s8_mve_copy(int8_t *to, const int8_t *from, int32_t bytes) {
  if (__builtin_constant_p(bytes) && bytes <= 8) {
    memcpy(to, from, (size_t)bytes);
  } else {
    fw_mve_copy(to, from, bytes, 0);
  }
}

/* Copies the window that begins at row `y` and column `x` of one image, padding included. */
FW_INLINE void fw_conv2d_s8_mve_window(const fw_conv2d_s8_mve_params_t *p, const int8_t *image, int32_t y, int32_t x,
                                       int8_t *to) {
  const int32_t channels = p->input_channels;
  const int32_t step = p->dilation_width;
  if (p->kernel_height * p->kernel_width == 1 && p->pad_top == 0 && p->pad_left == 0) {
    fw_mve_copy(to, image + (y * p->input_width + x) * channels, channels, 1);
    return;
  }
  /* The taps inside the image. */
  const int32_t first_row = y < 0 ? (p->dilation_height - 1 - y) / p->dilation_height : 0;
  const int32_t first = x < 0 ? (step - 1 - x) / step : 0;
  const int32_t last_row =
      fw_min(p->kernel_height, (p->input_height - y + p->dilation_height - 1) / p->dilation_height);
  const int32_t last = fw_min(p->kernel_width, (p->input_width - x + step - 1) / step);
  const int is_whole = first == 0 && last == p->kernel_width;
  const int32_t row = p->kernel_width * channels;
  if (!is_whole || last_row - first_row < p->kernel_height) {
    fw_mve_fill(to, p->input_zero_point, p->kernel_height * row);
  }
  to += first_row * row;
  const int8_t *from = image + ((y + first_row * p->dilation_height) * p->input_width + x) * channels;
  for (int32_t ky = first_row; ky < last_row; ++ky, to += row, from += p->dilation_height * p->input_width * channels) {
    if (step == 1 && is_whole) {
      fw_conv2d_s8_mve_copy(to, from, row);
    } else if (step == 1) {
      fw_mve_copy(to + first * channels, from + first * channels, (last - first) * channels, 0);
    } else {
      for (int32_t kx = first; kx < last; ++kx) {
        fw_conv2d_s8_mve_copy(to + kx * channels, from + kx * step * channels, channels);
      }
    }
  }
}

/* input [batches][height][width][channels], output like input, weights and tables as in mve_rows.h with the window's
 * elements [kh][kw][channels] as depth; scratch holds three rows. bias is bias[o] - input_zero_point *
 * sum(weights[o]), so that windows hold raw input values. Pixels are taken three at a time and copied before their
 * outputs are written: a 1x1 convolution may write over its input. */
FW_KERNEL_BODY void fw_conv2d_s8_mve_body(const fw_conv2d_s8_mve_params_t *p, const int8_t *input,
                                          const int8_t *weights, const int32_t *tables, int8_t *scratch,
                                          int8_t *output) {
  fw_mve_rows_t job = {
      .depth = p->kernel_height * p->kernel_width * p->input_channels,
      .channels = p->output_channels,
      .weights = weights,
      .tables = tables,
      .output = {p->requantisation, p->output_zero_point, p->output_min, p->output_max},
      .rows = scratch,
  };
  const int32_t padded = fw_mve_padded(job.depth);
  const int8_t *image = input;
  int32_t y = 0;
  int32_t x = 0;
  fw_mve_fill(scratch, 0, 3 * padded);
  for (int32_t left = p->batches * p->output_height * p->output_width; left > 0; left -= 3) {
    for (int32_t pixel = 0; pixel < 3 && pixel < left; ++pixel) {
      fw_conv2d_s8_mve_window(p, image, y * p->stride_height - p->pad_top, x * p->stride_width - p->pad_left,
                              scratch + pixel * padded);
      if (++x == p->output_width) {
        x = 0;
        if (++y == p->output_height) {
          y = 0;
          image += p->input_height * p->input_width * p->input_channels;
        }
      }
    }
    /* Pixels that do not exist go where the first one goes after them. */
    job.output_rows[0] = output;
    job.output_rows[1] = left > 1 ? output + p->output_channels : output;
    job.output_rows[2] = left > 2 ? output + 2 * p->output_channels : output;
    fw_mve_rows(&job);
    output += 3 * p->output_channels;
  }
}

#endif
