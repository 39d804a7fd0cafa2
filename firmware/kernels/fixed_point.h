/* Fixed-point arithmetic with the rounding of TensorFlow Lite Micro's reference kernels (gemmlowp, double rounding). */
#ifndef FW_FIXED_POINT_H
#define FW_FIXED_POINT_H

#include <stdint.h>

#include "kernels/fw_kernel.h"

FW_INLINE int32_t fw_min(int32_t a, int32_t b) {
  return a < b ? a : b;
}

FW_INLINE int32_t fw_max(int32_t a, int32_t b) {
  return a > b ? a : b;
}

FW_INLINE int32_t fw_clamp(int32_t x, int32_t low, int32_t high) {
  return fw_min(fw_max(x, low), high);
}

/* a + b, a - b, a * b and x * 2^n modulo 2^32, as the hardware does it: signed overflow is undefined in C. */
FW_INLINE int32_t fw_add_wrap(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a + (uint32_t)b);
}

FW_INLINE int32_t fw_subtract_wrap(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a - (uint32_t)b);
}

FW_INLINE int32_t fw_multiply_wrap(int32_t a, int32_t b) {
  return (int32_t)((uint32_t)a * (uint32_t)b);
}

FW_INLINE int32_t fw_shift_left_wrap(int32_t x, int32_t n) {
  return (int32_t)((uint32_t)x << n);
}

/* round(a * b / 2^31), ties upwards; the only overflow, INT32_MIN * INT32_MIN, saturates. The reference divides with
 * truncation after a sign-dependent nudge, which is the same function. */
FW_INLINE int32_t fw_doubling_high_mul(int32_t a, int32_t b) {
  if (a == INT32_MIN && b == INT32_MIN) return INT32_MAX;
  return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* round(x / 2^n), ties away from zero; 0 <= n <= 31. */
FW_INLINE int32_t fw_rounding_divide_by_pot(int32_t x, int32_t n) {
  const int32_t mask = (int32_t)(((uint32_t)1 << n) - 1u);
  const int32_t remainder = x & mask;
  const int32_t threshold = (mask >> 1) + (x < 0);
  return (x >> n) + (remainder > threshold);
}

/* x * multiplier * 2^(shift - 31): the reference's MultiplyByQuantizedMultiplier for 32-bit accumulators. */
FW_INLINE int32_t fw_requantise(int32_t x, int32_t multiplier, int32_t shift) {
  const int32_t left = shift > 0 ? shift : 0;
  const int32_t right = shift > 0 ? 0 : -shift;
  return fw_rounding_divide_by_pot(fw_doubling_high_mul(fw_shift_left_wrap(x, left), multiplier), right);
}

/* The same for 64-bit accumulators within [-2^47, 2^47), which the reference multiplies by 16 bits of the multiplier
 * and rounds once, ties upwards; shift <= 7. */
FW_INLINE int32_t fw_requantise_wide(int64_t x, int32_t multiplier, int32_t shift) {
  const int32_t reduced = multiplier < 0x7FFF0000 ? (multiplier + (1 << 15)) >> 16 : 0x7FFF;
  const int32_t right = 15 - shift;
  return (int32_t)((x * reduced + ((int64_t)1 << (right - 1))) >> right);
}

/* What int16 layers do with their sums, depending on whether the reference sums in 32 bits (modulo 2^32) or in 64. */
FW_INLINE int32_t fw_requantise_s16(int64_t x, int32_t multiplier, int32_t shift, int32_t is_narrow) {
  return is_narrow ? fw_requantise((int32_t)x, multiplier, shift) : fw_requantise_wide(x, multiplier, shift);
}

#endif
