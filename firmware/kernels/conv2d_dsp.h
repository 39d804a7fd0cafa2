/* CONV_2D with any filter, int8, for cores with DSP instructions. Reference: conv2d.h. */
#ifndef FW_CONV2D_DSP_H
#define FW_CONV2D_DSP_H

#include "kernels/dsp_band.h"
#include "kernels/dsp_channels.h"
#include "kernels/dsp_widen.h"

typedef struct {
  int32_t batches;
  int32_t input_height;
  int32_t input_width;
  int32_t input_channels;
  int32_t output_height;
  int32_t output_width;
  FW_PER_LAYER int32_t output_channels;
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t dilation_height;
  int32_t dilation_width;
  int32_t pad_top;
  int32_t pad_left;
  int32_t has_band; /* 0: no window leaves the image, and its rows are whole words: they are read where they are */
  FW_PER_LAYER int32_t input_zero_point; /* the value that padding stands for */
  FW_PER_LAYER int32_t requantisation;   /* FW_REQUANTISE_… */
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_conv2d_s8_dsp_params_t;

/* Elements of a window, and up to the next multiple of four. */
FW_INLINE int32_t fw_conv2d_s8_dsp_depth(const fw_conv2d_s8_dsp_params_t *p) {
  return (p->kernel_height * p->kernel_width * p->input_channels + 3) & ~3;
}

/* Columns of the band, and its rows: as many as the windows of three pixels need. */
FW_INLINE int32_t fw_conv2d_s8_dsp_band_columns(const fw_conv2d_s8_dsp_params_t *p) {
  if (!p->has_band) return p->input_width;
  return (p->output_width - 1) * p->stride_width + (p->kernel_width - 1) * p->dilation_width + 1;
}

FW_INLINE int32_t fw_conv2d_s8_dsp_band_rows(const fw_conv2d_s8_dsp_params_t *p) {
  const int32_t rows_ahead = p->output_height == 1 ? 0 : p->output_width == 1 ? 2 : 1;
  return rows_ahead * p->stride_height + (p->kernel_height - 1) * p->dilation_height + 1;
}

/* Three windows, widened and interleaved into x. Rows that are no whole words are put together in `columns` first. */
FW_INLINE void fw_dsp_gather_3(const fw_conv2d_s8_dsp_params_t *p, const int8_t *const windows[3], int8_t *columns,
                               uint32_t *x) {
  const int32_t row_bytes = p->kernel_width * p->input_channels;
  const int32_t depth = fw_conv2d_s8_dsp_depth(p);
  const int32_t step = p->dilation_height * fw_conv2d_s8_dsp_band_columns(p) * p->input_channels;
  fw_dsp_widen_t job = {.to = x};
  if (p->dilation_width == 1 && row_bytes % 4 == 0) {
    for (int i = 0; i < 3; ++i) job.from[i] = windows[i];
    job.words = row_bytes / 4;
    job.rows = p->kernel_height;
    job.skip = step - row_bytes;
  } else {
    for (int i = 0; i < 3; ++i) {
      int8_t *to = columns + i * depth;
      const int8_t *from = windows[i];
      job.from[i] = to;
      for (int32_t ky = 0; ky < p->kernel_height; ++ky, from += step) {
        if (p->dilation_width == 1) {
          fw_dsp_copy_words(to, from, row_bytes);
          to += row_bytes;
        } else {
          for (int32_t kx = 0; kx < p->kernel_width; ++kx, to += p->input_channels) {
            fw_dsp_copy_words(to, from + kx * p->dilation_width * p->input_channels, p->input_channels);
          }
        }
      }
    }
    job.words = depth / 4;
    job.rows = 1;
  }
  fw_dsp_widen_3(&job);
}

/* input [batches][height][width][channels], output like it, which may lie over the input where lowering found that
 * rows are read before they are overwritten. weights: the stream of fw_dsp_channels_t. scratch: its x; three columns
 * and a word where windows' rows are no whole words; the band, if there is one, and a word. */
FW_KERNEL_BODY void fw_conv2d_s8_dsp_body(const fw_conv2d_s8_dsp_params_t *p, const int8_t *input,
                                          const uint32_t *weights, uint32_t *scratch, int8_t *output) {
  const int32_t depth = fw_conv2d_s8_dsp_depth(p);
  const fw_dsp_band_t shape = {
      .input_height = p->input_height,
      .input_width = p->input_width,
      .channels = p->input_channels,
      .pad_top = p->pad_top,
      .pad_left = p->pad_left,
      .zero_point = p->input_zero_point,
      .columns = fw_conv2d_s8_dsp_band_columns(p),
  };
  const int32_t band_rows = fw_conv2d_s8_dsp_band_rows(p);
  const int32_t row_bytes = shape.columns * p->input_channels;
  const int in_rows = p->dilation_width == 1 && p->kernel_width * p->input_channels % 4 == 0;
  int8_t *const columns = (int8_t *)(scratch + depth / 2 * 3);
  int8_t *const band = columns + (in_rows ? 0 : 3 * depth + 4);
  fw_dsp_channels_t job = {
      .x = scratch,
      .weights = weights,
      .output = output,
      .to_second = p->output_channels,
      .to_third = p->output_channels,
      .channels = p->output_channels & ~1,
      .depth = depth,
      .requantise = {p->requantisation, p->output_zero_point, p->output_min, p->output_max},
  };
  for (int32_t b = 0; b < p->batches; ++b) {
    const int8_t *top = p->has_band ? band : input;
    if (p->has_band) fw_dsp_band_start(&shape, input, band, band_rows);
    int32_t y = 0, column = 0;
    for (int32_t left = p->output_height * p->output_width; left > 0; left -= 3) {
      const int8_t *windows[3];
      int32_t x = column, row = 0;
      for (int32_t i = 0; i < 3; ++i) {
        windows[i] = top + row * row_bytes + x * p->stride_width * p->input_channels;
        if (i + 1 < left && ++x == p->output_width) {
          x = 0;
          row += p->stride_height;
        }
      }
      job.to_second = left > 1 ? p->output_channels : 0;
      job.to_third = left > 2 ? p->output_channels : 0;
      fw_dsp_gather_3(p, windows, columns, scratch);
      fw_dsp_any_channels_3(&job, p->output_channels);
      job.output += 3 * p->output_channels;
      for (column += 3; column >= p->output_width; column -= p->output_width) {
        y += p->stride_height;
        if (!p->has_band) {
          top += p->stride_height * row_bytes;
        } else if (p->output_height > 1) {
          fw_dsp_band_advance(&shape, input, band, band_rows, p->stride_height, y);
        }
      }
    }
    job.output = output + (b + 1) * p->output_height * p->output_width * p->output_channels;
    input += p->input_height * p->input_width * p->input_channels;
  }
}

#endif
