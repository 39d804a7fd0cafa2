/* FULLY_CONNECTED, int8, portable. Reference: TFLM reference_integer_ops::FullyConnected(PerChannel). */
#ifndef FW_FULLY_CONNECTED_H
#define FW_FULLY_CONNECTED_H

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"
#include "kernels/rows.h"

/* All rows of a layer: input [batches][depth], output [batches][channels]. */
FW_INLINE void fw_fully_connected_rows(const fw_rows_t *rows, int32_t batches, int32_t weights_zero_point,
                                       const int8_t *input, int8_t *output) {
  for (int32_t batch = 0; batch < batches; batch += 2) {
    const int has_second = batch + 1 < batches;
    fw_row_pair_t pair = {
        .pair = batches > 1,
        /* The last row of an odd number is computed with the one before it, whose results are the same again. */
        .first = has_second || batches == 1 ? input : input - rows->depth,
        .first_output = has_second || batches == 1 ? output : output - rows->channels,
    };
    pair.second_output = pair.first_output + rows->channels;
    if (weights_zero_point != 0) {
      for (int32_t k = 0; k < rows->depth; ++k) {
        pair.first_offset -= weights_zero_point * pair.first[k];
        if (pair.pair) pair.second_offset -= weights_zero_point * pair.first[k + rows->depth];
      }
    }
    fw_rows(rows, &pair);
    input += 2 * rows->depth;
    output += 2 * rows->channels;
  }
}

typedef struct {
  int32_t batches;
  int32_t input_size;
  int32_t output_size;
  int32_t weights_zero_point;
  int32_t requantisation; /* FW_REQUANTISE_... */
  FW_PER_LAYER int32_t multiplier;
  FW_PER_LAYER int32_t shift;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_fully_connected_s8_params_t;

/* Weights [output_size][input_size] in the order of rows.h; bias holds
 * bias[o] - input_zero_point * sum(weights[o] - weights_zero_point). */
FW_KERNEL_BODY void fw_fully_connected_s8_body(const fw_fully_connected_s8_params_t *p, const int8_t *input,
                                               const int8_t *weights, const int32_t *bias, int8_t *output) {
  const fw_rows_t rows = {
      .depth = p->input_size,
      .channels = p->output_size,
      .weights = weights,
      .bias = bias,
      .common_multiplier = p->multiplier,
      .common_shift = p->shift,
      .output = {p->requantisation, p->output_zero_point, p->output_min, p->output_max},
  };
  fw_fully_connected_rows(&rows, p->batches, p->weights_zero_point, input, output);
}

typedef struct {
  int32_t batches;
  int32_t input_size;
  int32_t output_size;
  int32_t requantisation; /* FW_REQUANTISE_... */
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_fully_connected_per_channel_s8_params_t;

/* As above with one multiplier and shift per output, and symmetric weights. */
FW_KERNEL_BODY void fw_fully_connected_per_channel_s8_body(const fw_fully_connected_per_channel_s8_params_t *p,
                                                           const int8_t *input, const int8_t *weights,
                                                           const int32_t *bias, const int32_t *multiplier,
                                                           const int8_t *shift, int8_t *output) {
  const fw_rows_t rows = {
      .depth = p->input_size,
      .channels = p->output_size,
      .weights = weights,
      .bias = bias,
      .multiplier = multiplier,
      .shift = shift,
      .output = {p->requantisation, p->output_zero_point, p->output_min, p->output_max},
  };
  fw_fully_connected_rows(&rows, p->batches, 0, input, output);
}

#endif
