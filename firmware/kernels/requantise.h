/* Sums of a convolution or a fully connected layer to int8, in two forms.
 *
 * General: fw_requantise(), then zero point and clamp. The shift table holds the shifts as they are.
 *
 * Short, where lowering has shown that |2 * sum| < 2^31 and n = -shift >= 1: the reference's first rounding is
 * r = round(2 * sum * multiplier / 2^32), its second one r / 2^n to the nearest, ties away from zero, which is
 * (r + 2^(n-1) - (r < 0)) >> n. The zero point goes into the same addition:
 * (r + ((2 * zero_point + 1) << (n-1)) - (sum < 0)) >> n; the sign of the sum serves, because the two only disagree
 * where r = 0, which rounds to 0 either way. The shift table holds n - 1. */
#ifndef FW_REQUANTISE_H
#define FW_REQUANTISE_H

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

enum {
  FW_REQUANTISE_GENERAL = 0,
  FW_REQUANTISE_SIGNED = 1,
  /* Short, and results below the zero point are clamped to it: how negative ties round does not matter. */
  FW_REQUANTISE_RELU = 2
};

typedef struct {
  int32_t mode;
  int32_t zero_point;
  int32_t min;
  int32_t max;
} fw_output_t;

/* x / 2 rounded down, clamped to int8_t. */
FW_INLINE int32_t fw_halve_and_clamp_int8(int32_t x) {
#if defined(__ARM_FEATURE_SAT)
  int32_t result;
  __asm__("ssat %0, #8, %1, asr #1" : "=r"(result) : "r"(x));
  return result;
#else
  return fw_clamp(x >> 1, INT8_MIN, INT8_MAX);
#endif
}

/* round(2 * sum * multiplier / 2^32), ties upwards, for |2 * sum| < 2^31 and multiplier >= 0. */
FW_INLINE int32_t fw_scale_doubled(int32_t sum, int32_t multiplier) {
#if defined(__thumb__) && !defined(__thumb2__)
  /* The core multiplies 32 bits to 32: four products of halves, none of which overflows. */
  const int32_t high = (2 * sum) >> 16, low = (2 * sum) & 0xFFFF;
  const int32_t by_high = multiplier >> 16, by_low = multiplier & 0xFFFF;
  const int32_t middle = high * by_low + (int32_t)(((uint32_t)low * (uint32_t)by_low) >> 16);
  return high * by_high + (middle >> 16) + ((low * by_high + (middle & 0xFFFF) + 0x8000) >> 16);
#else
  const int64_t product = (int64_t)(2 * sum) * multiplier;
  return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
#endif
}

FW_INLINE int8_t fw_requantise_sum(const fw_output_t *out, int32_t sum, int32_t multiplier, int32_t shift) {
  if (out->mode == FW_REQUANTISE_GENERAL) {
    const int32_t scaled = fw_add_wrap(fw_requantise(sum, multiplier, shift), out->zero_point);
    return (int8_t)fw_clamp(scaled, out->min, out->max);
  }
  int32_t scaled = fw_scale_doubled(sum, multiplier);
  scaled += fw_shift_left_wrap(2 * out->zero_point + 1, shift);
  if (out->mode != FW_REQUANTISE_RELU) scaled += sum >> 31;
  const int32_t result = fw_halve_and_clamp_int8(scaled >> shift);
  if (out->min == INT8_MIN && out->max == INT8_MAX) return (int8_t)result;
  return (int8_t)fw_clamp(result, out->min, out->max);
}

#endif
