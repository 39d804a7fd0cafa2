/* MEAN, SUM, REDUCE_MAX, REDUCE_MIN and REDUCE_ALL. Reference: TFLM reference_ops::QuantizedMeanOrSum, Mean and
 * ReduceGeneric. */
#ifndef FW_REDUCE_H
#define FW_REDUCE_H

#include "fw_float.h"
#include "kernels/element.h"
#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

/* input [outer][first_reduced][middle][second_reduced][inner], output [outer][middle][inner]. */
typedef struct {
  int32_t outer;
  int32_t first_reduced;
  int32_t middle;
  int32_t second_reduced;
  int32_t inner;
  FW_PER_LAYER int32_t offset; /* subtracted from the sum: input zero point * number of summands */
  FW_PER_LAYER int32_t multiplier;
  FW_PER_LAYER int32_t shift;
  FW_PER_LAYER int32_t output_zero_point;
} fw_sum_s8_params_t;

typedef fw_sum_s8_params_t fw_sum_s16_params_t;

FW_INLINE void fw_sum_quantised(const fw_sum_s8_params_t *p, const void *input, void *output, fw_element_t type,
                                int32_t low, int32_t high) {
  const int32_t stride = p->middle * p->second_reduced * p->inner;
  int32_t out = 0;
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    for (int32_t middle = 0; middle < p->middle; ++middle) {
      const int32_t first = (outer * p->first_reduced * p->middle + middle) * p->second_reduced * p->inner;
      for (int32_t inner = 0; inner < p->inner; ++inner) {
        int32_t sum = 0;
        for (int32_t a = 0; a < p->first_reduced; ++a) {
          int32_t index = first + inner + a * stride;
          for (int32_t b = 0; b < p->second_reduced; ++b, index += p->inner) {
            sum = fw_add_wrap(sum, fw_load(input, index, type));
          }
        }
        const int32_t scaled = fw_requantise(fw_subtract_wrap(sum, p->offset), p->multiplier, p->shift);
        fw_store(output, out++, type, fw_clamp(fw_add_wrap(scaled, p->output_zero_point), low, high));
      }
    }
  }
}

FW_KERNEL_BODY void fw_sum_s8_body(const fw_sum_s8_params_t *p, const int8_t *input, int8_t *output) {
  fw_sum_quantised(p, input, output, FW_ELEMENT_S8, INT8_MIN, INT8_MAX);
}

FW_KERNEL_BODY void fw_sum_s16_body(const fw_sum_s16_params_t *p, const int16_t *input, int16_t *output) {
  fw_sum_quantised(p, input, output, FW_ELEMENT_S16, INT16_MIN, INT16_MAX);
}

typedef struct {
  int32_t outer;
  int32_t first_reduced;
  int32_t middle;
  int32_t second_reduced;
  int32_t inner;
  float divisor;
} fw_sum_f32_params_t;

/* The sum divided by `divisor`. The order of the additions is the input's, as in the reference. */
FW_KERNEL_BODY void fw_sum_f32_body(const fw_sum_f32_params_t *p, const float *input, float *output) {
  const int32_t stride = p->middle * p->second_reduced * p->inner;
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    for (int32_t middle = 0; middle < p->middle; ++middle) {
      const float *first = input + (outer * p->first_reduced * p->middle + middle) * p->second_reduced * p->inner;
      for (int32_t inner = 0; inner < p->inner; ++inner) {
        float sum = 0.0f;
        for (int32_t a = 0; a < p->first_reduced; ++a) {
          const float *summand = first + inner + a * stride;
          for (int32_t b = 0; b < p->second_reduced; ++b, summand += p->inner) sum += *summand;
        }
        *output++ = sum / p->divisor;
      }
    }
  }
}

typedef struct {
  int32_t outer;
  int32_t first_reduced;
  int32_t middle;
  int32_t second_reduced;
  int32_t inner;
} fw_reduce_max_s8_params_t;

typedef fw_reduce_max_s8_params_t fw_reduce_min_s8_params_t;

