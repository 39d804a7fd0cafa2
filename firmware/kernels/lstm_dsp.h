/* UNIDIRECTIONAL_SEQUENCE_LSTM for cores with DSP instructions. Reference: lstm.h. */
#ifndef FW_LSTM_DSP_H
#define FW_LSTM_DSP_H

#include "kernels/dsp_lanes.h"
#include "kernels/lstm.h"

typedef struct {
  int32_t batches;
  int32_t steps;
  int32_t input_size;
  int32_t units;
  int32_t is_short;             /* sums under 2^30, shifts from -30 to -1 */
  int32_t is_time_major;        /* 1: [steps][batches][...], 0: [batches][steps][...] */
  int32_t cell_tanh_multiplier; /* brings a cell state to the steps of the sigmoid table, see fw_tanh_s16 */
  int32_t cell_tanh_shift;
  FW_PER_LAYER int32_t cell_clip;         /* 0: none */
  FW_PER_LAYER int32_t update_multiplier; /* input gate times cell gate, to the scale of the cell state */
  FW_PER_LAYER int32_t update_shift;
  FW_PER_LAYER int32_t hidden_multiplier; /* output gate times tanh(cell), to the scale of the hidden state */
  FW_PER_LAYER int32_t hidden_shift;
  FW_PER_LAYER int32_t hidden_zero_point;
} fw_lstm_s8_dsp_params_t;

typedef fw_lstm_s8_dsp_params_t fw_lstm_s16_dsp_params_t;

FW_INLINE fw_lstm_s8_params_t fw_lstm_dsp_unit(const fw_lstm_s8_dsp_params_t *p) {
  const fw_lstm_s8_params_t unit = {
      .cell_tanh_multiplier = p->cell_tanh_multiplier,
      .cell_tanh_shift = p->cell_tanh_shift,
      .cell_clip = p->cell_clip,
      .update_multiplier = p->update_multiplier,
      .update_shift = p->update_shift,
      .hidden_multiplier = p->hidden_multiplier,
      .hidden_shift = p->hidden_shift,
      .hidden_zero_point = p->hidden_zero_point,
  };
  return unit;
}

/* fw_requantise() of a sum, clamped to int16_t. In the short form the first rounding is one instruction. */
FW_INLINE int32_t fw_lstm_s8_dsp_scale(const fw_lstm_s8_dsp_params_t *p, int32_t bias, int32_t sum, int32_t multiplier,
                                       int32_t shift) {
  sum = fw_add_wrap(sum, bias);
  if (!p->is_short) return fw_clamp(fw_requantise(sum, multiplier, shift), INT16_MIN, INT16_MAX);
  const int32_t scaled = fw_smmlar(2 * sum, multiplier, ((int32_t)1 << -shift) >> 1);
  return fw_clamp((scaled + (sum >> 31)) >> -shift, INT16_MIN, INT16_MAX);
}

/* The products' sum fits 32 bits: lowering has made sure. */
FW_INLINE int32_t fw_lstm_s16_dsp_scale(const fw_lstm_s16_dsp_params_t *p, int64_t bias, int32_t sum,
                                        int32_t multiplier, int32_t shift) {
  (void)p;
  return fw_clamp(fw_requantise_wide(bias + sum, multiplier, shift), INT16_MIN, INT16_MAX);
}

