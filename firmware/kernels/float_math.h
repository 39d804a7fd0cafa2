/* Functions of float32 whose results IEEE 754 fixes, without libm. */
#ifndef FW_FLOAT_MATH_H
#define FW_FLOAT_MATH_H

#include <string.h>

#include "fw_float.h"
#include "kernels/fw_kernel.h"

FW_INLINE uint32_t fw_float_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

FW_INLINE float fw_float_of_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* The largest integer that is not greater than x. */
FW_INLINE float fw_floor_f32(float x) {
  if (!(x > -8388608.0f && x < 8388608.0f)) return x; /* has no fraction, or is not a number */
  const float whole = (float)(int32_t)x;
  if (whole == x) return x; /* also -0 */
  return whole > x ? whole - 1.0f : whole;
}

FW_INLINE double fw_floor_f64(double x) {
  if (!(x > -4503599627370496.0 && x < 4503599627370496.0)) return x;
  const double whole = (double)(int64_t)x;
  if (whole == x) return x; /* also -0 */
  return whole > x ? whole - 1.0 : whole;
}

/* fmodf: x - n * y for the whole number n of x / y truncated, exactly. */
FW_INLINE float fw_remainder_f32(float x, float y) {
  const uint32_t sign = fw_float_bits(x) & 0x80000000u;
  uint32_t a = fw_float_bits(x) & 0x7FFFFFFFu;
  const uint32_t b = fw_float_bits(y) & 0x7FFFFFFFu;
  if (b == 0 || b > 0x7F800000u || a >= 0x7F800000u) return (x * y) / (x * y); /* not a number */
  if (a < b) return x;
  int32_t exponent = (int32_t)(a >> 23);
  const int32_t divisor_exponent = (int32_t)(b >> 23);
  uint32_t rest = exponent ? (a & 0x7FFFFFu) | 0x800000u : a;
  const uint32_t divisor = divisor_exponent ? (b & 0x7FFFFFu) | 0x800000u : b;
  /* Subnormal numbers have the exponent of the smallest normal ones. */
  exponent += exponent == 0;
  for (int32_t last = divisor_exponent + (divisor_exponent == 0); exponent > last; --exponent) {
    if (rest >= divisor) rest -= divisor;
    rest <<= 1;
  }
  if (rest >= divisor) rest -= divisor;
  if (rest == 0) return fw_float_of_bits(sign);
  for (; exponent > 1 && !(rest & 0x800000u); --exponent) rest <<= 1;
  a = rest & 0x800000u ? ((uint32_t)exponent << 23) | (rest & 0x7FFFFFu) : rest;
  return fw_float_of_bits(sign | a);
}

#endif
