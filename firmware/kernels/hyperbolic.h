/* expm1f() and tanhf() with the bits that TensorFlow Lite Micro's float kernels get from glibc (up to 2.40) and newlib:
 * both have Sun's fdlibm, whose method and coefficients are used here; every step is one rounding to float32. */
#ifndef FW_HYPERBOLIC_H
#define FW_HYPERBOLIC_H

#include "fw_float.h"
#include "kernels/float_math.h"
#include "kernels/fw_kernel.h"

/* y * 2^k, for results that are no subnormal numbers. */
FW_INLINE float fw_scale_f32(float y, int32_t k) {
  return fw_float_of_bits(fw_float_bits(y) + ((uint32_t)k << 23));
}

/* e^x - 1 for x = k * ln 2 + r, where r is `rest` and what it lost in rounding `lost`. */
FW_INLINE float fw_expm1_reduced(float rest, float lost, int32_t k) {
  const float half = 0.5f * rest;
  const float square = rest * half;
  float series = -2.0109921195e-07f;
  series = 4.0082177293e-06f + square * series;
  series = -7.9365076090e-05f + square * series;
  series = 1.5873016091e-03f + square * series;
  series = -3.3333335072e-02f + square * series;
  series = 1.0f + square * series;
  const float t = 3.0f - series * half;
  float e = square * ((series - t) / (6.0f - rest * t));
  if (k == 0) return rest - (rest * e - square);
  e = rest * (e - lost) - lost;
  e -= square;
  if (k == -1) return 0.5f * (rest - e) - 0.5f;
  if (k == 1) return rest < -0.25f ? -2.0f * (e - (rest + 0.5f)) : 1.0f + 2.0f * (rest - e);
  if (k <= -2 || k > 56) return fw_scale_f32(1.0f - (e - rest), k) - 1.0f;
  const float power = fw_float_of_bits((uint32_t)(127 - k) << 23); /* 2^-k */
  return fw_scale_f32(k < 23 ? (1.0f - power) - (e - rest) : (rest - (e + power)) + 1.0f, k);
}

FW_INLINE float fw_expm1_f32(float x) {
  const float high = 6.9313812256e-01f; /* ln 2 in two parts */
  const float low = 9.0580006145e-06f;
  const uint32_t magnitude = fw_float_bits(x) & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return x + x;
  if (magnitude >= 0x42B17218u && x > 0.0f) return fw_float_of_bits(0x7F800000u);
  if (magnitude >= 0x4195B844u && x < 0.0f) return -1.0f; /* below -27 ln 2 */
  if (magnitude < 0x33000000u) return x;
  if (magnitude <= 0x3EB17218u) return fw_expm1_reduced(x, 0.0f, 0); /* up to ln 2 / 2 */
  int32_t k = x > 0.0f ? 1 : -1;
  if (magnitude >= 0x3F851592u) k = (int32_t)(1.4426950216e+00f * x + (x > 0.0f ? 0.5f : -0.5f));
  const float above = x - (float)k * high;
  const float below = (float)k * low;
  const float rest = above - below;
  return fw_expm1_reduced(rest, (above - rest) - below, k);
}

FW_INLINE float fw_tanh_f32(float x) {
  const uint32_t magnitude = fw_float_bits(x) & 0x7FFFFFFFu;
  const float positive = fw_float_of_bits(magnitude);
  float result = 1.0f;
  if (magnitude > 0x7F800000u) return x + x;
  if (magnitude < 0x24000000u) return x;
  if (magnitude < 0x3F800000u) {
    const float t = fw_expm1_f32(-2.0f * positive);
    result = -t / (t + 2.0f);
  } else if (magnitude < 0x41B00000u) { /* 22 */
    result = 1.0f - 2.0f / (fw_expm1_f32(2.0f * positive) + 2.0f);
  }
  return x < 0.0f ? -result : result;
}

#endif
