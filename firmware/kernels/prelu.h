/* PRELU: a slope for every element below 0. Reference: TFLM reference_ops::BroadcastPrelu4DSlow. */
#ifndef FW_PRELU_H
#define FW_PRELU_H

#include "fw_float.h"
#include "kernels/element.h"
#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t rows;
  int32_t columns;
  int32_t first_row_stride;
  int32_t first_column_stride;
  int32_t second_row_stride;
  int32_t second_column_stride;
  FW_PER_LAYER int32_t input_zero_point;
  FW_PER_LAYER int32_t slope_zero_point;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t positive_multiplier;
  FW_PER_LAYER int32_t positive_shift;
  FW_PER_LAYER int32_t negative_multiplier;
  FW_PER_LAYER int32_t negative_shift;
} fw_prelu_s8_params_t;

typedef fw_prelu_s8_params_t fw_prelu_s16_params_t;

FW_INLINE void fw_prelu_quantised(const fw_prelu_s8_params_t *p, const void *input, const int8_t *slope, void *output,
                                  fw_element_t type, int32_t low, int32_t high) {
  int32_t out = 0;
  for (int32_t row = 0; row < p->rows; ++row) {
    int32_t a = row * p->first_row_stride;
    const int8_t *b = slope + row * p->second_row_stride;
    for (int32_t column = 0; column < p->columns; ++column) {
      const int32_t x = fw_load(input, a, type) - p->input_zero_point;
      const int32_t scaled =
          x >= 0 ? fw_requantise(x, p->positive_multiplier, p->positive_shift)
                 : fw_requantise(x * (*b - p->slope_zero_point), p->negative_multiplier, p->negative_shift);
      fw_store(output, out++, type, fw_clamp(fw_add_wrap(scaled, p->output_zero_point), low, high));
      a += p->first_column_stride;
      b += p->second_column_stride;
    }
  }
}

FW_KERNEL_BODY void fw_prelu_s8_body(const fw_prelu_s8_params_t *p, const int8_t *first, const int8_t *second,
                                     int8_t *output) {
  fw_prelu_quantised(p, first, second, output, FW_ELEMENT_S8, INT8_MIN, INT8_MAX);
}

FW_KERNEL_BODY void fw_prelu_s16_body(const fw_prelu_s16_params_t *p, const int16_t *first, const int8_t *second,
                                      int16_t *output) {
  fw_prelu_quantised(p, first, second, output, FW_ELEMENT_S16, INT16_MIN, INT16_MAX);
}

typedef struct {
  int32_t rows;
  int32_t columns;
  int32_t first_row_stride;
  int32_t first_column_stride;
  int32_t second_row_stride;
  int32_t second_column_stride;
} fw_prelu_f32_params_t;

FW_KERNEL_BODY void fw_prelu_f32_body(const fw_prelu_f32_params_t *p, const float *first, const float *second,
                                      float *output) {
  for (int32_t row = 0; row < p->rows; ++row) {
    const float *a = first + row * p->first_row_stride;
    const float *b = second + row * p->second_row_stride;
    for (int32_t column = 0; column < p->columns; ++column) {
      *output++ = *a >= 0.0f ? *a : *a * *b;
      a += p->first_column_stride;
      b += p->second_column_stride;
    }
  }
}

#endif
