/* CONV_2D, int8, weights per channel, for cores without multiply-accumulate. Reference: conv2d.h. */
#ifndef FW_CONV2D_PACKED_H
#define FW_CONV2D_PACKED_H

#include "kernels/packed_rows.h"

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
  int32_t is_short;                      /* sums of up to 20 bits: packed_requantise.h */
  FW_PER_LAYER int32_t input_zero_point; /* the value that padding stands for */
  FW_PER_LAYER int32_t output_zero_point;
  int32_t output_min;
  int32_t output_max;
} fw_conv2d_s8_packed_params_t;

/* A pixel's window: where it begins in the image. */
typedef struct {
  const int8_t *image;
  int32_t y;
  int32_t x;
} fw_packed_window_t;

/* `count` elements of two windows, each of which advances by its step: 1, or 0 where padding repeats. */
FW_INLINE uint32_t *fw_conv2d_s8_packed_run(uint32_t *to, const int8_t *first, int32_t first_step, const int8_t *second,
                                            int32_t second_step, int32_t count) {
  if (first_step == 1 && second_step == 1) {
    for (int32_t i = 0; i < count; ++i) *to++ = fw_packed_pair(first[i], second[i]);
    return to;
  }
  for (; count > 0; --count, first += first_step, second += second_step) *to++ = fw_packed_pair(*first, *second);
  return to;
}

/* The pixel in row `y` and column `x`, or the padding value when it lies outside. */
FW_INLINE const int8_t *fw_conv2d_s8_packed_pixel(const fw_conv2d_s8_packed_params_t *p, const int8_t *image, int32_t y,
                                                  int32_t x, const int8_t *padding) {
  const int inside = y >= 0 && y < p->input_height && x >= 0 && x < p->input_width;
  return inside ? image + (y * p->input_width + x) * p->input_channels : padding;
}

/* Packs two windows. */
FW_INLINE void fw_conv2d_s8_packed_windows(const fw_conv2d_s8_packed_params_t *p, const fw_packed_window_t *a,
                                           const fw_packed_window_t *b, uint32_t *to) {
  const int8_t padding = (int8_t)p->input_zero_point;
  const int32_t last = (p->kernel_width - 1) * p->dilation_width;
  const int is_inside = a->x >= 0 && a->x + last < p->input_width && b->x >= 0 && b->x + last < p->input_width;
  /* Rows of neighbouring pixels in one go. */
  const int32_t run = p->dilation_width == 1 && is_inside ? p->kernel_width : 1;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t ya = a->y + ky * p->dilation_height;
    const int32_t yb = b->y + ky * p->dilation_height;
    for (int32_t kx = 0; kx < p->kernel_width; kx += run) {
      const int32_t column = kx * p->dilation_width;
      const int8_t *first = fw_conv2d_s8_packed_pixel(p, a->image, ya, a->x + column, &padding);
      const int8_t *second = fw_conv2d_s8_packed_pixel(p, b->image, yb, b->x + column, &padding);
      to = fw_conv2d_s8_packed_run(to, first, first != &padding, second, second != &padding, run * p->input_channels);
    }
  }
}

FW_INLINE void fw_conv2d_s8_packed_next(const fw_conv2d_s8_packed_params_t *p, fw_packed_window_t *at) {
  at->x += p->stride_width;
  if (at->x != p->output_width * p->stride_width - p->pad_left) return;
  at->x = -p->pad_left;
  at->y += p->stride_height;
  if (at->y != p->output_height * p->stride_height - p->pad_top) return;
  at->y = -p->pad_top;
  at->image += p->input_height * p->input_width * p->input_channels;
}

/* input [batches][height][width][channels], output like input, weights and tables as in packed_rows.h with the window's
 * elements [kh][kw][channels] as depth; scratch holds their words. bias holds bias[o] - input_zero_point *
 * sum(weights[o]), so that windows hold raw input values. Pixels are taken two at a time and packed before their
 * outputs are written: a 1x1 convolution may write over its input. */
FW_KERNEL_BODY void fw_conv2d_s8_packed_body(const fw_conv2d_s8_packed_params_t *p, const int8_t *input,
                                             const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                                             const int8_t *shift, uint32_t *scratch, int8_t *output) {
  const fw_output_t limits = {p->requantisation, p->output_zero_point, p->output_min, p->output_max};
  fw_packed_output_t out = fw_packed_output(bias, multiplier, shift, &limits);
  const fw_packed_rows_t job = {
      .depth = p->kernel_height * p->kernel_width * p->input_channels,
      .channels = p->output_channels,
      .weights = weights,
      .words = scratch,
      .limits = &limits,
      .is_short = p->is_short,
      .output = &out,
  };
  for (int32_t i = job.depth; i < fw_packed_words(job.depth); ++i) scratch[i] = 0;
  fw_packed_window_t at = {input, -p->pad_top, -p->pad_left};
  for (int32_t left = p->batches * p->output_height * p->output_width; left > 0; left -= 2) {
    const fw_packed_window_t first = at;
    if (left > 1) fw_conv2d_s8_packed_next(p, &at);
    fw_conv2d_s8_packed_windows(p, &first, &at, scratch);
    fw_conv2d_s8_packed_next(p, &at);
    out.first_output = output;
    out.second_output = left > 1 ? output + p->output_channels : output;
    fw_packed_rows(&job);
    output += 2 * p->output_channels;
  }
}

#endif
