/* ARG_MAX and ARG_MIN: the index of the first largest or smallest element. Reference: TFLM reference_ops::ArgMinMax. */
#ifndef FW_ARG_MIN_MAX_H
#define FW_ARG_MIN_MAX_H

#include "fw_float.h"
#include "kernels/fw_kernel.h"

/* input [outer][count][inner], output [outer][inner]. */
typedef struct {
  int32_t outer;
  int32_t count;
  int32_t inner;
  int32_t is_max;
} fw_arg_min_max_s8_params_t;

typedef fw_arg_min_max_s8_params_t fw_arg_min_max_f32_params_t;

FW_KERNEL_BODY void fw_arg_min_max_s8_body(const fw_arg_min_max_s8_params_t *p, const int8_t *input, int32_t *output) {
  for (int32_t outer = 0; outer < p->outer; ++outer, input += p->count * p->inner) {
    for (int32_t inner = 0; inner < p->inner; ++inner) {
      int32_t best = 0;
      for (int32_t i = 1; i < p->count; ++i) {
        const int8_t value = input[i * p->inner + inner];
        const int8_t so_far = input[best * p->inner + inner];
        if (p->is_max ? value > so_far : value < so_far) best = i;
      }
      *output++ = best;
    }
  }
}

FW_KERNEL_BODY void fw_arg_min_max_f32_body(const fw_arg_min_max_f32_params_t *p, const float *input, int32_t *output) {
  for (int32_t outer = 0; outer < p->outer; ++outer, input += p->count * p->inner) {
    for (int32_t inner = 0; inner < p->inner; ++inner) {
      int32_t best = 0;
      for (int32_t i = 1; i < p->count; ++i) {
        const float value = input[i * p->inner + inner];
        const float so_far = input[best * p->inner + inner];
        if (p->is_max ? value > so_far : value < so_far) best = i;
      }
      *output++ = best;
    }
  }
}

#endif
