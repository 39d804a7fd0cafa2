/* DEPTHWISE_CONV_2D, int8, weights per channel, portable. Reference: TFLM
 * reference_integer_ops::DepthwiseConvPerChannel. */
#ifndef FW_DEPTHWISE_CONV2D_H
#define FW_DEPTHWISE_CONV2D_H

#include <string.h>

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"
#include "kernels/requantise.h"

typedef struct {
  int32_t batches;
  int32_t input_height;
  int32_t input_width;
  int32_t input_channels;
  int32_t output_height;
  int32_t output_width;
  int32_t channel_multiplier; /* outputs of each input channel */
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t requantisation;                /* FW_REQUANTISE_... */
  FW_PER_LAYER int32_t input_zero_point; /* the value that padding stands for */
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_depthwise_conv2d_s8_params_t;

/* Row `y` of the image with the padding that the windows of one output row reach into: `width` pixels. */
FW_INLINE void fw_depthwise_conv2d_s8_row(const fw_depthwise_conv2d_s8_params_t *p, const int8_t *image, int32_t y,
                                          int32_t width, int8_t *to) {
  const int32_t channels = p->input_channels;
  if (y < 0 || y >= p->input_height) {
    memset(to, p->input_zero_point, (size_t)width * (size_t)channels);
    return;
  }
  const int32_t inside = fw_min(width - p->pad_left, p->input_width);
  const int32_t right = width - p->pad_left - inside;
  memset(to, p->input_zero_point, (size_t)p->pad_left * (size_t)channels);
  memcpy(to + p->pad_left * channels, image + y * p->input_width * channels, (size_t)inside * (size_t)channels);
  memset(to + (width - right) * channels, p->input_zero_point, (size_t)right * (size_t)channels);
}

/* input [batches][height][width][channels], weights [channels * multiplier][kh][kw], output like input; scratch holds
 * the padded rows that one output row is made of. bias holds bias[o] - input_zero_point * sum(weights[o]), so that taps
 * multiply raw input values. Input rows are copied before output is written over them: with one output a channel and
 * no vertical dilation, the output may lie on the input. */
FW_KERNEL_BODY void fw_depthwise_conv2d_s8_body(const fw_depthwise_conv2d_s8_params_t *p, const int8_t *input,
                                                const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                                                const int8_t *shift, int8_t *scratch, int8_t *output) {
  const fw_output_t out = {p->requantisation, p->output_zero_point, p->output_min, p->output_max};
  const int32_t channels = p->input_channels;
  const int32_t width = (p->output_width - 1) * p->stride_width + (p->kernel_width - 1) * p->dilation_width + 1;
  const int32_t row = width * channels;
  const int32_t kept = p->dilation_height == 1 ? fw_max(p->kernel_height - p->stride_height, 0) : 0;
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_height * p->input_width * channels) {
    for (int32_t out_y = 0; out_y < p->output_height; ++out_y) {
      const int32_t y = out_y * p->stride_height - p->pad_top;
      const int32_t known = out_y > 0 ? kept : 0;
      memmove(scratch, scratch + (p->kernel_height - kept) * row, (size_t)known * (size_t)row);
      for (int32_t ky = known; ky < p->kernel_height; ++ky) {
        fw_depthwise_conv2d_s8_row(p, input, y + ky * p->dilation_height, width, scratch + ky * row);
      }
      for (int32_t out_x = 0; out_x < p->output_width; ++out_x) {
        const int8_t *column = scratch + out_x * p->stride_width * channels;
        const int8_t *w = weights;
        for (int32_t c = 0, o = 0; c < channels; ++c, ++column) {
          for (int32_t m = 0; m < p->channel_multiplier; ++m, ++o) {
            int32_t sum = bias[o];
#pragma GCC unroll 5
            for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
#pragma GCC unroll 5
              for (int32_t kx = 0; kx < p->kernel_width; ++kx) {
                sum = fw_add_wrap(sum, column[ky * row + kx * p->dilation_width * channels] * *w++);
              }
            }
            *output++ = fw_requantise_sum(&out, sum, multiplier[o], shift[o]);
          }
        }
      }
    }
  }
}

#endif
