/* Functions of gemmlowp's fixed-point numbers. Qm is an int32_t with m integer bits and 31 - m fractional
 * ones. */
#ifndef FW_FIXED_POINT_MATH_H
#define FW_FIXED_POINT_MATH_H

#include "kernels/fixed_point.h"

/* x * 2^n, 0 < n < 31, clamped to int32_t. */
FW_INLINE int32_t fw_saturating_shift_left(int32_t x, int32_t n) {
  const int32_t limit = INT32_MAX >> n;
  if (x > limit) return INT32_MAX;
  if (x < -limit) return INT32_MIN;
  return fw_shift_left_wrap(x, n);
}

/* Zero bits in front of the highest one; 32 for 0. */
FW_INLINE int32_t fw_leading_zeros(uint32_t x) {
  return x ? __builtin_clz(x) : 32;
}

/* exp(a) in Q0 for a <= 0 in Q`integer_bits`, which is 5 at most: gemmlowp's exp_on_negative_values. */
FW_INLINE int32_t fw_exp_on_negative_values(int32_t a, int32_t integer_bits) {
  static const int32_t exp_of_minus_powers[7] = {1672461947, 1302514674, 790015084, 290630308,
                                                 39332535,   720401,     242}; /* exp(-2^k), k = -2 ... 4 */
  const int32_t fraction_bits = 31 - integer_bits;
  const int32_t quarter = (int32_t)1 << (fraction_bits - 2);
  if (a == 0) return INT32_MAX;
  /* a = reduced - remainder with reduced in [-1/4, 0): a Taylor series around -1/8 for the first ... */
  const int32_t reduced = (a & (quarter - 1)) - quarter;
  const int32_t x = fw_saturating_shift_left(reduced, integer_bits) + ((int32_t)1 << 28);
  const int32_t x2 = fw_doubling_high_mul(x, x);
  const int32_t x3 = fw_doubling_high_mul(x2, x);
  const int32_t x4 = fw_doubling_high_mul(x2, x2);
  const int32_t cubic = fw_doubling_high_mul(fw_rounding_divide_by_pot(x4, 2) + x3, 715827883) + x2;
  int32_t result = 1895147668 + fw_doubling_high_mul(1895147668, x + fw_rounding_divide_by_pot(cubic, 1));
  /* ... and a factor for each bit of the second. */
  const int32_t quarters = (reduced - a) >> (fraction_bits - 2);
  for (int32_t k = 0; k < integer_bits + 2; ++k) {
    if (quarters & ((int32_t)1 << k)) result = fw_doubling_high_mul(result, exp_of_minus_powers[k]);
  }
  return result;
}

/* 1 / sqrt(value) for value >= 0, where 0 counts as 1, for fw_requantise: the shift is 0 or negative.
 * GetInvSqrtQuantizedMultiplierExp of the reference. */
FW_INLINE void fw_inverse_square_root(int32_t value, int32_t *multiplier, int32_t *shift) {
  *multiplier = INT32_MAX;
  *shift = 0;
  if (value <= 1) return;
  int32_t right = 11;
  for (; value >= 1 << 29; value /= 4) ++right;
  const int32_t pairs = (fw_leading_zeros((uint32_t)value) - 1) / 2 - 1;
  value <<= 2 * pairs;
  right -= pairs;
  /* Newton-Raphson in Q3 from 1. */
  const int32_t half = fw_rounding_divide_by_pot(value >> 1, 1);
  int32_t x = (int32_t)1 << 28;
  for (int32_t step = 0; step < 5; ++step) {
    const int32_t cube = fw_saturating_shift_left(fw_doubling_high_mul(fw_doubling_high_mul(x, x), x), 6);
    const int32_t three_halves = fw_doubling_high_mul(x, (1 << 28) + (1 << 27));
    x = fw_saturating_shift_left(three_halves - fw_doubling_high_mul(half, cube), 3);
  }
  x = fw_doubling_high_mul(x, 1518500250); /* sqrt(2) / 2 */
  *multiplier = right < 0 ? fw_shift_left_wrap(x, -right) : x;
  *shift = right < 0 ? 0 : -right;
}

/* 1 / (1 + a) in Q0 for 0 <= a < 1 in Q0: gemmlowp's one_over_one_plus_x_for_x_in_0_1. */
FW_INLINE int32_t fw_one_over_one_plus_x(int32_t a) {
  const int32_t half_denominator = (int32_t)(((uint32_t)a + (uint32_t)INT32_MAX + 1u) >> 1);
  int32_t x = 1515870810 + fw_doubling_high_mul(half_denominator, -1010580540);
  for (int32_t step = 0; step < 3; ++step) {
    const int32_t error = ((int32_t)1 << 29) - fw_doubling_high_mul(half_denominator, x);
    x += fw_saturating_shift_left(fw_doubling_high_mul(x, error), 2);
  }
  return fw_saturating_shift_left(x, 1);
}

#endif
