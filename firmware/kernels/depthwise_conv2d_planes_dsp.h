/* DEPTHWISE_CONV_2D with any filter and a stride of 1 or 2 columns, int8, for cores with DSP instructions.
 * Reference: depthwise_conv2d.h.
 *
 * Channel by channel as in depthwise_conv2d_3x3_dsp.h, two outputs of a row at a time. */
#ifndef FW_DEPTHWISE_CONV2D_PLANES_DSP_H
#define FW_DEPTHWISE_CONV2D_PLANES_DSP_H

#include "kernels/dsp_plane.h"
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
  int32_t stride_width; /* 1 or 2 */
  int32_t pad_top;
  int32_t pad_left;
  FW_PER_LAYER int32_t input_zero_point; /* the value that padding stands for */
  FW_PER_LAYER int32_t requantisation;   /* FW_REQUANTISE_… */
  FW_PER_LAYER int32_t output_zero_point;
  int32_t output_min;
  int32_t output_max;
} fw_depthwise_conv2d_planes_s8_dsp_params_t;

/* Words of a row of taps: with stride 1 there is one more column, for the outputs that begin in the upper lane. */
FW_INLINE int32_t fw_dsp_tap_words(const fw_depthwise_conv2d_planes_s8_dsp_params_t *p) {
  return (p->kernel_width + (p->stride_width == 1 ? 2 : 1)) / 2;
}

/* An even number of outputs is computed of every row. */
FW_INLINE int32_t fw_dsp_plane_row_words(const fw_depthwise_conv2d_planes_s8_dsp_params_t *p) {
  const int32_t outputs = (p->output_width + 1) & ~1;
  return p->stride_width == 1 ? outputs / 2 - 1 + fw_dsp_tap_words(p) : outputs - 1 + fw_dsp_tap_words(p);
}

/* Row by row of one channel's taps, twice their value: words for outputs that begin in the lower lane; with stride 1
 * each is followed by the word for outputs that begin in the upper lane. */
FW_INLINE void fw_dsp_spread_taps(const fw_depthwise_conv2d_planes_s8_dsp_params_t *p, const int8_t *weights,
                                  uint32_t *to) {
  const int32_t words = fw_dsp_tap_words(p);
  for (int32_t ky = 0; ky < p->kernel_height; ++ky, weights += p->kernel_width) {
    int32_t before = 0;
    for (int32_t i = 0; i < words; ++i) {
      const int32_t low = 2 * i < p->kernel_width ? 2 * weights[2 * i] : 0;
      const int32_t high = 2 * i + 1 < p->kernel_width ? 2 * weights[2 * i + 1] : 0;
      *to++ = fw_low_lanes((uint32_t)low, (uint32_t)high);
      if (p->stride_width == 1) *to++ = fw_low_lanes((uint32_t)before, (uint32_t)low);
      before = high;
    }
  }
}

/* Twice the sums of two outputs of one row, whose windows begin at `at` and a stride further. */
FW_INLINE void fw_dsp_two_sums(const fw_depthwise_conv2d_planes_s8_dsp_params_t *p, const uint32_t *at,
                               const uint32_t *taps, int32_t sums[2]) {
  const int32_t words = fw_dsp_tap_words(p), row_words = fw_dsp_plane_row_words(p);
  int32_t a = sums[0], b = sums[1];
#pragma GCC unroll 7
  for (int32_t ky = 0; ky < p->kernel_height; ++ky, at += row_words) {
#pragma GCC unroll 8
    for (int32_t i = 0; i < words; ++i) {
      if (p->stride_width == 1) {
        a = fw_smlad(at[i], *taps++, a);
        b = fw_smlad(at[i], *taps++, b);
      } else {
        a = fw_smlad(at[i], *taps, a);
        b = fw_smlad(at[i + 1], *taps++, b);
      }
    }
  }
  sums[0] = a;
  sums[1] = b;
}

/* input and output [batches][height][width][channels], and the output may lie over an input that is not smaller.
 * weights [channels][kh][kw]; `tables` holds twice the bias and the multiplier of each channel.
 * scratch: the plane, then the taps of one channel. */
FW_KERNEL_BODY void fw_depthwise_conv2d_planes_s8_dsp_body(const fw_depthwise_conv2d_planes_s8_dsp_params_t *p,
                                                           const int8_t *input, const int8_t *weights,
                                                           const int32_t *tables, const int8_t *shift,
                                                           uint32_t *scratch, int8_t *output) {
  const fw_dsp_output_t out = {p->requantisation, p->output_zero_point, p->output_min, p->output_max};
  const fw_dsp_plane_t plane = {
      .input_height = p->input_height,
      .input_width = p->input_width,
      .channels = p->channels,
      .pad_top = p->pad_top,
      .pad_left = p->pad_left,
      .zero_point = p->input_zero_point,
      .rows = (p->output_height - 1) * p->stride_height + p->kernel_height,
      .words = fw_dsp_plane_row_words(p),
  };
  uint32_t *const taps = scratch + plane.rows * plane.words;
  fw_dsp_plane_clear(&plane, scratch);
  for (int32_t b = 0; b < p->batches; ++b) {
    const int8_t *w = weights;
    for (int32_t c = 0; c < p->channels; ++c, w += p->kernel_height * p->kernel_width) {
      fw_dsp_plane_fill(&plane, input + c, scratch);
      fw_dsp_spread_taps(p, w, taps);
      const int32_t bias = tables[2 * c], multiplier = tables[2 * c + 1], right = shift[c];
      int8_t *to = output + c;
      for (int32_t y = 0; y < p->output_height; ++y) {
        const uint32_t *at = scratch + y * p->stride_height * plane.words;
        for (int32_t x = 0; x < p->output_width; x += 2, at += p->stride_width, to += 2 * p->channels) {
          int32_t sums[2] = {bias, bias};
          fw_dsp_two_sums(p, at, taps, sums);
          to[0] = fw_dsp_requantise(&out, sums[0], multiplier, right);
          if (x + 1 < p->output_width) to[p->channels] = fw_dsp_requantise(&out, sums[1], multiplier, right);
        }
        if (p->output_width & 1) to -= p->channels;
      }
    }
    input += p->input_height * p->input_width * p->channels;
    output += p->output_height * p->output_width * p->channels;
  }
}

#endif
