/* UNIDIRECTIONAL_SEQUENCE_LSTM with int8 or int16 activations, int8 weights and an int16 cell state.
 * Reference: TFLM EvalLstm. */
#ifndef FW_LSTM_H
#define FW_LSTM_H

#include <string.h>

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"
#include "kernels/logistic.h"
#include "kernels/tanh.h"

/* Tables over gates hold them in the order input, forget, cell, output. */
#define FW_LSTM_GATES 4

typedef struct {
  int32_t batches;
  int32_t steps;
  int32_t input_size;
  int32_t units;
  int32_t is_time_major;        /* 1: [steps][batches][...], 0: [batches][steps][...] */
  int32_t cell_tanh_multiplier; /* brings a cell state to the steps of the sigmoid table, see fw_tanh_s16 */
  int32_t cell_tanh_shift;
  FW_PER_LAYER int32_t cell_clip;         /* 0: none */
  FW_PER_LAYER int32_t update_multiplier; /* input gate times cell gate, to the scale of the cell state */
  FW_PER_LAYER int32_t update_shift;
  FW_PER_LAYER int32_t hidden_multiplier; /* output gate times tanh(cell), to the scale of the hidden state */
  FW_PER_LAYER int32_t hidden_shift;
  FW_PER_LAYER int32_t hidden_zero_point;
} fw_lstm_s8_params_t;

typedef fw_lstm_s8_params_t fw_lstm_s16_params_t;

/* One requantised sum, as the reference's layers hand them to a gate. */
FW_INLINE int32_t fw_lstm_sum_s8(int32_t bias, const int8_t *x, const int8_t *w, int32_t n, int32_t multiplier,
                                 int32_t shift) {
  uint32_t sum = (uint32_t)bias;
  for (int32_t i = 0; i < n; ++i) sum += (uint32_t)(x[i] * w[i]);
  return fw_clamp(fw_requantise((int32_t)sum, multiplier, shift), INT16_MIN, INT16_MAX);
}

FW_INLINE int32_t fw_lstm_sum_s16(int64_t bias, const int16_t *x, const int8_t *w, int32_t n, int32_t multiplier,
                                  int32_t shift) {
  int64_t sum = bias;
  for (int32_t i = 0; i < n; ++i) sum += x[i] * w[i];
  return fw_clamp(fw_requantise_wide(sum, multiplier, shift), INT16_MIN, INT16_MAX);
}

/* From the four gates' sums to the unit's new cell state, and the value of its hidden state before clamping.
 */
FW_INLINE int32_t fw_lstm_unit(const fw_lstm_s8_params_t *p, const int32_t gates[FW_LSTM_GATES],
                               const uint16_t *sigmoid_table, int16_t *cell) {
  const int32_t input_gate = fw_sigmoid_s16(gates[0] * 3, sigmoid_table);
  const int32_t forget_gate = fw_sigmoid_s16(gates[1] * 3, sigmoid_table);
  const int32_t cell_gate = fw_tanh_s16_value(gates[2] * 3, sigmoid_table);
  const int32_t output_gate = fw_sigmoid_s16(gates[3] * 3, sigmoid_table);
  /* forget gate (2^-15) times cell: the scale of the cell stays. */
  const int32_t kept = fw_clamp(fw_requantise(forget_gate * *cell, 1 << 30, -14), INT16_MIN, INT16_MAX);
  const int32_t added =
      fw_clamp(fw_requantise(input_gate * cell_gate, p->update_multiplier, p->update_shift), INT16_MIN, INT16_MAX);
  int32_t state = fw_clamp(kept + added, INT16_MIN, INT16_MAX);
  if (p->cell_clip > 0) state = fw_clamp(state, -p->cell_clip, p->cell_clip);
  *cell = (int16_t)state;
  const int32_t nudge = p->cell_tanh_shift > 0 ? (int32_t)1 << (p->cell_tanh_shift - 1) : 0;
  const int32_t x = (state * p->cell_tanh_multiplier + nudge) >> p->cell_tanh_shift;
  const int32_t hidden = fw_tanh_s16_value(x, sigmoid_table) * output_gate;
  return fw_add_wrap(fw_requantise(hidden, p->hidden_multiplier, p->hidden_shift), p->hidden_zero_point);
}

