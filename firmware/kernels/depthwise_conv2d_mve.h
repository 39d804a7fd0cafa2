/* DEPTHWISE_CONV_2D with one output a channel, int8, for cores with MVE. Reference: depthwise_conv2d.h. */
#ifndef FW_DEPTHWISE_CONV2D_MVE_H
#define FW_DEPTHWISE_CONV2D_MVE_H

#include "kernels/mve_copy.h"
#include "kernels/mve_requantise.h"
#include "kernels/mve_taps.h"

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
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t requantisation;                /* FW_REQUANTISE_… */
  FW_PER_LAYER int32_t input_zero_point; /* the value that padding stands for */
  FW_PER_LAYER int32_t output_zero_point;
  int32_t output_min;
  int32_t output_max;
} fw_depthwise_conv2d_s8_mve_params_t;

/* Row `y` of the image with the padding that the windows of one output row reach into: `width` pixels. */
FW_INLINE void fw_depthwise_conv2d_s8_mve_row(const fw_depthwise_conv2d_s8_mve_params_t *p, const int8_t *image,
                                              int32_t y, int32_t width, int8_t *to) {
  const int32_t channels = p->channels;
  if (y < 0 || y >= p->input_height) {
    fw_mve_fill(to, p->input_zero_point, width * channels);
    return;
  }
  const int32_t inside = fw_min(width - p->pad_left, p->input_width);
  const int32_t right = width - p->pad_left - inside;
  fw_mve_fill(to, p->input_zero_point, p->pad_left * channels);
  fw_mve_copy(to + p->pad_left * channels, image + y * p->input_width * channels, inside * channels, 0);
  fw_mve_fill(to + (width - right) * channels, p->input_zero_point, right * channels);
}

/* One output row, eight channels at a time: tables and weights [channels / 8][kh][kw][8] stay where they are. */
FW_INLINE void fw_depthwise_conv2d_s8_mve_outputs(const fw_depthwise_conv2d_s8_mve_params_t *p, const int8_t *rows,
                                                  int32_t row, const int8_t *weights, const int32_t *tables,
                                                  int8_t *output) {
  const fw_output_t out = {p->requantisation, p->output_zero_point, p->output_min, p->output_max};
  for (int32_t c = 0; c < p->channels; c += FW_MVE_HALVES) {
    const int32_t stored = p->channels % FW_MVE_HALVES == 0 ? FW_MVE_HALVES : p->channels - c;
    const int8_t *x = rows + c;
    int8_t *to = output + c;
    for (int32_t left = p->output_width; left > 0; --left) {
      const int8_t *w = weights;
      fw_mve_channels_t sums = {fw_mve_load_words(tables), fw_mve_load_words(tables + 4)};
#pragma GCC unroll 8
      for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
        w = fw_mve_taps(&sums, x + ky * row, p->dilation_width * p->channels, w, p->kernel_width);
      }
      sums.even = fw_mve_requantise(&out, sums.even, fw_mve_load_words(tables + 8), fw_mve_load_words(tables + 16));
      sums.odd = fw_mve_requantise(&out, sums.odd, fw_mve_load_words(tables + 12), fw_mve_load_words(tables + 20));
      fw_mve_store_interleaved(to, sums.even, sums.odd, stored);
      x += p->stride_width * p->channels;
      to += p->channels;
    }
    weights += p->kernel_height * p->kernel_width * FW_MVE_HALVES;
    tables += 3 * FW_MVE_HALVES;
  }
}

/* input [batches][height][width][channels], output like input; tables hold bias, multiplier and shift of eight
 * channels, of each the even ones before the odd ones; scratch holds the padded rows that one output row is made of,
 * and 8 bytes. bias is bias[o] - input_zero_point * sum(weights[o]), so that taps multiply raw input values. Input rows
 * are copied before output is written over them: without vertical dilation, the output may lie on the input. */
FW_KERNEL_BODY void fw_depthwise_conv2d_s8_mve_body(const fw_depthwise_conv2d_s8_mve_params_t *p, const int8_t *input,
                                                    const int8_t *weights, const int32_t *tables, int8_t *scratch,
                                                    int8_t *output) {
  const int32_t width = (p->output_width - 1) * p->stride_width + (p->kernel_width - 1) * p->dilation_width + 1;
  const int32_t row = width * p->channels;
  const int32_t kept = p->dilation_height == 1 ? fw_max(p->kernel_height - p->stride_height, 0) : 0;
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_height * p->input_width * p->channels) {
    for (int32_t out_y = 0; out_y < p->output_height; ++out_y) {
      const int32_t y = out_y * p->stride_height - p->pad_top;
      const int32_t known = out_y > 0 ? kept : 0;
      if (known > 0) fw_mve_copy(scratch, scratch + (p->kernel_height - kept) * row, known * row, 0);
      for (int32_t ky = known; ky < p->kernel_height; ++ky) {
        fw_depthwise_conv2d_s8_mve_row(p, input, y + ky * p->dilation_height, width, scratch + ky * row);
      }
      fw_depthwise_conv2d_s8_mve_outputs(p, scratch, row, weights, tables, output);
      output += p->output_width * p->channels;
    }
  }
}

#endif
