/* Logarithm, exponential and square root in single precision.
 *
 * The polynomials are minimax fits made for this file (relative error 2^-27.7 for the logarithm on [2/3,
 * 4/3), 2^-28.3 for the exponential on ±ln2/2); what remains is the rounding of the last additions. */
#include "fw_math.h"

#include <stdint.h>

#include "features/sqrt_f32.h"
#include "fw_float.h"

/* ln 2 in two parts; the first has 9 significant bits, so that its product with an exponent is exact. */
#define LN2_HIGH 0.693359375f
#define LN2_LOW  (-2.12194440e-4f)
#define LOG2_E   1.44269504f

typedef union {
  float value;
  uint32_t bits;
} float_bits_t;

static float from_bits(uint32_t bits) {
  float_bits_t u;
  u.bits = bits;
  return u.value;
}

static uint32_t to_bits(float value) {
  float_bits_t u;
  u.value = value;
  return u.bits;
}

float fw_logf(float x) {
  uint32_t bits = to_bits(x);
  int32_t exponent = 0;
  if (bits - 0x00800000u >= 0x7f000000u) { /* zero, subnormal, negative, infinite or NaN */
    if ((bits << 1) == 0u) return from_bits(0xff800000u);
    if (bits > 0x7f800000u) return from_bits(0x7fc00000u);
    if (bits == 0x7f800000u) return x;
    bits = to_bits(x * 8388608.0f);
    exponent = -23;
  }
  /* x = 2^shift * m with m in [2/3, 4/3): the polynomial's range is symmetric and x near 1 keeps shift 0. */
  const int32_t shift = (int32_t)((bits + (0x3f800000u - 0x3f2aaaabu)) >> 23) - 127;
  const float f = from_bits(bits - ((uint32_t)shift << 23)) - 1.0f;
  const float e = (float)(exponent + shift);
  const float square = f * f;
  float p = -0x1.080586p-3f;
  p = p * f + 0x1.1e66bep-3f;
  p = p * f - 0x1.f31140p-4f;
  p = p * f + 0x1.1ed716p-3f;
  p = p * f - 0x1.559dccp-3f;
  p = p * f + 0x1.99d028p-3f;
  p = p * f - 0x1.fffef0p-3f;
  p = p * f + 0x1.555506p-2f;
  float y = square * f * p;
  y += e * LN2_LOW;
  y -= 0.5f * square;
  y += f;
  return y + e * LN2_HIGH;
}

float fw_expf(float x) {
  if (!(x <= 88.7228394f)) return x != x ? x : from_bits(0x7f800000u);
  if (x < -104.0f) return 0.0f;
  const float scaled = x * LOG2_E;
  const int32_t n = (int32_t)(scaled + (scaled < 0.0f ? -0.5f : 0.5f));
  const float whole = (float)n;
  const float high = x - whole * LN2_HIGH, low = whole * LN2_LOW; /* the first without rounding */
  const float r = high - low;
  float p = 0x1.6a26e8p-10f;
  p = p * r + 0x1.123abap-7f;
  p = p * r + 0x1.5558f8p-5f;
  p = p * r + 0x1.555492p-3f;
  p = p * r + 0.5f;
  const float y = 1.0f + (high + (r * r * p - low));
  if (n >= -125) return from_bits(to_bits(y) + ((uint32_t)n << 23));
  /* The result may be subnormal: scale down in the last step only, so that it is rounded once. */
  return from_bits(to_bits(y) + ((uint32_t)(n + 64) << 23)) * 0x1p-64f;
}

float fw_sqrtf(float x) {
  return fw_sqrtf_inline(x);
}

float fw_sqrtf_soft(float x) {
  uint32_t bits = to_bits(x);
  if ((bits << 1) == 0u || bits == 0x7f800000u) return x;
  if (bits > 0x7f800000u) return from_bits(0x7fc00000u); /* negative or NaN */
  int32_t exponent = (int32_t)(bits >> 23);
  if (exponent == 0) {
    while ((bits & 0x00800000u) == 0u) {
      bits <<= 1;
      exponent--;
    }
    exponent++;
  }
  uint32_t rest = (bits & 0x007fffffu) | 0x00800000u;
  exponent -= 127;
  if (exponent & 1) rest <<= 1;
  rest <<= 1;
  /* One bit of the root per round, 25 in all: 24 and the one that decides the rounding (a root is never a
   * tie). */
  uint32_t root = 0;
  uint32_t tried = 0;
  for (uint32_t bit = 0x01000000u; bit != 0u; bit >>= 1) {
    const uint32_t next = tried + bit;
    if (next <= rest) {
      tried = next + bit;
      rest -= next;
      root += bit;
    }
    rest <<= 1;
  }
  root += root & 1u;
  const int32_t half = (exponent - (exponent & 1)) / 2;
  return from_bits((root >> 1) + ((uint32_t)(half + 126) << 23));
}