FW_INLINE void fw_reduce_extreme_s8(const fw_reduce_max_s8_params_t *p, const int8_t *input, int8_t *output,
                                    int is_max) {
  const int32_t stride = p->middle * p->second_reduced * p->inner;
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    for (int32_t middle = 0; middle < p->middle; ++middle) {
      const int8_t *first = input + (outer * p->first_reduced * p->middle + middle) * p->second_reduced * p->inner;
      for (int32_t inner = 0; inner < p->inner; ++inner) {
        int32_t extreme = first[inner];
        for (int32_t a = 0; a < p->first_reduced; ++a) {
          const int8_t *value = first + inner + a * stride;
          for (int32_t b = 0; b < p->second_reduced; ++b, value += p->inner) {
            extreme = is_max ? fw_max(extreme, *value) : fw_min(extreme, *value);
          }
        }
        *output++ = (int8_t)extreme;
      }
    }
  }
}

FW_KERNEL_BODY void fw_reduce_max_s8_body(const fw_reduce_max_s8_params_t *p, const int8_t *input, int8_t *output) {
  fw_reduce_extreme_s8(p, input, output, 1);
}

FW_KERNEL_BODY void fw_reduce_min_s8_body(const fw_reduce_min_s8_params_t *p, const int8_t *input, int8_t *output) {
  fw_reduce_extreme_s8(p, input, output, 0);
}

typedef fw_reduce_max_s8_params_t fw_reduce_max_f32_params_t;
typedef fw_reduce_max_s8_params_t fw_reduce_min_f32_params_t;
typedef fw_reduce_max_s8_params_t fw_reduce_all_params_t;

/* From the largest finite number on, as in the reference: infinities of one sign and values that are no numbers lose.
 */
FW_INLINE void fw_reduce_extreme_f32(const fw_reduce_max_s8_params_t *p, const float *input, float *output,
                                     int is_max) {
  const int32_t stride = p->middle * p->second_reduced * p->inner;
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    for (int32_t middle = 0; middle < p->middle; ++middle) {
      const float *first = input + (outer * p->first_reduced * p->middle + middle) * p->second_reduced * p->inner;
      for (int32_t inner = 0; inner < p->inner; ++inner) {
        float extreme = is_max ? -0x1.fffffep127f : 0x1.fffffep127f;
        for (int32_t a = 0; a < p->first_reduced; ++a) {
          const float *value = first + inner + a * stride;
          for (int32_t b = 0; b < p->second_reduced; ++b, value += p->inner) {
            if (is_max ? *value > extreme : *value < extreme) extreme = *value;
          }
        }
        *output++ = extreme;
      }
    }
  }
}

FW_KERNEL_BODY void fw_reduce_max_f32_body(const fw_reduce_max_f32_params_t *p, const float *input, float *output) {
  fw_reduce_extreme_f32(p, input, output, 1);
}

FW_KERNEL_BODY void fw_reduce_min_f32_body(const fw_reduce_min_f32_params_t *p, const float *input, float *output) {
  fw_reduce_extreme_f32(p, input, output, 0);
}

/* Truth values: 1 where all are. */
FW_KERNEL_BODY void fw_reduce_all_body(const fw_reduce_all_params_t *p, const uint8_t *input, uint8_t *output) {
  const int32_t stride = p->middle * p->second_reduced * p->inner;
  for (int32_t outer = 0; outer < p->outer; ++outer) {
    for (int32_t middle = 0; middle < p->middle; ++middle) {
      const uint8_t *first = input + (outer * p->first_reduced * p->middle + middle) * p->second_reduced * p->inner;
      for (int32_t inner = 0; inner < p->inner; ++inner) {
        uint8_t all = 1;
        for (int32_t a = 0; a < p->first_reduced; ++a) {
          const uint8_t *value = first + inner + a * stride;
          for (int32_t b = 0; b < p->second_reduced; ++b, value += p->inner) all = all && *value;
        }
        *output++ = all;
      }
    }
  }
}

#endif