/* Operands as in lstm.h; scratch holds one input and one hidden state in whole fours of int16_t. */
FW_KERNEL_BODY void fw_lstm_s8_dsp_body(const fw_lstm_s8_dsp_params_t *p, const int8_t *input,
                                        const int8_t *input_weights, const int8_t *recurrent_weights,
                                        const int32_t *input_bias, const int32_t *recurrent_bias,
                                        const int32_t *multiplier, const int8_t *shift, const uint16_t *sigmoid_table,
                                        uint32_t *scratch, int8_t *output, int8_t *hidden, int16_t *cell) {
  const fw_lstm_s8_params_t unit = fw_lstm_dsp_unit(p);
  const int32_t units = p->units;
  uint32_t *const recurrent = scratch + (p->input_size + 3) / 4 * 2;
  for (int32_t b = 0; b < p->batches; ++b, hidden += units, cell += units) {
    for (int32_t t = 0; t < p->steps; ++t) {
      const int32_t row = p->is_time_major ? t * p->batches + b : b * p->steps + t;
      int8_t *y = output + row * units;
      fw_dsp_lanes_s8(scratch, input + row * p->input_size, p->input_size, 0);
      fw_dsp_lanes_s8(recurrent, hidden, units, 0);
      for (int32_t u = 0; u < units; ++u) {
        int32_t gates[FW_LSTM_GATES];
#pragma GCC unroll 2
        for (int32_t g = 0; g < FW_LSTM_GATES; g += 2) {
          const int32_t gu = g * units + u;
          const int8_t *const w = input_weights + gu * p->input_size;
          const int8_t *const v = recurrent_weights + gu * units;
          const fw_dsp_two_sums_t a = fw_dsp_lanes_two_dots(scratch, w, w + units * p->input_size, p->input_size);
          const fw_dsp_two_sums_t r = fw_dsp_lanes_two_dots(recurrent, v, v + units * units, units);
          const int32_t *const m = multiplier + 2 * g;
          const int8_t *const n = shift + 2 * g;
          gates[g] = fw_lstm_s8_dsp_scale(p, input_bias[gu], a.first, m[0], n[0]) +
                     fw_lstm_s8_dsp_scale(p, recurrent_bias[gu], r.first, m[1], n[1]);
          gates[g + 1] = fw_lstm_s8_dsp_scale(p, input_bias[gu + units], a.second, m[2], n[2]) +
                         fw_lstm_s8_dsp_scale(p, recurrent_bias[gu + units], r.second, m[3], n[3]);
          gates[g] = fw_clamp(gates[g], INT16_MIN, INT16_MAX);
          gates[g + 1] = fw_clamp(gates[g + 1], INT16_MIN, INT16_MAX);
        }
        y[u] = (int8_t)fw_clamp(fw_lstm_unit(&unit, gates, sigmoid_table, &cell[u]), INT8_MIN, INT8_MAX);
      }
      /* All units have read the old hidden state. */
      memcpy(hidden, y, (size_t)units * sizeof *y);
    }
  }
}

FW_KERNEL_BODY void fw_lstm_s16_dsp_body(const fw_lstm_s16_dsp_params_t *p, const int16_t *input,
                                         const int8_t *input_weights, const int8_t *recurrent_weights,
                                         const int64_t *input_bias, const int64_t *recurrent_bias,
                                         const int32_t *multiplier, const int8_t *shift, const uint16_t *sigmoid_table,
                                         uint32_t *scratch, int16_t *output, int16_t *hidden, int16_t *cell) {
  const fw_lstm_s8_params_t unit = fw_lstm_dsp_unit(p);
  const int32_t units = p->units;
  uint32_t *const recurrent = scratch + (p->input_size + 3) / 4 * 2;
  for (int32_t b = 0; b < p->batches; ++b, hidden += units, cell += units) {
    for (int32_t t = 0; t < p->steps; ++t) {
      const int32_t row = p->is_time_major ? t * p->batches + b : b * p->steps + t;
      int16_t *y = output + row * units;
      fw_dsp_lanes_s16(scratch, input + row * p->input_size, p->input_size);
      fw_dsp_lanes_s16(recurrent, hidden, units);
      for (int32_t u = 0; u < units; ++u) {
        int32_t gates[FW_LSTM_GATES];
#pragma GCC unroll 2
        for (int32_t g = 0; g < FW_LSTM_GATES; g += 2) {
          const int32_t gu = g * units + u;
          const int8_t *const w = input_weights + gu * p->input_size;
          const int8_t *const v = recurrent_weights + gu * units;
          const fw_dsp_two_sums_t a = fw_dsp_lanes_two_dots(scratch, w, w + units * p->input_size, p->input_size);
          const fw_dsp_two_sums_t r = fw_dsp_lanes_two_dots(recurrent, v, v + units * units, units);
          const int32_t *const m = multiplier + 2 * g;
          const int8_t *const n = shift + 2 * g;
          gates[g] = fw_lstm_s16_dsp_scale(p, input_bias[gu], a.first, m[0], n[0]) +
                     fw_lstm_s16_dsp_scale(p, recurrent_bias[gu], r.first, m[1], n[1]);
          gates[g + 1] = fw_lstm_s16_dsp_scale(p, input_bias[gu + units], a.second, m[2], n[2]) +
                         fw_lstm_s16_dsp_scale(p, recurrent_bias[gu + units], r.second, m[3], n[3]);
          gates[g] = fw_clamp(gates[g], INT16_MIN, INT16_MAX);
          gates[g + 1] = fw_clamp(gates[g + 1], INT16_MIN, INT16_MAX);
        }
        y[u] = (int16_t)fw_clamp(fw_lstm_unit(&unit, gates, sigmoid_table, &cell[u]), INT16_MIN, INT16_MAX);
      }
      /* All units have read the old hidden state. */
      memcpy(hidden, y, (size_t)units * sizeof *y);
    }
  }
}

#endif
