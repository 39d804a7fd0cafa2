/* DEPTHWISE_CONV_2D with any filter, int8, for cores with DSP instructions. Reference: depthwise_conv2d.h.
 *
 * Four channels of one output at a time, straight from the image or from a band of padded rows. */
#ifndef FW_DEPTHWISE_CONV2D_DSP_H
#define FW_DEPTHWISE_CONV2D_DSP_H

#include "kernels/dsp_band.h"
#include "kernels/dsp_requantise.h"

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
  int32_t has_band;                      /* 0: no window leaves the image, whose rows are read where they are */
  FW_PER_LAYER int32_t input_zero_point; /* the value that padding stands for */
  FW_PER_LAYER int32_t requantisation;   /* FW_REQUANTISE_… */
  FW_PER_LAYER int32_t output_zero_point;
  int32_t output_min;
  int32_t output_max;
} fw_depthwise_conv2d_s8_dsp_params_t;

/* Columns of the band, and its rows: those of one row of output. */
FW_INLINE int32_t fw_depthwise_conv2d_s8_dsp_columns(const fw_depthwise_conv2d_s8_dsp_params_t *p) {
  if (!p->has_band) return p->input_width;
  return (p->output_width - 1) * p->stride_width + (p->kernel_width - 1) * p->dilation_width + 1;
}

FW_INLINE int32_t fw_depthwise_conv2d_s8_dsp_rows(const fw_depthwise_conv2d_s8_dsp_params_t *p) {
  return (p->kernel_height - 1) * p->dilation_height + 1;
}

/* One tap of four channels. */
FW_INLINE void fw_dsp_tap_of_four(const int8_t *from, const int8_t *weights, int32_t sums[4]) {
  const uint32_t x = fw_load_word(from), w = fw_load_word(weights);
  const uint32_t even = fw_sxtb16(x), odd = fw_sxtb16_odd(x);
  const uint32_t even_weights = fw_sxtb16(w), odd_weights = fw_sxtb16_odd(w);
  sums[0] = fw_smlabb(even, even_weights, sums[0]);
  sums[1] = fw_smlabb(odd, odd_weights, sums[1]);
  sums[2] = fw_smlatt(even, even_weights, sums[2]);
  sums[3] = fw_smlatt(odd, odd_weights, sums[3]);
}

/* Four channels of one output: `weights` [tap][channels]. */
FW_INLINE void fw_dsp_taps_of_four(const fw_depthwise_conv2d_s8_dsp_params_t *p, const int8_t *window,
                                   const int8_t *weights, int32_t sums[4]) {
  const int32_t step = p->dilation_height * fw_depthwise_conv2d_s8_dsp_columns(p) * p->channels;
  if (p->kernel_width == 1) {
#pragma GCC unroll 5
    for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
      fw_dsp_tap_of_four(window + ky * step, weights + ky * p->channels, sums);
    }
    return;
  }
  for (int32_t ky = 0; ky < p->kernel_height; ++ky, window += step, weights += p->kernel_width * p->channels) {
#pragma GCC unroll 5
    for (int32_t kx = 0; kx < p->kernel_width; ++kx) {
      fw_dsp_tap_of_four(window + kx * p->dilation_width * p->channels, weights + kx * p->channels, sums);
    }
  }
}

FW_INLINE int32_t fw_dsp_taps_of_one(const fw_depthwise_conv2d_s8_dsp_params_t *p, const int8_t *window,
                                     const int8_t *weights, int32_t sum) {
  const int32_t step = p->dilation_height * fw_depthwise_conv2d_s8_dsp_columns(p) * p->channels;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky, window += step) {
    for (int32_t kx = 0; kx < p->kernel_width; ++kx, weights += p->channels) {
      sum += window[kx * p->dilation_width * p->channels] * *weights;
    }
  }
  return sum;
}

/* input and output [batches][height][width][channels]; the output may lie over the input where there is no band, and
 * where lowering found that rows are in the band before they are overwritten. weights [tap][channels]; `tables` holds
 * bias and multiplier of each channel. scratch: the band and a word. */
FW_KERNEL_BODY void fw_depthwise_conv2d_s8_dsp_body(const fw_depthwise_conv2d_s8_dsp_params_t *p, const int8_t *input,
                                                    const int8_t *weights, const int32_t *tables, const int8_t *shift,
                                                    int8_t *scratch, int8_t *output) {
  const fw_dsp_output_t out = {p->requantisation, p->output_zero_point, p->output_min, p->output_max};
  const fw_dsp_band_t shape = {
      .input_height = p->input_height,
      .input_width = p->input_width,
      .channels = p->channels,
      .pad_top = p->pad_top,
      .pad_left = p->pad_left,
      .zero_point = p->input_zero_point,
      .columns = fw_depthwise_conv2d_s8_dsp_columns(p),
  };
  const int32_t rows = fw_depthwise_conv2d_s8_dsp_rows(p);
  for (int32_t b = 0; b < p->batches; ++b) {
    const int8_t *top = p->has_band ? scratch : input;
    if (p->has_band) fw_dsp_band_start(&shape, input, scratch, rows);
    for (int32_t y = 0; y < p->output_height; ++y) {
      if (y > 0 && p->has_band) {
        fw_dsp_band_advance(&shape, input, scratch, rows, p->stride_height, y * p->stride_height);
      }
      const int8_t *window = top;
      for (int32_t x = 0; x < p->output_width; ++x, window += p->stride_width * p->channels) {
        int32_t c = 0;
        for (; c + 4 <= p->channels; c += 4) {
          int32_t sums[4] = {tables[2 * c], tables[2 * c + 2], tables[2 * c + 4], tables[2 * c + 6]};
          fw_dsp_taps_of_four(p, window + c, weights + c, sums);
#pragma GCC unroll 4
          for (int32_t i = 0; i < 4; ++i) {
            *output++ = fw_dsp_requantise(&out, 2 * sums[i], tables[2 * (c + i) + 1], shift[c + i]);
          }
        }
        for (; c < p->channels; ++c) {
          const int32_t sum = fw_dsp_taps_of_one(p, window + c, weights + c, tables[2 * c]);
          *output++ = fw_dsp_requantise(&out, 2 * sum, tables[2 * c + 1], shift[c]);
        }
      }
      if (!p->has_band) top += p->stride_height * p->input_width * p->channels;
    }
    input += p->input_height * p->input_width * p->channels;
  }
}

#endif
