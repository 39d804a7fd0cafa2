/* L2_NORMALIZATION over the last dimension. Reference: TFLM reference_integer_ops and reference_ops::L2Normalization.
 */
#ifndef FW_L2_NORMALIZATION_H
#define FW_L2_NORMALIZATION_H

#include "features/sqrt_f32.h"
#include "fw_float.h"
#include "kernels/fixed_point.h"
#include "kernels/fixed_point_math.h"
#include "kernels/fw_kernel.h"

/* The square root of cores that have no instruction for it. */
FW_LINKS_WITH("features/fw_math.c")

typedef struct {
  int32_t rows;
  int32_t depth; /* less than 2^15, so that a sum of squares fits 31 bits */
  FW_PER_LAYER int32_t input_zero_point;
} fw_l2_normalization_s8_params_t;

/* The output has the scale 1 / 128 and the zero point 0. */
FW_KERNEL_BODY void fw_l2_normalization_s8_body(const fw_l2_normalization_s8_params_t *p, const int8_t *input,
                                                int8_t *output) {
  for (int32_t row = 0; row < p->rows; ++row, input += p->depth) {
    int32_t sum = 0;
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t x = input[i] - p->input_zero_point;
      sum += x * x;
    }
    int32_t multiplier;
    int32_t shift;
    fw_inverse_square_root(sum, &multiplier, &shift);
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t scaled = fw_requantise(input[i] - p->input_zero_point, multiplier, shift + 7);
      *output++ = (int8_t)fw_clamp(scaled, INT8_MIN, INT8_MAX);
    }
  }
}

typedef struct {
  int32_t rows;
  int32_t depth;
} fw_l2_normalization_f32_params_t;

FW_KERNEL_BODY void fw_l2_normalization_f32_body(const fw_l2_normalization_f32_params_t *p, const float *input,
                                                 float *output) {
  for (int32_t row = 0; row < p->rows; ++row, input += p->depth, output += p->depth) {
    float squares = 0.0f;
    for (int32_t i = 0; i < p->depth; ++i) squares += input[i] * input[i];
    const float root = fw_sqrtf_inline(squares);
    const float norm = root < 1e-6f ? 1e-6f : root;
    for (int32_t i = 0; i < p->depth; ++i) output[i] = input[i] / norm;
  }
}

#endif
