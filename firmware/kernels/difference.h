/* SUB and SQUARED_DIFFERENCE of int8 and int16. Reference: TFLM reference_ops::Sub, SquaredDifference. */
#ifndef FW_DIFFERENCE_H
#define FW_DIFFERENCE_H

#include "kernels/add.h"
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
  FW_PER_LAYER int32_t first_shift; /* 0 or negative, like second_shift */
  FW_PER_LAYER int32_t second_zero_point;
  FW_PER_LAYER int32_t second_multiplier;
  FW_PER_LAYER int32_t second_shift;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t output_multiplier;
  FW_PER_LAYER int32_t output_shift; /* of a difference 0 or negative */
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_sub_s8_params_t;

typedef fw_sub_s8_params_t fw_sub_s16_params_t;
typedef fw_sub_s8_params_t fw_squared_difference_s8_params_t;
typedef fw_sub_s8_params_t fw_squared_difference_s16_params_t;

/* `headroom` bits are added to both operands before they are brought to one scale. */
FW_INLINE void fw_difference(const fw_sub_s8_params_t *p, const void *first, const void *second, void *output,
                             fw_element_t type, int32_t headroom, int32_t is_squared) {
  int32_t out = 0;
  for (int32_t row = 0; row < p->rows; ++row) {
    int32_t a = row * p->first_row_stride;
    int32_t b = row * p->second_row_stride;
    for (int32_t column = 0; column < p->columns; ++column) {
      const int32_t x =
          fw_add_operand(fw_load(first, a, type), p->first_zero_point, headroom, p->first_multiplier, p->first_shift);
      const int32_t y = fw_add_operand(fw_load(second, b, type), p->second_zero_point, headroom, p->second_multiplier,
                                       p->second_shift);
      const int32_t raw = is_squared ? fw_multiply_wrap(x - y, x - y) : x - y;
      const int32_t scaled = fw_requantise(raw, p->output_multiplier, p->output_shift);
      fw_store(output, out++, type, fw_clamp(fw_add_wrap(scaled, p->output_zero_point), p->output_min, p->output_max));
      a += p->first_column_stride;
      b += p->second_column_stride;
    }
  }
}

FW_KERNEL_BODY void fw_sub_s8_body(const fw_sub_s8_params_t *p, const int8_t *first, const int8_t *second,
                                   int8_t *output) {
  fw_difference(p, first, second, output, FW_ELEMENT_S8, 20, 0);
}

FW_KERNEL_BODY void fw_sub_s16_body(const fw_sub_s16_params_t *p, const int16_t *first, const int16_t *second,
                                    int16_t *output) {
  fw_difference(p, first, second, output, FW_ELEMENT_S16, 15, 0);
}

FW_KERNEL_BODY void fw_squared_difference_s8_body(const fw_squared_difference_s8_params_t *p, const int8_t *first,
                                                  const int8_t *second, int8_t *output) {
  fw_difference(p, first, second, output, FW_ELEMENT_S8, 7, 1);
}

FW_KERNEL_BODY void fw_squared_difference_s16_body(const fw_squared_difference_s16_params_t *p, const int16_t *first,
                                                   const int16_t *second, int16_t *output) {
  fw_difference(p, first, second, output, FW_ELEMENT_S16, 0, 1);
}

#endif
