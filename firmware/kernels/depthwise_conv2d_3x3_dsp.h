/* DEPTHWISE_CONV_2D with a 3×3 filter and stride 1 or 2, int8, for cores with DSP instructions.
 * Reference: depthwise_conv2d.h.
 *
 * One channel at a time is widened into a plane of 16-bit values with its padding, two columns to a word, so that two
 * taps of a row are one SMLAD. The output may lie over the input when it is not larger: a channel's plane is complete
 * before its outputs are written, and they go where this channel's inputs were. */
#ifndef FW_DEPTHWISE_CONV2D_3X3_DSP_H
#define FW_DEPTHWISE_CONV2D_3X3_DSP_H

#include "kernels/dsp_plane.h"
#include "kernels/dsp_requantise.h"

typedef struct {
  int32_t batches;
  int32_t input_height;
  int32_t input_width;
  int32_t channels;
  int32_t output_height;
  int32_t output_width;
  int32_t stride; /* 1 or 2 */
  int32_t pad_top;
  int32_t pad_left;
  FW_PER_LAYER int32_t input_zero_point; /* the value that padding stands for */
  int32_t requantisation;                /* FW_REQUANTISE_… */
  FW_PER_LAYER int32_t output_zero_point;
  int32_t output_min;
  int32_t output_max;
} fw_depthwise_conv2d_3x3_s8_dsp_params_t;

FW_INLINE fw_dsp_plane_t fw_dsp_plane_3x3(const fw_depthwise_conv2d_3x3_s8_dsp_params_t *p) {
  const fw_dsp_plane_t plane = {
      .input_height = p->input_height,
      .input_width = p->input_width,
      .channels = p->channels,
      .pad_top = p->pad_top,
      .pad_left = p->pad_left,
      .zero_point = p->input_zero_point,
      .rows = (p->output_height - 1) * p->stride + 3,
      .words = ((p->output_width - 1) * p->stride + 4) / 2,
  };
  return plane;
}

/* One channel's work, in the order in which the assembly loads it. */
typedef struct {
  int32_t bias[2]; /* twice the bias, twice */
  int32_t multiplier;
  int32_t rounding;
  const uint32_t *plane;
  int8_t *to;
  uint32_t count;     /* steps in a row less one, from bit 24; rows */
  uint32_t taps[3];   /* (w0, w1) of each row, twice their value */
  uint32_t taps_2[3]; /* (w1, w2) likewise */
  int32_t shift;
} fw_dsp_channel_3x3_t;

/* Nine bytes, and one more that is read. */
FW_INLINE void fw_dsp_taps_3x3(fw_dsp_channel_3x3_t *job, const int8_t *weights) {
#pragma GCC unroll 3
  for (int i = 0; i < 3; ++i) {
    const uint32_t bytes = fw_load_word(weights + 3 * i);
    const uint32_t outer = fw_twice_lanes(fw_sxtb16(bytes));
    const uint32_t middle = fw_twice_lanes(fw_sxtb16_odd(bytes));
    job->taps[i] = fw_low_lanes(outer, middle);
    job->taps_2[i] = fw_low_and_high(middle, outer);
  }
}

/* All outputs of one channel, in C. */
FW_INLINE void fw_dsp_filter_plain(const fw_depthwise_conv2d_3x3_s8_dsp_params_t *p, const fw_dsp_channel_3x3_t *job) {
  const fw_dsp_output_t out = {p->requantisation, p->output_zero_point, p->output_min, p->output_max};
  const int32_t words = fw_dsp_plane_3x3(p).words;
  const uint32_t *row = job->plane;
  int8_t *to = job->to;
  for (int32_t y = 0; y < p->output_height; ++y, row += words * p->stride) {
    for (int32_t x = 0; x < p->output_width; ++x, to += p->channels) {
      const uint32_t *at = row + x * p->stride / 2;
      int32_t sum = job->bias[0];
      for (int i = 0; i < 3; ++i, at += words) {
        if (x * p->stride % 2 == 0) {
          sum = fw_smlad(at[0], job->taps[i], sum);
          sum = fw_smlabt(at[1], job->taps_2[i], sum);
        } else {
          sum = fw_smlatb(at[0], job->taps[i], sum);
          sum = fw_smlad(at[1], job->taps_2[i], sum);
        }
      }
      *to = fw_dsp_requantise(&out, sum, job->multiplier, job->shift);
    }
  }
}

#if FW_HAS_DSP

