/* Binary arithmetic that does not rescale (int32, float32), and DIV of int8. Reference: TFLM reference_ops. */
#ifndef FW_ARITHMETIC_H
#define FW_ARITHMETIC_H

#include "fw_float.h"
#include "kernels/activation.h"
#include "kernels/element.h"
#include "kernels/fixed_point.h"
#include "kernels/fixed_point_math.h"
#include "kernels/float_math.h"
#include "kernels/fw_kernel.h"

/* Values of `operation`; pytool/fieldwren/ops/arithmetic.py has the same. */
typedef enum {
  FW_SUBTRACT,
  FW_DIVIDE,
  FW_SQUARED_DIFFERENCE,
  FW_FLOOR_DIVIDE, /* float32 only, like the next */
  FW_FLOOR_MODULO
} fw_arithmetic_t;

typedef struct {
  int32_t operation; /* fw_arithmetic_t */
  int32_t rows;
  int32_t columns;
  int32_t first_row_stride;
  int32_t first_column_stride;
  int32_t second_row_stride;
  int32_t second_column_stride;
  int32_t output_min;
  int32_t output_max;
} fw_arithmetic_s32_params_t;

/* The quotient truncated towards zero. C and the reference define none for a divisor of 0: it is 0 here. */
FW_INLINE int32_t fw_divide(int32_t a, int32_t b) {
  if (b == 0) return 0;
  return b == -1 ? (int32_t)(0u - (uint32_t)a) : a / b;
}

FW_INLINE int32_t fw_arithmetic_integer(int32_t a, int32_t b, int32_t operation) {
  const int32_t difference = (int32_t)((uint32_t)a - (uint32_t)b);
  switch (operation) {
    case FW_DIVIDE:
      return fw_divide(a, b);
    case FW_SQUARED_DIFFERENCE:
      return fw_multiply_wrap(difference, difference);
    default:
      return difference;
  }
}

FW_KERNEL_BODY void fw_arithmetic_s32_body(const fw_arithmetic_s32_params_t *p, const int32_t *first,
                                           const int32_t *second, int32_t *output) {
  for (int32_t row = 0; row < p->rows; ++row) {
    const int32_t *a = first + row * p->first_row_stride;
    const int32_t *b = second + row * p->second_row_stride;
    for (int32_t column = 0; column < p->columns; ++column) {
      *output++ = fw_clamp(fw_arithmetic_integer(*a, *b, p->operation), p->output_min, p->output_max);
      a += p->first_column_stride;
      b += p->second_column_stride;
    }
  }
}

typedef struct {
  int32_t operation; /* fw_arithmetic_t */
  int32_t rows;
  int32_t columns;
  int32_t first_row_stride;
  int32_t first_column_stride;
  int32_t second_row_stride;
  int32_t second_column_stride;
  int32_t is_clamped;
  float output_min;
  float output_max;
} fw_arithmetic_f32_params_t;

FW_INLINE float fw_arithmetic_float(float a, float b, int32_t operation) {
  switch (operation) {
    case FW_DIVIDE:
      return a / b;
    case FW_SQUARED_DIFFERENCE:
      return (a - b) * (a - b);
    case FW_FLOOR_DIVIDE:
      return (float)fw_floor_f64((double)a / (double)b);
    case FW_FLOOR_MODULO: {
      const float rest = fw_remainder_f32(a, b);
      return rest != 0.0f && (b < 0.0f) != (rest < 0.0f) ? rest + b : rest;
    }
    default:
      return a - b;
  }
}

FW_KERNEL_BODY void fw_arithmetic_f32_body(const fw_arithmetic_f32_params_t *p, const float *first, const float *second,
                                           float *output) {
  for (int32_t row = 0; row < p->rows; ++row) {
    const float *a = first + row * p->first_row_stride;
    const float *b = second + row * p->second_row_stride;
    for (int32_t column = 0; column < p->columns; ++column) {
      const float value = fw_arithmetic_float(*a, *b, p->operation);
      *output++ = p->is_clamped ? fw_clamp_float(value, p->output_min, p->output_max) : value;
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
  FW_PER_LAYER int32_t first_zero_point;
  FW_PER_LAYER int32_t second_zero_point;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t multiplier;
  FW_PER_LAYER int32_t shift; /* at most 23 */
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_div_s8_params_t;

/* a / b to the output's scale, |a| < 2^8, 0 < b < 2^8. */
FW_INLINE int32_t fw_quantised_quotient(int32_t a, int32_t b, int32_t multiplier, int32_t shift) {
  const int32_t zeros = fw_leading_zeros((uint32_t)b);
  const int32_t reciprocal = fw_one_over_one_plus_x((int32_t)(((uint32_t)b << zeros) - 0x80000000u));
  /* As many bits as fit in front of the numerator. */
  const int32_t headroom = fw_leading_zeros((uint32_t)(a < 0 ? ~a : a)) - 1;
  const int32_t quotient = fw_doubling_high_mul(fw_shift_left_wrap(a, headroom), reciprocal);
  const int32_t right = (31 - zeros) + headroom - shift;
  return right > 31 ? 0 : fw_rounding_divide_by_pot(fw_doubling_high_mul(quotient, multiplier), right);
}

/* For a divisor that stands for 0 the reference defines no result: it is the output's zero point here. */
FW_KERNEL_BODY void fw_div_s8_body(const fw_div_s8_params_t *p, const int8_t *first, const int8_t *second,
                                   int8_t *output) {
  for (int32_t row = 0; row < p->rows; ++row) {
    const int8_t *x = first + row * p->first_row_stride;
    const int8_t *y = second + row * p->second_row_stride;
    for (int32_t column = 0; column < p->columns; ++column) {
      const int32_t b = *y - p->second_zero_point;
      const int32_t a = b < 0 ? p->first_zero_point - *x : *x - p->first_zero_point;
      const int32_t scaled = b == 0 ? 0 : fw_quantised_quotient(a, b < 0 ? -b : b, p->multiplier, p->shift);
      *output++ = (int8_t)fw_clamp(fw_add_wrap(scaled, p->output_zero_point), p->output_min, p->output_max);
      x += p->first_column_stride;
      y += p->second_column_stride;
    }
  }
}

#endif
