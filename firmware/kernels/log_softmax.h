/* LOG_SOFTMAX over the last dimension. Reference: TFLM reference_ops::LogSoftmax. */
#ifndef FW_LOG_SOFTMAX_H
#define FW_LOG_SOFTMAX_H

#include "fw_float.h"
#include "kernels/exponential.h"
#include "kernels/fixed_point.h"
#include "kernels/fixed_point_math.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t rows;
  int32_t depth;                   /* less than 2^12, so that the sum of exponentials fits Q12 */
  FW_PER_LAYER int32_t multiplier; /* brings differences of inputs to Q5.26 */
  FW_PER_LAYER int32_t shift;
  FW_PER_LAYER int32_t reverse_multiplier; /* the other way, shift 0 or negative */
  FW_PER_LAYER int32_t reverse_shift;
  FW_PER_LAYER int32_t smallest_difference; /* below, the exponential counts as 0 */
} fw_log_softmax_s8_params_t;

/* The natural logarithm of `a` >= 1 in Q12, in Q5: log_x_for_x_greater_than_or_equal_to_1 of the reference. Two
 * reductions of a to [1/sqrt(2), sqrt(2)) times a power of two are made; the smaller one goes into a rational function.
 */
FW_INLINE int32_t fw_log_of_q12(int32_t a) {
  const int32_t log_2 = 1488522236;
  const int32_t root = 1518500250;          /* sqrt(1/2) */
  const int32_t fourth_root = 1805811301;   /* sqrt(sqrt(1/2)) */
  const int32_t quarter = (int32_t)1 << 23; /* in Q6, like the exponents below */
  const int32_t zeros = fw_leading_zeros((uint32_t)a);
  const int32_t first = fw_saturating_shift_left(fw_doubling_high_mul(fw_saturating_shift_left(a, zeros - 1), root), 1);
  const int32_t first_exponent = fw_shift_left_wrap(12 - zeros, 25) + quarter;
  const int32_t headroom = fw_leading_zeros((uint32_t)fw_doubling_high_mul(a, root)) - 1;
  const int32_t second = fw_saturating_shift_left(a, headroom);
  const int32_t second_exponent = fw_shift_left_wrap(12 - headroom, 25) - quarter;
  const int32_t r = fw_min(first, second);
  const int32_t exponent = fw_max(first_exponent, second_exponent);
  const int32_t p = (int32_t)(((int64_t)r + fourth_root + 1) / 2);
  const int32_t q = 2 * (r - fourth_root);
  const int32_t square = fw_doubling_high_mul(q, q);
  const int32_t numerator =
      fw_doubling_high_mul(q, r) + fw_doubling_high_mul(fw_doubling_high_mul(q, square), 117049297);
  const int32_t inner = 1057819769 + q + fw_doubling_high_mul(127690142, square);
  const int32_t denominator = fw_doubling_high_mul(p, inner) + fw_doubling_high_mul(638450708, q);
  const int32_t quotient =
      fw_doubling_high_mul(fw_rounding_divide_by_pot(numerator, 6), fw_one_over_one_plus_x(denominator));
  return fw_saturating_shift_left(fw_doubling_high_mul(exponent, log_2) + quotient, 1);
}

/* input and output [rows][depth]; the output has the scale 1 / 16 and the zero point 127. */
FW_KERNEL_BODY void fw_log_softmax_s8_body(const fw_log_softmax_s8_params_t *p, const int8_t *input, int8_t *output) {
  for (int32_t row = 0; row < p->rows; ++row, input += p->depth) {
    int32_t largest = INT8_MIN;
    for (int32_t i = 0; i < p->depth; ++i) largest = fw_max(largest, input[i]);
    int32_t sum = 0; /* Q12 */
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t difference = input[i] - largest;
      if (difference < p->smallest_difference) continue;
      const int32_t scaled = fw_requantise(difference, p->multiplier, p->shift);
      sum += fw_rounding_divide_by_pot(fw_exp_on_negative_values(scaled, 5), 12);
    }
    const int32_t log_sum = fw_log_of_q12(sum);
    /* What would leave Q5.26 when the logarithm is taken off is the smallest output. */
    const int32_t limit =
        fw_max(p->smallest_difference - 1, fw_requantise(log_sum + INT32_MIN, p->reverse_multiplier, p->reverse_shift));
    for (int32_t i = 0; i < p->depth; ++i) {
      const int32_t difference = input[i] - largest;
      int32_t value = INT8_MIN;
      if (difference > limit) {
        const int32_t scaled = fw_requantise(difference, p->multiplier, p->shift);
        value = fw_clamp(fw_rounding_divide_by_pot(scaled - log_sum, 22) + INT8_MAX, INT8_MIN, INT8_MAX);
      }
      *output++ = (int8_t)value;
    }
  }
}

typedef struct {
  int32_t rows;
  int32_t depth;
} fw_log_softmax_f32_params_t;

FW_KERNEL_BODY void fw_log_softmax_f32_body(const fw_log_softmax_f32_params_t *p, const float *input, float *output) {
  for (int32_t row = 0; row < p->rows; ++row, input += p->depth) {
    float largest = -0x1.fffffep127f;
    for (int32_t i = 0; i < p->depth; ++i) largest = largest < input[i] ? input[i] : largest;
    float sum = 0.0f;
    for (int32_t i = 0; i < p->depth; ++i) sum += fw_exp_f32(input[i] - largest);
    const float log_sum = fw_log_f32(sum);
    for (int32_t i = 0; i < p->depth; ++i) *output++ = input[i] - largest - log_sum;
  }
}

#endif