/* r0 plane, r1 output, r2 count, r3-r5 taps, r6-r8 taps_2, r9 shift, r10-r11 sums, r12 and lr pixels. Multiplier and
 * rounding, on the stack, are loaded over the pixels. */
#define FW_DSP_CLAMP(value) \
  ".if %c[max] != 127\n\t"  \
  "cmp " value              \
  ", #%c[max]\n\t"          \
  "it gt\n\t"               \
  "movgt " value            \
  ", #%c[max]\n\t"          \
  ".endif\n\t"              \
  ".if %c[min] != -128\n\t" \
  "cmp " value              \
  ", #%c[min]\n\t"          \
  "it lt\n\t"               \
  "movlt " value            \
  ", #%c[min]\n\t"          \
  ".endif\n\t"

#define FW_DSP_ROW_OF_TWO(taps, taps_2) \
  "smlad r10, r12, " taps               \
  ", r10\n\t"                           \
  "smlatb r11, r12, " taps              \
  ", r11\n\t"                           \
  "smlabt r10, lr, " taps_2             \
  ", r10\n\t"                           \
  "smlad r11, lr, " taps_2 ", r11\n\t"

/* Two outputs of one row, stride 1. */
#define FW_DSP_TWO_OUTPUTS \
  "ldrd r10, r11, [sp]\n\t"                \
  "ldrd r12, lr, [r0, #%c[row]]\n\t"       \
  FW_DSP_ROW_OF_TWO("r4", "r7")            \
  "ldrd r12, lr, [r0, #2 * %c[row]]\n\t"   \
  FW_DSP_ROW_OF_TWO("r5", "r8")            \
  "ldrd r12, lr, [r0], #4\n\t"             \
  FW_DSP_ROW_OF_TWO("r3", "r6")            \
  "ldrd r12, lr, [sp, #8]\n\t"             \
  ".if %c[is_signed]\n\t"                  \
  "add lr, lr, r10, asr #31\n\t"           \
  "smmlar r10, r10, r12, lr\n\t"           \
  "ldr lr, [sp, #12]\n\t"                  \
  "add lr, lr, r11, asr #31\n\t"           \
  ".else\n\t"                              \
  "smmlar r10, r10, r12, lr\n\t"           \
  ".endif\n\t"                             \
  "smmlar r11, r11, r12, lr\n\t"           \
  "asr r10, r10, r9\n\t"                   \
  "asr r11, r11, r9\n\t"                   \
  "ssat r10, #8, r10, asr #1\n\t"          \
  "ssat r11, #8, r11, asr #1\n\t"          \
  FW_DSP_CLAMP("r10")                      \
  FW_DSP_CLAMP("r11")                      \
  ".if %c[step] < 256\n\t"                 \
  "strb r10, [r1], #%c[step]\n\t"          \
  "strb r11, [r1], #%c[step]\n\t"          \
  ".else\n\t"                              \
  "strb r10, [r1]\n\t"                     \
  "strb r11, [r1, #%c[step]]\n\t"          \
  "add r1, r1, #2 * %c[step]\n\t"          \
  ".endif\n\t"

/* One output, any stride. */
#define FW_DSP_ONE_OUTPUT \
  "ldr r10, [sp]\n\t"                      \
  "ldrd r12, lr, [r0, #%c[row]]\n\t"       \
  "smlad r10, r12, r4, r10\n\t"            \
  "smlabt r10, lr, r7, r10\n\t"            \
  "ldrd r12, lr, [r0, #2 * %c[row]]\n\t"   \
  "smlad r10, r12, r5, r10\n\t"            \
  "smlabt r10, lr, r8, r10\n\t"            \
  "ldrd r12, lr, [r0], #4\n\t"             \
  "smlad r10, r12, r3, r10\n\t"            \
  "smlabt r10, lr, r6, r10\n\t"            \
  "ldrd r12, lr, [sp, #8]\n\t"             \
  ".if %c[is_signed]\n\t"                  \
  "add lr, lr, r10, asr #31\n\t"           \
  ".endif\n\t"                             \
  "smmlar r10, r10, r12, lr\n\t"           \
  "asr r10, r10, r9\n\t"                   \
  "ssat r10, #8, r10, asr #1\n\t"          \
  FW_DSP_CLAMP("r10")                      \
  ".if %c[step] < 256\n\t"                 \
  "strb r10, [r1], #%c[step]\n\t"          \
  ".else\n\t"                              \
  "strb r10, [r1]\n\t"                     \
  "add r1, r1, #%c[step]\n\t"              \
  ".endif\n\t"

