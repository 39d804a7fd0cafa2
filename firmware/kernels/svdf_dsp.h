/* SVDF of int8 with a state of int16 and no zero point in it, for cores with DSP instructions. Reference: svdf.h. */
#ifndef FW_SVDF_DSP_H
#define FW_SVDF_DSP_H

#include "kernels/dsp_lanes.h"

typedef struct {
  int32_t batches;
  int32_t input_size;
  int32_t units;
  int32_t rank; /* filters per unit */
  int32_t memory;
  FW_PER_LAYER int32_t input_zero_point;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t feature_multiplier;
  FW_PER_LAYER int32_t feature_shift;
  FW_PER_LAYER int32_t time_multiplier;
  FW_PER_LAYER int32_t time_shift;
} fw_svdf_s16_dsp_params_t;

/* The newest state of a filter: its weights times the input. */
FW_INLINE int32_t fw_svdf_s16_dsp_feature(const fw_svdf_s16_dsp_params_t *p, const uint32_t *x, const int8_t *w) {
  const int32_t sum = fw_dsp_lanes_dot(0, x, w, p->input_size);
  return fw_clamp(fw_requantise(sum, p->feature_multiplier, p->feature_shift), INT16_MIN, INT16_MAX);
}

/* Moves the states of a filter on by one, the newest behind them, and adds their products with its time weights. */
FW_INLINE int32_t fw_svdf_s16_dsp_time(const fw_svdf_s16_dsp_params_t *p, int16_t *state, const int16_t *w,
                                       int32_t newest, int32_t sum) {
  int32_t i = 0;
#pragma GCC unroll 8
  for (; i + 2 < p->memory; i += 2) {
    const uint32_t states = fw_load_word(state + i + 1);
    fw_store_word(state + i, states);
    sum = fw_smlad(states, fw_load_word(w + i), sum);
  }
  if (i + 1 < p->memory) {
    state[i] = state[i + 1];
    sum = fw_add_wrap(sum, state[i] * w[i]);
  }
  state[p->memory - 1] = (int16_t)newest;
  return fw_add_wrap(sum, newest * w[p->memory - 1]);
}

/* Operands as in svdf.h; scratch holds the input in whole fours of int16_t. */
FW_KERNEL_BODY void fw_svdf_s16_dsp_body(const fw_svdf_s16_dsp_params_t *p, const int8_t *input,
                                         const int8_t *feature_weights, const int16_t *time_weights,
                                         const int32_t *bias, uint32_t *scratch, int8_t *output, int16_t *state) {
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_size) {
    const int8_t *features = feature_weights;
    const int16_t *times = time_weights;
    fw_dsp_lanes_s8(scratch, input, p->input_size, p->input_zero_point);
    for (int32_t u = 0; u < p->units; ++u) {
      int32_t sum = bias[u];
      for (int32_t r = 0; r < p->rank; ++r) {
        const int32_t newest = fw_svdf_s16_dsp_feature(p, scratch, features);
        sum = fw_svdf_s16_dsp_time(p, state, times, newest, sum);
        features += p->input_size;
        times += p->memory;
        state += p->memory;
      }
      const int32_t scaled = fw_requantise(sum, p->time_multiplier, p->time_shift);
      *output++ = (int8_t)fw_clamp(fw_add_wrap(scaled, p->output_zero_point), INT8_MIN, INT8_MAX);
    }
  }
}

#endif
