/* DEPTHWISE_CONV_2D with one output a channel, int8, for cores without multiply-accumulate. Reference:
 * depthwise_conv2d.h. */
#ifndef FW_DEPTHWISE_CONV2D_PACKED_H
#define FW_DEPTHWISE_CONV2D_PACKED_H

#include "kernels/packed_requantise.h"
#include "kernels/packed_words.h"

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
  int32_t requantisation;                /* FW_REQUANTISE_… */
  int32_t is_short;                      /* sums of up to 20 bits: packed_requantise.h */
  FW_PER_LAYER int32_t input_zero_point; /* the value that padding stands for */
  FW_PER_LAYER int32_t output_zero_point;
  int32_t output_min;
  int32_t output_max;
} fw_depthwise_conv2d_s8_packed_params_t;

/* Rows of the upper half of the output; the lower half is as high, or has one row less. */
FW_INLINE int32_t fw_depthwise_conv2d_s8_packed_half(const fw_depthwise_conv2d_s8_packed_params_t *p) {
  return (p->output_height + 1) / 2;
}

FW_INLINE int32_t fw_depthwise_conv2d_s8_packed_width(const fw_depthwise_conv2d_s8_packed_params_t *p) {
  return (p->output_width - 1) * p->stride_width + p->kernel_width;
}

/* Row `row` of the padded upper half, with the row of the lower half that lies as far from its top. */
FW_INLINE void fw_depthwise_conv2d_s8_packed_row(const fw_depthwise_conv2d_s8_packed_params_t *p, const int8_t *channel,
                                                 int32_t row, uint32_t *to) {
  const int32_t width = fw_depthwise_conv2d_s8_packed_width(p);
  const int32_t inside = fw_min(width - p->pad_left, p->input_width);
  const int8_t padding = (int8_t)p->input_zero_point;
  const uint32_t outside = fw_packed_pair(padding, padding);
  const int32_t upper = row - p->pad_top;
  const int32_t lower = upper + fw_depthwise_conv2d_s8_packed_half(p) * p->stride_height;
  const int has_upper = upper >= 0 && upper < p->input_height;
  const int has_lower = lower >= 0 && lower < p->input_height;
  const int8_t *a = has_upper ? channel + upper * p->input_width * p->channels : &padding;
  const int8_t *b = has_lower ? channel + lower * p->input_width * p->channels : &padding;
  const int32_t a_step = has_upper ? p->channels : 0;
  const int32_t b_step = has_lower ? p->channels : 0;
  for (int32_t x = 0; x < p->pad_left; ++x) *to++ = outside;
  for (int32_t x = 0; x < inside; ++x, a += a_step, b += b_step) *to++ = fw_packed_pair(*a, *b);
  for (int32_t x = p->pad_left + inside; x < width; ++x) *to++ = outside;
}

/* The sums of one window in the plane: of the upper pixel, and of both mixed. */
FW_INLINE void fw_depthwise_conv2d_s8_packed_window(const fw_depthwise_conv2d_s8_packed_params_t *p,
                                                    const uint32_t *plane, const uint32_t *weights, int32_t *first,
                                                    int32_t *mixed) {
  const int32_t width = fw_depthwise_conv2d_s8_packed_width(p);
  const int32_t taps = p->kernel_height * p->kernel_width;
  int32_t low = 0, both = 0, sum = 0;
#pragma GCC unroll 32
  for (int32_t tap = 0; tap < taps; ++tap) {
    const uint32_t product = plane[tap / p->kernel_width * width + tap % p->kernel_width] * weights[tap];
    if (tap % 2 == 0) sum = (int32_t)product;
    if (tap % 2 == 1) sum = (int32_t)((uint32_t)sum + product);
    if (tap % 2 == 1 || tap == taps - 1) {
      low += (int16_t)(sum & 0xFFFF);
      both += sum >> FW_PACKED_SHIFT;
    }
  }
  *first = low;
  *mixed = both;
}

/* input [batches][height][width][channels], weights [channels][kh][kw], output like input; scratch holds one channel:
 * the upper half of its padded plane, packed with the lower half, and its weights. bias holds bias[o] -
 * input_zero_point * sum(weights[o]), so that taps multiply raw input values. A channel is packed before its outputs
 * are written, which may lie on the input. */
FW_KERNEL_BODY void fw_depthwise_conv2d_s8_packed_body(const fw_depthwise_conv2d_s8_packed_params_t *p,
                                                       const int8_t *input, const int8_t *weights, const int32_t *bias,
                                                       const int32_t *multiplier, const int8_t *shift,
                                                       uint32_t *scratch, int8_t *output) {
  const fw_output_t limits = {p->requantisation, p->output_zero_point, p->output_min, p->output_max};
  const int32_t taps = p->kernel_height * p->kernel_width;
  const int32_t half = fw_depthwise_conv2d_s8_packed_half(p);
  const int32_t width = fw_depthwise_conv2d_s8_packed_width(p);
  const int32_t rows = (half - 1) * p->stride_height + p->kernel_height;
  const int32_t row_elements = p->output_width * p->channels;
  uint32_t *const plane = scratch + taps;
  fw_packed_output_t out = fw_packed_output(bias, multiplier, shift, &limits);
  for (int32_t b = 0; b < p->batches; ++b) {
    for (int32_t c = 0; c < p->channels; ++c) {
      for (int32_t tap = 0; tap < taps; ++tap) scratch[tap] = (uint32_t)(int32_t)weights[c * taps + tap];
      for (int32_t row = 0; row < rows; ++row) {
        fw_depthwise_conv2d_s8_packed_row(p, input + c, row, plane + row * width);
      }
      for (int32_t y = 0; y < half; ++y) {
        const uint32_t *at = plane + y * p->stride_height * width;
        out.first_output = output + y * row_elements;
        /* A row that does not exist is written where the other one goes after it. */
        out.second_output = y + half < p->output_height ? out.first_output + half * row_elements : out.first_output;
        for (int32_t x = 0; x < p->output_width; ++x, at += p->stride_width) {
          int32_t first, mixed;
          fw_depthwise_conv2d_s8_packed_window(p, at, scratch, &first, &mixed);
          fw_packed_store(&out, &limits, p->is_short, first, mixed, c);
          out.first_output += p->channels;
          out.second_output += p->channels;
        }
      }
    }
    input += p->input_height * p->input_width * p->channels;
    output += p->output_height * row_elements;
  }
}

#endif
