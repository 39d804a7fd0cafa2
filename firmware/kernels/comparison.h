/* EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL. Reference: TFLM reference_ops comparisons. */
#ifndef FW_COMPARISON_H
#define FW_COMPARISON_H

#include "fw_model.h"
#include "kernels/add.h"
#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

/* How the first operand lies to the second; `accepted` is a set of these. */
typedef enum { FW_IS_LESS = 1, FW_IS_EQUAL = 2, FW_IS_GREATER = 4, FW_IS_UNORDERED = 8 } fw_relation_t;

typedef struct {
  int32_t type;     /* fw_dtype_t: int32, int64, bool, float32 */
  int32_t accepted; /* fw_relation_t values that give true */
  int32_t rows;
  int32_t columns;
  int32_t first_row_stride;
  int32_t first_column_stride;
  int32_t second_row_stride;
  int32_t second_column_stride;
} fw_comparison_params_t;

#define FW_COMPARISON_LOOPS(T)                                   \
  for (int32_t row = 0; row < p->rows; ++row) {                  \
    const T *a = (const T *)first + row * p->first_row_stride;   \
    const T *b = (const T *)second + row * p->second_row_stride; \
    for (int32_t column = 0; column < p->columns; ++column) {    \
      const int32_t relation = *a < *b    ? FW_IS_LESS           \
                               : *a > *b  ? FW_IS_GREATER        \
                               : *a == *b ? FW_IS_EQUAL          \
                                          : FW_IS_UNORDERED;     \
      *output++ = (p->accepted & relation) != 0;                 \
      a += p->first_column_stride;                               \
      b += p->second_column_stride;                              \
    }                                                            \
  }

FW_KERNEL_BODY void fw_comparison_body(const fw_comparison_params_t *p, const void *first, const void *second,
                                       uint8_t *output) {
  switch (p->type) {
    case FW_INT32:
      FW_COMPARISON_LOOPS(int32_t)
      break;
    case FW_INT64:
      FW_COMPARISON_LOOPS(int64_t)
      break;
    case FW_BOOL:
      FW_COMPARISON_LOOPS(uint8_t)
      break;
    default:
      FW_COMPARISON_LOOPS(float)
      break;
  }
}

typedef struct {
  int32_t accepted; /* fw_relation_t values that give true */
  int32_t rows;
  int32_t columns;
  int32_t first_row_stride;
  int32_t first_column_stride;
  int32_t second_row_stride;
  int32_t second_column_stride;
  FW_PER_LAYER int32_t first_zero_point;
  FW_PER_LAYER int32_t first_multiplier;
  FW_PER_LAYER int32_t first_shift; /* 0 or negative, like second_shift */
  FW_PER_LAYER int32_t second_zero_point;
  FW_PER_LAYER int32_t second_multiplier;
  FW_PER_LAYER int32_t second_shift;
} fw_comparison_s8_params_t;

/* The operands are compared as real numbers times 2^8. */
FW_KERNEL_BODY void fw_comparison_s8_body(const fw_comparison_s8_params_t *p, const int8_t *first, const int8_t *second,
                                          uint8_t *output) {
  for (int32_t row = 0; row < p->rows; ++row) {
    const int8_t *a = first + row * p->first_row_stride;
    const int8_t *b = second + row * p->second_row_stride;
    for (int32_t column = 0; column < p->columns; ++column) {
      const int32_t x = fw_add_operand(*a, p->first_zero_point, 8, p->first_multiplier, p->first_shift);
      const int32_t y = fw_add_operand(*b, p->second_zero_point, 8, p->second_multiplier, p->second_shift);
      const int32_t relation = x < y ? FW_IS_LESS : x > y ? FW_IS_GREATER : FW_IS_EQUAL;
      *output++ = (p->accepted & relation) != 0;
      a += p->first_column_stride;
      b += p->second_column_stride;
    }
  }
}

#endif
