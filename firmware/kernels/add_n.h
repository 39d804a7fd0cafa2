/* ADD_N: the sum of two or more tensors of one shape, in a call per tensor. Reference: TFLM reference_ops::AddN. */
#ifndef FW_ADD_N_H
#define FW_ADD_N_H

#include "fw_float.h"
#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t count;
  FW_PER_LAYER int32_t zero_point;
} fw_add_n_sum_s8_params_t;

/* sums = partial + input - zero point; without `partial` from minus the zero point on, as the reference starts. */
FW_KERNEL_BODY void fw_add_n_sum_s8_body(const fw_add_n_sum_s8_params_t *p, const int32_t *partial, const int8_t *input,
                                         int32_t *sums) {
  for (int32_t i = 0; i < p->count; ++i) {
    sums[i] = (partial ? partial[i] : -p->zero_point) + input[i] - p->zero_point;
  }
}

typedef struct {
  int32_t count;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t multiplier;
  FW_PER_LAYER int32_t shift;
} fw_add_n_s8_params_t;

/* Half of an element's 2^20 parts: what the reference's input multiplier of 0.5 leaves, exactly. */
#define FW_ADD_N_SHIFT 19

FW_KERNEL_BODY void fw_add_n_s8_body(const fw_add_n_s8_params_t *p, const int32_t *sums, int8_t *output) {
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t scaled = fw_requantise(fw_shift_left_wrap(sums[i], FW_ADD_N_SHIFT), p->multiplier, p->shift);
    output[i] = (int8_t)fw_clamp(fw_add_wrap(scaled, p->output_zero_point), INT8_MIN, INT8_MAX);
  }
}

typedef struct {
  int32_t count;
} fw_add_n_sum_f32_params_t;

/* sums = partial + input; without `partial` 0 + input, which turns -0 into 0 like the reference. */
FW_KERNEL_BODY void fw_add_n_sum_f32_body(const fw_add_n_sum_f32_params_t *p, const float *partial, const float *input,
                                          float *sums) {
  for (int32_t i = 0; i < p->count; ++i) sums[i] = (partial ? partial[i] : 0.0f) + input[i];
}

#endif
