/* SOFTMAX. Reference: TFLM reference_ops::Softmax (int8 to int8 or int16) and SoftmaxInt16. */
#ifndef FW_SOFTMAX_H
#define FW_SOFTMAX_H

#include "kernels/element.h"
#include "kernels/fixed_point.h"
#include "kernels/fixed_point_math.h"
#include "kernels/fw_kernel.h"
#include "kernels/lookup.h"

typedef struct {
  int32_t rows;
  int32_t depth;
  FW_PER_LAYER int32_t multiplier; /* brings differences of inputs to Q5.26 */
  FW_PER_LAYER int32_t shift;
  FW_PER_LAYER int32_t smallest_difference; /* below, the exponential counts as 0 */
} fw_softmax_s8_params_t;

typedef fw_softmax_s8_params_t fw_softmax_s8_s16_params_t;

/* exp(value - max) in Q0. */
FW_INLINE int32_t fw_softmax_exponential(const fw_softmax_s8_params_t *p, int32_t difference) {
  return fw_exp_on_negative_values(fw_doubling_high_mul(fw_shift_left_wrap(difference, p->shift), p->multiplier), 5);
}

/* input and output [rows][depth]; the exponentials are computed twice instead of kept. */
FW_INLINE void fw_softmax_rows(const fw_softmax_s8_params_t *p, const int8_t *input, void *output,
                               fw_element_t output_type) {
  const int32_t output_bits = output_type == FW_ELEMENT_S8 ? 8 : 16;
  const int32_t low = output_type == FW_ELEMENT_S8 ? INT8_MIN : INT16_MIN;
  const int32_t high = output_type == FW_ELEMENT_S8 ? INT8_MAX : INT16_MAX;
  for (int32_t row = 0; row < p->rows; ++row, input += p->depth) {
    int32_t largest = INT8_MIN;
    for (int32_t i = 0; i < p->depth; ++i) largest = fw_max(largest, input[i]);
    int32_t sum = 0; /* Q12 */
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t difference = input[i] - largest;
      if (difference < p->smallest_difference) continue;
      sum += fw_rounding_divide_by_pot(fw_softmax_exponential(p, difference), 12);
    }
    /* sum = 2^whole_bits * (1 + fraction): its reciprocal is that of 1 + fraction, shifted. */
    const int32_t zeros = fw_leading_zeros((uint32_t)sum);
    const int32_t whole_bits = 12 - zeros;
    const int32_t reciprocal = fw_one_over_one_plus_x((int32_t)(((uint32_t)sum << zeros) - (1u << 31)));
    const int32_t exponent = whole_bits + 31 - output_bits;
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t difference = input[i] - largest;
      int32_t value = low;
      /* With an exponent above 31 (over 511 nearly equal classes; the reference aborts) all quotients round to 0. */
      if (difference >= p->smallest_difference && exponent <= 31) {
        const int32_t product = fw_doubling_high_mul(reciprocal, fw_softmax_exponential(p, difference));
        value = fw_clamp(fw_rounding_divide_by_pot(product, exponent) + low, low, high);
      }
      fw_store(output, row * p->depth + i, output_type, value);
    }
  }
}

FW_KERNEL_BODY void fw_softmax_s8_body(const fw_softmax_s8_params_t *p, const int8_t *input, int8_t *output) {
  fw_softmax_rows(p, input, output, FW_ELEMENT_S8);
}

FW_KERNEL_BODY void fw_softmax_s8_s16_body(const fw_softmax_s8_s16_params_t *p, const int8_t *input, int16_t *output) {
  fw_softmax_rows(p, input, output, FW_ELEMENT_S16);
}

typedef struct {
  int32_t rows;
  int32_t depth;
  FW_PER_LAYER int32_t multiplier; /* brings differences of inputs to steps of 10 / 65535 */
  FW_PER_LAYER int32_t shift;
} fw_softmax_s16_params_t;

/* exponentials[513] holds exp(x) for x in [-10, 0], reciprocals[513] 1 / (1 + x) for x in [0, 1], both in 0.15. */
FW_KERNEL_BODY void fw_softmax_s16_body(const fw_softmax_s16_params_t *p, const int16_t *input,
                                        const int16_t *exponentials, const int16_t *reciprocals, int16_t *output) {
  for (int32_t row = 0; row < p->rows; ++row, input += p->depth, output += p->depth) {
    int32_t largest = INT16_MIN;
    for (int32_t i = 0; i < p->depth; ++i) largest = fw_max(largest, input[i]);
    int32_t sum = 0; /* 16.15 */
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t scaled = fw_requantise(input[i] - largest, p->multiplier, p->shift);
      output[i] = fw_lookup_interpolated(fw_clamp(fw_add_wrap(scaled, INT16_MAX), INT16_MIN, INT16_MAX), exponentials);
      sum += output[i];
    }
    const int32_t zeros = fw_leading_zeros((uint32_t)sum);
    const int32_t normalised = (int32_t)((((int64_t)sum << (zeros - 1)) + (1 << 13)) >> 14);
    const int32_t fraction = normalised - ((1 << 15) + (1 << 16));
    const int32_t reciprocal = fw_lookup_interpolated(fw_clamp(fraction, INT16_MIN, INT16_MAX), reciprocals);
    const int32_t right = 31 - zeros;
    const int32_t nudge = (int32_t)1 << (right - 1);
    for (int32_t i = 0; i < p->depth; ++i) {
      output[i] = (int16_t)fw_clamp((output[i] * reciprocal + nudge) >> right, 0, INT16_MAX);
    }
  }
}

#endif