/* input_weights [gate][units][input_size], recurrent_weights [gate][units][units]; input_bias and
 * recurrent_bias [gate][units] contain -zero_point * sum(weights); multiplier and shift [2 · gate] hold each
 * gate's input and recurrent scale in turn; output [..][units]; hidden [batches][units], cell
 * [batches][units]. */
FW_KERNEL_BODY void fw_lstm_s8_body(const fw_lstm_s8_params_t *p, const int8_t *input, const int8_t *input_weights,
                                    const int8_t *recurrent_weights, const int32_t *input_bias,
                                    const int32_t *recurrent_bias, const int32_t *multiplier, const int8_t *shift,
                                    const uint16_t *sigmoid_table, int8_t *output, int8_t *hidden, int16_t *cell) {
  const int32_t units = p->units;
  for (int32_t b = 0; b < p->batches; ++b, hidden += units, cell += units) {
    for (int32_t t = 0; t < p->steps; ++t) {
      const int32_t row = p->is_time_major ? t * p->batches + b : b * p->steps + t;
      const int8_t *x = input + row * p->input_size;
      int8_t *y = output + row * units;
      for (int32_t u = 0; u < units; ++u) {
        int32_t gates[FW_LSTM_GATES];
        for (int32_t g = 0; g < FW_LSTM_GATES; ++g) {
          const int32_t gu = g * units + u;
          const int32_t a = fw_lstm_sum_s8(input_bias[gu], x, input_weights + gu * p->input_size, p->input_size,
                                           multiplier[2 * g], shift[2 * g]);
          const int32_t r = fw_lstm_sum_s8(recurrent_bias[gu], hidden, recurrent_weights + gu * units, units,
                                           multiplier[2 * g + 1], shift[2 * g + 1]);
          gates[g] = fw_clamp(a + r, INT16_MIN, INT16_MAX);
        }
        y[u] = (int8_t)fw_clamp(fw_lstm_unit(p, gates, sigmoid_table, &cell[u]), INT8_MIN, INT8_MAX);
      }
      /* All units have read the old hidden state. */
      memcpy(hidden, y, (size_t)units);
    }
  }
}

FW_KERNEL_BODY void fw_lstm_s16_body(const fw_lstm_s16_params_t *p, const int16_t *input, const int8_t *input_weights,
                                     const int8_t *recurrent_weights, const int64_t *input_bias,
                                     const int64_t *recurrent_bias, const int32_t *multiplier, const int8_t *shift,
                                     const uint16_t *sigmoid_table, int16_t *output, int16_t *hidden, int16_t *cell) {
  const int32_t units = p->units;
  for (int32_t b = 0; b < p->batches; ++b, hidden += units, cell += units) {
    for (int32_t t = 0; t < p->steps; ++t) {
      const int32_t row = p->is_time_major ? t * p->batches + b : b * p->steps + t;
      const int16_t *x = input + row * p->input_size;
      int16_t *y = output + row * units;
      for (int32_t u = 0; u < units; ++u) {
        int32_t gates[FW_LSTM_GATES];
        for (int32_t g = 0; g < FW_LSTM_GATES; ++g) {
          const int32_t gu = g * units + u;
          const int32_t a = fw_lstm_sum_s16(input_bias[gu], x, input_weights + gu * p->input_size, p->input_size,
                                            multiplier[2 * g], shift[2 * g]);
          const int32_t r = fw_lstm_sum_s16(recurrent_bias[gu], hidden, recurrent_weights + gu * units, units,
                                            multiplier[2 * g + 1], shift[2 * g + 1]);
          gates[g] = fw_clamp(a + r, INT16_MIN, INT16_MAX);
        }
        y[u] = (int16_t)fw_clamp(fw_lstm_unit(p, gates, sigmoid_table, &cell[u]), INT16_MIN, INT16_MAX);
      }
      memcpy(hidden, y, (size_t)units * sizeof *y);
    }
  }
}

#endif
