/* CONV_2D whose channels are split into groups, int8, portable. Reference: TFLM ConvPerChannel. */
#ifndef FW_CONV2D_GROUPED_H
#define FW_CONV2D_GROUPED_H

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

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
  int32_t groups;
  FW_PER_LAYER int32_t input_zero_point; /* the value that padding stands for */
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_conv2d_grouped_s8_params_t;

/* The dot product of one kernel tap row of `n` channels with the input, or with the padding value outside the image. */
FW_INLINE int32_t fw_conv2d_grouped_s8_tap(int32_t sum, const int8_t *input, const int8_t *weights, int32_t n,
                                           int32_t padding) {
  if (input) {
    for (int32_t c = 0; c < n; ++c) sum = fw_add_wrap(sum, input[c] * weights[c]);
  } else {
    for (int32_t c = 0; c < n; ++c) sum = fw_add_wrap(sum, padding * weights[c]);
  }
  return sum;
}

/* input [batches][height][width][channels], weights [out][kh][kw][channels / groups], output like input.
 * bias holds bias[o] - input_zero_point * sum(weights[o]), so that taps multiply raw input values. */
FW_KERNEL_BODY void fw_conv2d_grouped_s8_body(const fw_conv2d_grouped_s8_params_t *p, const int8_t *input,
                                              const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                                              const int8_t *shift, int8_t *output) {
  const int32_t depth = p->input_channels / p->groups;
  const int32_t group_outputs = p->output_channels / p->groups;
  const int32_t row = p->input_width * p->input_channels;
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_height * row) {
    for (int32_t y = 0; y < p->output_height; ++y) {
      for (int32_t x = 0; x < p->output_width; ++x) {
        const int8_t *w = weights;
        for (int32_t o = 0; o < p->output_channels; ++o) {
          const int32_t first = (o / group_outputs) * depth;
          int32_t sum = bias[o];
          for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
            const int32_t in_y = y * p->stride_height - p->pad_top + ky * p->dilation_height;
            for (int32_t kx = 0; kx < p->kernel_width; ++kx, w += depth) {
              const int32_t in_x = x * p->stride_width - p->pad_left + kx * p->dilation_width;
              const int inside = in_y >= 0 && in_y < p->input_height && in_x >= 0 && in_x < p->input_width;
              const int8_t *in = inside ? input + in_y * row + in_x * p->input_channels + first : 0;
              sum = fw_conv2d_grouped_s8_tap(sum, in, w, depth, p->input_zero_point);
            }
          }
          const int32_t scaled = fw_requantise(sum, multiplier[o], shift[o]);
          *output++ = (int8_t)fw_clamp(fw_add_wrap(scaled, p->output_zero_point), p->output_min, p->output_max);
        }
      }
    }
  }
}

#endif
