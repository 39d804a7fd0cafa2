/* CONV_2D, int16 with int8 weights per channel. Reference: TFLM reference_integer_ops::ConvPerChannel. */
#ifndef FW_CONV2D_S16_H
#define FW_CONV2D_S16_H

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
  int32_t is_narrow; /* 1: the bias was int32, and the accumulator is one as well */
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_conv2d_s16_params_t;

/* input [batches][height][width][channels], weights [out][kh][kw][channels / groups], output like input; zero
 * points are 0. */
FW_KERNEL_BODY void fw_conv2d_s16_body(const fw_conv2d_s16_params_t *p, const int16_t *input, const int8_t *weights,
                                       const int64_t *bias, const int32_t *multiplier, const int8_t *shift,
                                       int16_t *output) {
  const int32_t depth = p->input_channels / p->groups;
  const int32_t group_outputs = p->output_channels / p->groups;
  const int32_t row = p->input_width * p->input_channels;
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_height * row) {
    for (int32_t y = 0; y < p->output_height; ++y) {
      for (int32_t x = 0; x < p->output_width; ++x) {
        const int8_t *w = weights;
        for (int32_t o = 0; o < p->output_channels; ++o) {
          const int16_t *first = input + (o / group_outputs) * depth;
          int64_t sum = bias[o];
          for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
            const int32_t in_y = y * p->stride_height - p->pad_top + ky * p->dilation_height;
            for (int32_t kx = 0; kx < p->kernel_width; ++kx, w += depth) {
              const int32_t in_x = x * p->stride_width - p->pad_left + kx * p->dilation_width;
              if (in_y < 0 || in_y >= p->input_height || in_x < 0 || in_x >= p->input_width) continue;
              const int16_t *in = first + in_y * row + in_x * p->input_channels;
              for (int32_t c = 0; c < depth; ++c) sum += in[c] * w[c];
            }
          }
          const int32_t scaled = fw_requantise_s16(sum, multiplier[o], shift[o], p->is_narrow);
          *output++ = (int16_t)fw_clamp(scaled, p->output_min, p->output_max);
        }
      }
    }
  }
}

#endif
