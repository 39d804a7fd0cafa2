/* TRANSPOSE_CONV with int8 weights per channel. Reference: TFLM reference_integer_ops::TransposeConv.
 *
 * The reference scatters every input pixel over the output; here every output pixel gathers the input pixels that
 * reach it, which gives the same sums (they are modulo 2^32, or far from overflow) without a scratch image. */
#ifndef FW_TRANSPOSE_CONV_H
#define FW_TRANSPOSE_CONV_H

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
  int32_t pad_top;
  int32_t pad_left;
  FW_PER_LAYER int32_t input_zero_point;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_transpose_conv_s8_params_t;

typedef fw_transpose_conv_s8_params_t fw_transpose_conv_s16_params_t;

/* The input rows (or columns) that reach one output row: kernel row `kernel` meets input row `input`, the next ones
 * are `stride` rows of the kernel further and one row of the input back. */
typedef struct {
  int32_t kernel;
  int32_t input;
  int32_t count;
} fw_transpose_conv_taps_t;

FW_INLINE fw_transpose_conv_taps_t fw_transpose_conv_taps(int32_t position, int32_t stride, int32_t kernel_size,
                                                          int32_t input_size) {
  fw_transpose_conv_taps_t taps = {position % stride, position / stride, 0};
  if (taps.input >= input_size) {
    taps.kernel += (taps.input - input_size + 1) * stride;
    taps.input = input_size - 1;
  }
  if (taps.kernel < kernel_size) taps.count = fw_min((kernel_size - 1 - taps.kernel) / stride, taps.input) + 1;
  return taps;
}

/* input [batches][height][width][channels], weights [out][kh][kw][in], output like input. */
FW_KERNEL_BODY void fw_transpose_conv_s8_body(const fw_transpose_conv_s8_params_t *p, const int8_t *input,
                                              const int8_t *weights, const int32_t *bias, const int32_t *multiplier,
                                              const int8_t *shift, int8_t *output) {
  const int32_t depth = p->input_channels;
  const int32_t filter = p->kernel_height * p->kernel_width * depth;
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_height * p->input_width * depth) {
    for (int32_t y = 0; y < p->output_height; ++y) {
      const fw_transpose_conv_taps_t rows =
          fw_transpose_conv_taps(y + p->pad_top, p->stride_height, p->kernel_height, p->input_height);
      for (int32_t x = 0; x < p->output_width; ++x) {
        const fw_transpose_conv_taps_t columns =
            fw_transpose_conv_taps(x + p->pad_left, p->stride_width, p->kernel_width, p->input_width);
        for (int32_t o = 0; o < p->output_channels; ++o) {
          int32_t sum = bias[o];
          for (int32_t i = 0; i < rows.count; ++i) {
            const int32_t in_row = (rows.input - i) * p->input_width + columns.input;
            const int32_t kernel_row = (rows.kernel + i * p->stride_height) * p->kernel_width + columns.kernel;
            for (int32_t j = 0; j < columns.count; ++j) {
              const int8_t *in = input + (in_row - j) * depth;
              const int8_t *w = weights + o * filter + (kernel_row + j * p->stride_width) * depth;
              for (int32_t c = 0; c < depth; ++c) sum = fw_add_wrap(sum, (in[c] - p->input_zero_point) * w[c]);
            }
          }
          const int32_t scaled = fw_add_wrap(fw_requantise(sum, multiplier[o], shift[o]), p->output_zero_point);
          *output++ = (int8_t)fw_clamp(scaled, p->output_min, p->output_max);
        }
      }
    }
  }
}

/* The same for int16, whose zero points are 0, with sums of 64 bits. */
FW_KERNEL_BODY void fw_transpose_conv_s16_body(const fw_transpose_conv_s16_params_t *p, const int16_t *input,
                                               const int8_t *weights, const int64_t *bias, const int32_t *multiplier,
                                               const int8_t *shift, int16_t *output) {
  const int32_t depth = p->input_channels;
  const int32_t filter = p->kernel_height * p->kernel_width * depth;
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_height * p->input_width * depth) {
    for (int32_t y = 0; y < p->output_height; ++y) {
      const fw_transpose_conv_taps_t rows =
          fw_transpose_conv_taps(y + p->pad_top, p->stride_height, p->kernel_height, p->input_height);
      for (int32_t x = 0; x < p->output_width; ++x) {
        const fw_transpose_conv_taps_t columns =
            fw_transpose_conv_taps(x + p->pad_left, p->stride_width, p->kernel_width, p->input_width);
        for (int32_t o = 0; o < p->output_channels; ++o) {
          int64_t sum = bias[o];
          for (int32_t i = 0; i < rows.count; ++i) {
            const int32_t in_row = (rows.input - i) * p->input_width + columns.input;
            const int32_t kernel_row = (rows.kernel + i * p->stride_height) * p->kernel_width + columns.kernel;
            for (int32_t j = 0; j < columns.count; ++j) {
              const int16_t *in = input + (in_row - j) * depth;
              const int8_t *w = weights + o * filter + (kernel_row + j * p->stride_width) * depth;
              for (int32_t c = 0; c < depth; ++c) sum += in[c] * w[c];
            }
          }
          const int32_t scaled = fw_requantise_wide(sum, multiplier[o], shift[o]);
          *output++ = (int16_t)fw_clamp(scaled, p->output_min, p->output_max);
        }
      }
    }
  }
}

#endif