#define FW_DSP_FILTER(body, rest)                                                                                      \
  __asm__ volatile(                                                                                                    \
      "push {r4-r11, lr}\n\t"                                                                                          \
      "ldmia r0!, {r1, r2, r3, r4}\n\t"                                                                                \
      "push {r1, r2, r3, r4}\n\t"                                                                                      \
      "ldmia r0, {r0-r9}\n\t"                                                                                          \
      "1:\n\t"                                                                                                         \
      "2:\n\t" body                                                                                                    \
      "subs r2, r2, #0x1000000\n\t"                                                                                    \
      "bhs 2b\n\t"                                                                                                     \
      ".if %c[odd]\n\t" rest                                                                                           \
      ".endif\n\t"                                                                                                     \
      "add r0, r0, #%c[skip]\n\t"                                                                                      \
      "add r2, r2, #%c[refill]\n\t"                                                                                    \
      "subs r2, r2, #1\n\t"                                                                                            \
      "lsls r12, r2, #8\n\t"                                                                                           \
      "bne 1b\n\t"                                                                                                     \
      "add sp, sp, #16\n\t"                                                                                            \
      "pop {r4-r11, lr}\n\t"                                                                                           \
      : "+r"(at)                                                                                                       \
      : [row] "i"(row), [step] "i"(p->channels), [odd] "i"(odd), [skip] "i"(skip), [refill] "i"(steps << 24),          \
        [is_signed] "i"(p->requantisation == FW_REQUANTISE_SIGNED), [min] "i"(p->output_min), [max] "i"(p->output_max) \
      : "r1", "r2", "r3", "r12", "cc", "memory")

#endif

/* All outputs of one channel. The assembly is for literal shapes, as rendered code has them. */
FW_INLINE void fw_dsp_filter(const fw_depthwise_conv2d_3x3_s8_dsp_params_t *p, fw_dsp_channel_3x3_t *job) {
#if FW_HAS_DSP
  const int32_t steps = p->stride == 1 ? p->output_width / 2 : p->output_width;
  const int32_t odd = p->stride == 1 ? p->output_width & 1 : 0;
  const int32_t row = 4 * fw_dsp_plane_3x3(p).words;
  const int32_t skip = p->stride * row - 4 * (steps + odd);
  const int32_t is_literal = __builtin_constant_p(row) && __builtin_constant_p(skip) &&
                             __builtin_constant_p(p->channels) && __builtin_constant_p(p->requantisation) &&
                             __builtin_constant_p(p->output_min) && __builtin_constant_p(p->output_max);
  if (is_literal && steps > 0 && steps < 256 && row <= 510 && p->channels < 2048) {
    job->count = (uint32_t)(steps - 1) << 24 | (uint32_t)p->output_height;
    register const fw_dsp_channel_3x3_t *at __asm__("r0") = job;
    if (p->stride == 1) {
      FW_DSP_FILTER(FW_DSP_TWO_OUTPUTS, FW_DSP_ONE_OUTPUT);
    } else {
      FW_DSP_FILTER(FW_DSP_ONE_OUTPUT, "");
    }
    return;
  }
#endif
  fw_dsp_filter_plain(p, job);
}

/* input and output [batches][height][width][channels]. `tables` holds twice the bias and the multiplier of each
 * channel, weights ten bytes of each: nine taps and the shift. scratch: the plane. */
FW_KERNEL_BODY void fw_depthwise_conv2d_3x3_s8_dsp_body(const fw_depthwise_conv2d_3x3_s8_dsp_params_t *p,
                                                        const int8_t *input, const int8_t *weights,
                                                        const int32_t *tables, uint32_t *scratch, int8_t *output) {
  const fw_dsp_plane_t plane = fw_dsp_plane_3x3(p);
  fw_dsp_plane_clear(&plane, scratch);
  for (int32_t b = 0; b < p->batches; ++b) {
    for (int32_t c = 0; c < p->channels; ++c) {
      const int8_t *w = weights + 10 * c;
      fw_dsp_plane_fill(&plane, input + c, scratch);
      fw_dsp_channel_3x3_t job = {
          .bias = {tables[2 * c], tables[2 * c]},
          .multiplier = tables[2 * c + 1],
          .rounding = fw_shift_left_wrap(2 * p->output_zero_point + 1, w[9]),
          .plane = scratch,
          .to = output + c,
          .shift = w[9],
      };
      fw_dsp_taps_3x3(&job, w);
      fw_dsp_filter(p, &job);
    }
    input += p->input_height * p->input_width * p->channels;
    output += p->output_height * p->output_width * p->channels;
  }
}

#endif
