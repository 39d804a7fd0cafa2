/* SVDF of int8 with a state of int8 or int16. Reference: TFLM EvalIntegerSvdfReference. */
#ifndef FW_SVDF_H
#define FW_SVDF_H

#include <string.h>

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t batches;
  int32_t input_size;
  int32_t units;
  int32_t rank; /* filters per unit */
  int32_t memory;
  int32_t state_bytes; /* 1 or 2: size of a state and of a time weight */
  FW_PER_LAYER int32_t input_zero_point;
  FW_PER_LAYER int32_t state_zero_point;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t feature_multiplier;
  FW_PER_LAYER int32_t feature_shift;
  FW_PER_LAYER int32_t time_multiplier;
  FW_PER_LAYER int32_t time_shift;
} fw_svdf_params_t;

FW_INLINE int32_t fw_svdf_load(const void *values, int32_t i, int32_t bytes) {
  return bytes == 1 ? ((const int8_t *)values)[i] : ((const int16_t *)values)[i];
}

FW_INLINE void fw_svdf_store(void *values, int32_t i, int32_t bytes, int32_t value) {
  if (bytes == 1) {
    ((int8_t *)values)[i] = (int8_t)value;
  } else {
    ((int16_t *)values)[i] = (int16_t)value;
  }
}

/* The newest state of every filter: its feature weights times the input. */
FW_INLINE void fw_svdf_features(const fw_svdf_params_t *p, const int8_t *input, const int8_t *weights, void *state) {
  const int32_t limit = p->state_bytes == 1 ? INT8_MAX : INT16_MAX;
  int32_t newest = p->memory - 1;
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_size) {
    const int8_t *w = weights;
    for (int32_t f = 0; f < p->units * p->rank; ++f, newest += p->memory) {
      uint32_t sum = 0;
      for (int32_t i = 0; i < p->input_size; ++i) sum += (uint32_t)(*w++ * (input[i] - p->input_zero_point));
      const int32_t scaled = fw_requantise((int32_t)sum, p->feature_multiplier, p->feature_shift);
      fw_svdf_store(state, newest, p->state_bytes, p->state_zero_point + fw_clamp(scaled, -limit - 1, limit));
    }
  }
}

/* input [batches][input_size], feature_weights [units · rank][input_size], time_weights [units ·
 * rank][memory], bias [units], output [batches][units], state [batches][units · rank][memory] with the newest
 * value last. */
FW_KERNEL_BODY void fw_svdf_body(const fw_svdf_params_t *p, const int8_t *input, const int8_t *feature_weights,
                                 const void *time_weights, const int32_t *bias, int8_t *output, void *state) {
  const int32_t states = p->batches * p->units * p->rank * p->memory;
  /* All states move on by one; what this carries from one filter to the next is overwritten at once. */
  memmove(state, (const uint8_t *)state + p->state_bytes, (size_t)(states - 1) * (size_t)p->state_bytes);
  fw_svdf_features(p, input, feature_weights, state);
  int32_t s = 0;
  for (int32_t b = 0; b < p->batches; ++b) {
    int32_t t = 0;
    for (int32_t u = 0; u < p->units; ++u) {
      uint32_t sum = (uint32_t)bias[u];
      for (int32_t i = 0; i < p->rank * p->memory; ++i, ++s, ++t) {
        const int32_t value = fw_svdf_load(state, s, p->state_bytes) - p->state_zero_point;
        sum += (uint32_t)fw_svdf_load(time_weights, t, p->state_bytes) * (uint32_t)value;
      }
      const int32_t scaled = fw_requantise((int32_t)sum, p->time_multiplier, p->time_shift);
      *output++ = (int8_t)fw_clamp(fw_add_wrap(scaled, p->output_zero_point), INT8_MIN, INT8_MAX);
    }
  }
}

#endif
