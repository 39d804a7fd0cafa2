/* MAXIMUM and MINIMUM, which on truth values are LOGICAL_OR and LOGICAL_AND. */
#ifndef FW_EXTREMUM_H
#define FW_EXTREMUM_H

#include "fw_model.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t type; /* fw_dtype_t: int8, int16, int32, int64, bool, float32 */
  int32_t is_maximum;
  int32_t rows;
  int32_t columns;
  int32_t first_row_stride;
  int32_t first_column_stride;
  int32_t second_row_stride;
  int32_t second_column_stride;
} fw_extremum_params_t;

#define FW_EXTREMUM_LOOPS(T)                                              \
  for (int32_t row = 0; row < p->rows; ++row) {                           \
    const T *a = (const T *)first + row * p->first_row_stride;            \
    const T *b = (const T *)second + row * p->second_row_stride;          \
    T *out = (T *)output + row * p->columns;                              \
    for (int32_t column = 0; column < p->columns; ++column) {             \
      *out++ = p->is_maximum ? (*a > *b ? *a : *b) : (*a < *b ? *a : *b); \
      a += p->first_column_stride;                                        \
      b += p->second_column_stride;                                       \
    }                                                                     \
  }

FW_KERNEL_BODY void fw_extremum_body(const fw_extremum_params_t *p, const void *first, const void *second,
                                     void *output) {
  switch (p->type) {
    case FW_INT8:
      FW_EXTREMUM_LOOPS(int8_t)
      break;
    case FW_INT16:
      FW_EXTREMUM_LOOPS(int16_t)
      break;
    case FW_INT32:
      FW_EXTREMUM_LOOPS(int32_t)
      break;
    case FW_INT64:
      FW_EXTREMUM_LOOPS(int64_t)
      break;
    case FW_BOOL:
      FW_EXTREMUM_LOOPS(uint8_t)
      break;
    default:
      FW_EXTREMUM_LOOPS(float)
      break;
  }
}

#endif
