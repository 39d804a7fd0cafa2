/* CUMSUM: sums of all elements so far along one dimension. Reference: TFLM reference_ops::CumSum. */
#ifndef FW_CUMSUM_H
#define FW_CUMSUM_H

#include "fw_float.h"
#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

/* input and output [outer][count][inner]. Exclusive: an element is not part of its own sum. Reverse: from the end. */
typedef struct {
  int32_t outer;
  int32_t count;
  int32_t inner;
  int32_t is_exclusive;
  int32_t is_reverse;
  FW_PER_LAYER int32_t input_zero_point;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t multiplier;
  FW_PER_LAYER int32_t shift;
} fw_cumsum_s8_params_t;

/* Half of an element's 2^20 parts: what the reference's input multiplier of 0.5 leaves, exactly. */
#define FW_CUMSUM_SHIFT 19

FW_KERNEL_BODY void fw_cumsum_s8_body(const fw_cumsum_s8_params_t *p, const int8_t *input, int8_t *output) {
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    for (int32_t inner = 0; inner < p->inner; ++inner) {
      /* The reference takes the zero point off once more before the first element. */
      int32_t sum = fw_shift_left_wrap(-p->input_zero_point, FW_CUMSUM_SHIFT);
      for (int32_t i = 0; i < p->count; ++i) {
        const int32_t place = p->is_reverse ? p->count - 1 - i : i;
        const int32_t index = (outer * p->count + place) * p->inner + inner;
        const int32_t before = sum;
        sum = fw_add_wrap(sum, fw_shift_left_wrap(input[index] - p->input_zero_point, FW_CUMSUM_SHIFT));
        const int32_t scaled = fw_requantise(p->is_exclusive ? before : sum, p->multiplier, p->shift);
        output[index] = (int8_t)fw_clamp(fw_add_wrap(scaled, p->output_zero_point), INT8_MIN, INT8_MAX);
      }
    }
  }
}

typedef struct {
  int32_t outer;
  int32_t count;
  int32_t inner;
  int32_t is_exclusive;
  int32_t is_reverse;
} fw_cumsum_f32_params_t;

FW_KERNEL_BODY void fw_cumsum_f32_body(const fw_cumsum_f32_params_t *p, const float *input, float *output) {
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    for (int32_t inner = 0; inner < p->inner; ++inner) {
      float sum = 0.0f;
      for (int32_t i = 0; i < p->count; ++i) {
        const int32_t place = p->is_reverse ? p->count - 1 - i : i;
        const int32_t index = (outer * p->count + place) * p->inner + inner;
        const float before = sum;
        sum += input[index];
        output[index] = p->is_exclusive ? before : sum;
      }
    }
  }
}

#endif
