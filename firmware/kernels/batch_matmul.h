/* BATCH_MATMUL of int8 or int16 by int8 or int16. Reference: TFLM reference_ops::BatchMatMul. */
#ifndef FW_BATCH_MATMUL_H
#define FW_BATCH_MATMUL_H

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

/* output[b0][b1][b2][row][column] = sum over k of first[…][row][k] * second[…][k][column]. Strides count elements and
 * are 0 where an operand repeats, so that transposed and broadcast operands are read where they lie. */
typedef struct {
  int32_t batch0;
  int32_t batch1;
  int32_t batch2;
  int32_t rows;
  int32_t columns;
  int32_t depth;
  int32_t first_batch0;
  int32_t first_batch1;
  int32_t first_batch2;
  int32_t first_row;
  int32_t first_depth;
  int32_t second_batch0;
  int32_t second_batch1;
  int32_t second_batch2;
  int32_t second_column;
  int32_t second_depth;
  FW_PER_LAYER int32_t first_zero_point;
  FW_PER_LAYER int32_t second_zero_point;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t multiplier;
  FW_PER_LAYER int32_t shift;
} fw_batch_matmul_s8_params_t;

typedef fw_batch_matmul_s8_params_t fw_batch_matmul_s16_params_t;

FW_KERNEL_BODY void fw_batch_matmul_s8_body(const fw_batch_matmul_s8_params_t *p, const int8_t *first,
                                            const int8_t *second, int8_t *output) {
  for (int32_t batch = 0; batch < p->batch0 * p->batch1 * p->batch2; ++batch) {
    const int32_t b2 = batch % p->batch2;
    const int32_t b1 = batch / p->batch2 % p->batch1;
    const int32_t b0 = batch / p->batch2 / p->batch1;
    const int8_t *a = first + b0 * p->first_batch0 + b1 * p->first_batch1 + b2 * p->first_batch2;
    const int8_t *b = second + b0 * p->second_batch0 + b1 * p->second_batch1 + b2 * p->second_batch2;
    for (int32_t row = 0; row < p->rows; ++row) {
      for (int32_t column = 0; column < p->columns; ++column) {
        const int8_t *x = a + row * p->first_row;
        const int8_t *w = b + column * p->second_column;
        int32_t sum = 0;
        for (int32_t k = 0; k < p->depth; ++k) {
          const int32_t product =
              (x[k * p->first_depth] - p->first_zero_point) * (w[k * p->second_depth] - p->second_zero_point);
          sum = fw_add_wrap(sum, product);
        }
        const int32_t scaled = fw_add_wrap(fw_requantise(sum, p->multiplier, p->shift), p->output_zero_point);
        *output++ = (int8_t)fw_clamp(scaled, INT8_MIN, INT8_MAX);
      }
    }
  }
}

/* Zero points of int16 are 0. */
FW_KERNEL_BODY void fw_batch_matmul_s16_body(const fw_batch_matmul_s16_params_t *p, const int16_t *first,
                                             const int16_t *second, int16_t *output) {
  for (int32_t batch = 0; batch < p->batch0 * p->batch1 * p->batch2; ++batch) {
    const int32_t b2 = batch % p->batch2;
    const int32_t b1 = batch / p->batch2 % p->batch1;
    const int32_t b0 = batch / p->batch2 / p->batch1;
    const int16_t *a = first + b0 * p->first_batch0 + b1 * p->first_batch1 + b2 * p->first_batch2;
    const int16_t *b = second + b0 * p->second_batch0 + b1 * p->second_batch1 + b2 * p->second_batch2;
    for (int32_t row = 0; row < p->rows; ++row) {
      for (int32_t column = 0; column < p->columns; ++column) {
        const int16_t *x = a + row * p->first_row;
        const int16_t *w = b + column * p->second_column;
        int64_t sum = 0;
        for (int32_t k = 0; k < p->depth; ++k) sum += (int32_t)x[k * p->first_depth] * w[k * p->second_depth];
        *output++ = (int16_t)fw_clamp(fw_requantise_wide(sum, p->multiplier, p->shift), INT16_MIN, INT16_MAX);
      }
    }
  }
}

#endif
