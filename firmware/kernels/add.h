/* ADD. Reference: TFLM reference_integer_ops::Add (int8), reference_ops::Add (int16, int32, float32). */
#ifndef FW_ADD_H
#define FW_ADD_H

#include "fw_float.h"
#include "kernels/activation.h"
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
  FW_PER_LAYER int32_t first_zero_point;
  FW_PER_LAYER int32_t first_multiplier;
  FW_PER_LAYER int32_t first_shift; /* shifts are 0 or negative */
  FW_PER_LAYER int32_t second_zero_point;
  FW_PER_LAYER int32_t second_multiplier;
  FW_PER_LAYER int32_t second_shift;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t output_multiplier;
  FW_PER_LAYER int32_t output_shift;
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_add_s8_params_t;

typedef fw_add_s8_params_t fw_add_s16_params_t;

/* One operand on the common scale, which has `headroom` bits more than the element. */
FW_INLINE int32_t fw_add_operand(int32_t value, int32_t zero_point, int32_t headroom, int32_t multiplier,
                                 int32_t shift) {
  const int32_t shifted = fw_shift_left_wrap(value - zero_point, headroom);
  return fw_rounding_divide_by_pot(fw_doubling_high_mul(shifted, multiplier), -shift);
}

FW_INLINE void fw_add_quantised(const fw_add_s8_params_t *p, const void *first, const void *second, void *output,
                                fw_element_t type, int32_t headroom) {
  int32_t out = 0;
  for (int32_t row = 0; row < p->rows; ++row) {
    int32_t a = row * p->first_row_stride;
    int32_t b = row * p->second_row_stride;
    for (int32_t column = 0; column < p->columns; ++column) {
      const int32_t x =
          fw_add_operand(fw_load(first, a, type), p->first_zero_point, headroom, p->first_multiplier, p->first_shift);
      const int32_t y = fw_add_operand(fw_load(second, b, type), p->second_zero_point, headroom, p->second_multiplier,
                                       p->second_shift);
      const int32_t scaled =
          fw_rounding_divide_by_pot(fw_doubling_high_mul(x + y, p->output_multiplier), -p->output_shift);
      fw_store(output, out++, type, fw_clamp(scaled + p->output_zero_point, p->output_min, p->output_max));
      a += p->first_column_stride;
      b += p->second_column_stride;
    }
  }
}

FW_KERNEL_BODY void fw_add_s8_body(const fw_add_s8_params_t *p, const int8_t *first, const int8_t *second,
                                   int8_t *output) {
  fw_add_quantised(p, first, second, output, FW_ELEMENT_S8, 20);
}

FW_KERNEL_BODY void fw_add_s16_body(const fw_add_s16_params_t *p, const int16_t *first, const int16_t *second,
                                    int16_t *output) {
  fw_add_quantised(p, first, second, output, FW_ELEMENT_S16, 15);
}

typedef struct {
  int32_t rows;
  int32_t columns;
  int32_t first_row_stride;
  int32_t first_column_stride;
  int32_t second_row_stride;
  int32_t second_column_stride;
} fw_add_s32_params_t;

FW_KERNEL_BODY void fw_add_s32_body(const fw_add_s32_params_t *p, const int32_t *first, const int32_t *second,
                                    int32_t *output) {
  for (int32_t row = 0; row < p->rows; ++row) {
    const int32_t *a = first + row * p->first_row_stride;
    const int32_t *b = second + row * p->second_row_stride;
    for (int32_t column = 0; column < p->columns; ++column) {
      *output++ = fw_add_wrap(*a, *b);
      a += p->first_column_stride;
      b += p->second_column_stride;
    }
  }
}

typedef struct {
  int32_t rows;
  int32_t columns;
  int32_t first_row_stride;
  int32_t first_column_stride;
  int32_t second_row_stride;
  int32_t second_column_stride;
  float output_min;
  float output_max;
} fw_add_f32_params_t;

FW_KERNEL_BODY void fw_add_f32_body(const fw_add_f32_params_t *p, const float *first, const float *second,
                                    float *output) {
  for (int32_t row = 0; row < p->rows; ++row) {
    const float *a = first + row * p->first_row_stride;
    const float *b = second + row * p->second_row_stride;
    for (int32_t column = 0; column < p->columns; ++column) {
      *output++ = fw_clamp_float(*a + *b, p->output_min, p->output_max);
      a += p->first_column_stride;
      b += p->second_column_stride;
    }
  }
}

#endif
