/* sinf() and cosf() with the bits that TensorFlow Lite Micro's float kernels get from glibc (2.28 to 2.40) and newlib:
 * both take these functions from Arm's optimized-routines, whose method and coefficients are used here. Computed in
 * double, like fw_exp_f32(). */
#ifndef FW_TRIGONOMETRY_H
#define FW_TRIGONOMETRY_H

#include "fw_float.h"
#include "kernels/float_math.h"
#include "kernels/fw_kernel.h"

/* An angle as quadrant * pi / 2 + rest, |rest| <= pi / 4. */
typedef struct {
  double rest;
  uint32_t quadrant;
} fw_angle_t;

/* 32 bits of 2 / pi that start `byte` bytes behind 24 zeros. */
FW_INLINE uint32_t fw_two_over_pi(uint32_t byte) {
  static const uint8_t digits[27] = {0x00, 0x00, 0x00, 0xA2, 0xF9, 0x83, 0x6E, 0x4E, 0x44, 0x15, 0x29, 0xFC, 0x27, 0x57,
                                     0xD1, 0xF5, 0x34, 0xDD, 0xC0, 0xDB, 0x62, 0x95, 0x99, 0x3C, 0x43, 0x90, 0x41};
  return (uint32_t)digits[byte] << 24 | (uint32_t)digits[byte + 1] << 16 | (uint32_t)digits[byte + 2] << 8 |
         digits[byte + 3];
}

FW_INLINE fw_angle_t fw_angle(float x) {
  const uint32_t magnitude = fw_float_bits(x) & 0x7FFFFFFFu;
  fw_angle_t angle = {(double)x, 0};
  if (magnitude < 0x3F400000u) return angle;                /* below 0.75 */
  if (magnitude < 0x42F00000u) {                            /* below 120 */
    const double turns = (double)x * 0x1.45f306dc9c883p+23; /* 2 / pi * 2^24 */
    const int32_t quadrant = ((int32_t)turns + 0x800000) >> 24;
    angle.rest = (double)x - (double)quadrant * 0x1.921fb54442d18p+0;
    angle.quadrant = (uint32_t)quadrant;
    return angle;
  }
  /* 96 bits of x * 2 / pi around its binary point; whole turns cancel out. */
  const uint32_t first = magnitude >> 26 & 15u;
  const uint32_t mantissa = ((magnitude & 0xFFFFFFu) | 0x800000u) << (magnitude >> 23 & 7u);
  const uint64_t low = (uint64_t)mantissa * fw_two_over_pi(first + 8u) >> 32;
  uint64_t turns = (uint64_t)(mantissa * fw_two_over_pi(first)) << 32 | low;
  turns += (uint64_t)mantissa * fw_two_over_pi(first + 4u);
  const uint64_t quadrant = (turns + ((uint64_t)1 << 61)) >> 62;
  turns -= quadrant << 62;
  angle.rest = (double)(int64_t)turns * 0x1.921fb54442d18p-62;
  angle.quadrant = (uint32_t)quadrant;
  return angle;
}

FW_INLINE float fw_sine_series(double x) {
  const double square = x * x;
  const double cube = x * square;
  const double tail = 0x1.1107605230bc4p-7 + square * -0x1.994eb3774cf24p-13;
  const double head = x + cube * -0x1.555545995a603p-3;
  return (float)(head + cube * square * tail);
}

FW_INLINE float fw_cosine_series(double x) {
  const double square = x * x;
  const double fourth = square * square;
  const double tail = -0x1.6c087e89a359dp-10 + square * 0x1.99343027bf8c3p-16;
  const double head = (1.0 + square * -0x1.ffffffd0c621cp-2) + fourth * 0x1.55553e1068f19p-5;
  return (float)(head + fourth * square * tail);
}

FW_INLINE float fw_sin_f32(float x) {
  const uint32_t magnitude = fw_float_bits(x) & 0x7FFFFFFFu;
  if (magnitude >= 0x7F800000u) return x - x;
  if (magnitude < 0x39800000u) return x; /* below 2^-12 */
  const fw_angle_t angle = fw_angle(x);
  /* Large angles are reduced without their sign, which turns the sine by half a circle. */
  const uint32_t quadrant = angle.quadrant + (magnitude >= 0x42F00000u && x < 0.0f ? 2u : 0u);
  if (angle.quadrant & 1u) return quadrant & 2u ? -fw_cosine_series(angle.rest) : fw_cosine_series(angle.rest);
  return fw_sine_series(quadrant & 2u ? -angle.rest : angle.rest);
}

FW_INLINE float fw_cos_f32(float x) {
  const uint32_t magnitude = fw_float_bits(x) & 0x7FFFFFFFu;
  if (magnitude >= 0x7F800000u) return x - x;
  if (magnitude < 0x39800000u) return 1.0f;
  const fw_angle_t angle = fw_angle(x);
  if (angle.quadrant & 1u) return fw_sine_series(angle.quadrant & 2u ? angle.rest : -angle.rest);
  return angle.quadrant & 2u ? -fw_cosine_series(angle.rest) : fw_cosine_series(angle.rest);
}

#endif
