/* CONV_2D with a 1×1 filter and stride 1, int8, for cores with DSP instructions. Reference: conv2d.h. */
#ifndef FW_CONV2D_1X1_DSP_H
#define FW_CONV2D_1X1_DSP_H

#include "kernels/dsp_channels.h"
#include "kernels/dsp_widen.h"

typedef struct {
  FW_PER_LAYER int32_t pixels;
  FW_PER_LAYER int32_t input_channels; /* a multiple of 4 */
  FW_PER_LAYER int32_t output_channels;
  FW_PER_LAYER int32_t requantisation; /* FW_REQUANTISE_… */
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_conv2d_1x1_s8_dsp_params_t;

/* input [pixels][input_channels], output [pixels][output_channels], which may lie over the input: pixels are taken from
 * the end where it is larger. weights: the stream of fw_dsp_channels_t; scratch [input_channels / 2][3]. */
FW_KERNEL_BODY void fw_conv2d_1x1_s8_dsp_body(const fw_conv2d_1x1_s8_dsp_params_t *p, const int8_t *input,
                                              const uint32_t *weights, uint32_t *scratch, int8_t *output) {
  const int32_t last = (p->pixels - 1) / 3 * 3;
  const int from_end = p->output_channels > p->input_channels;
  fw_dsp_channels_t job = {
      .x = scratch,
      .weights = weights,
      .channels = p->output_channels & ~1,
      .depth = p->input_channels,
      .requantise = {p->requantisation, p->output_zero_point, p->output_min, p->output_max},
  };
  for (int32_t done = 0; done <= last; done += 3) {
    const int32_t first = from_end ? last - done : done;
    /* Pixels that do not exist are the one before them again. */
    const int32_t second = first + 1 < p->pixels ? 1 : 0;
    const int32_t third = first + 2 < p->pixels ? 1 : 0;
    const int8_t *from = input + first * p->input_channels;
    const fw_dsp_widen_t group = {
        .to = scratch,
        .from = {from, from + second * p->input_channels, from + (second + third) * p->input_channels},
        .words = p->input_channels / 4,
        .rows = 1,
    };
    fw_dsp_widen_3(&group);
    job.output = output + first * p->output_channels;
    job.to_second = second * p->output_channels;
    job.to_third = third * p->output_channels;
    fw_dsp_any_channels_3(&job, p->output_channels);
  }
}

#endif
