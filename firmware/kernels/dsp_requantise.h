/* Requantisation in five instructions, equal to fw_requantise() followed by zero point and clamp.
 *
 * With n = -shift >= 1 and |2 * sum| < 2^31 the reference computes r = round(2 * sum * multiplier / 2^32), which is one
 * SMMLAR, then r / 2^n rounded to nearest, ties away from zero: (r + 2^(n-1) - (r < 0)) >> n. The output's zero point
 * goes into the same addition: (r + ((2 * zero_point + 1) << (n-1)) - (sum < 0)) >> n; the sign of the sum serves,
 * because the two only disagree where r = 0, which rounds to 0 either way. Tables hold n - 1. */
#ifndef FW_DSP_REQUANTISE_H
#define FW_DSP_REQUANTISE_H

#include "kernels/dsp.h"
#include "kernels/requantise.h"

typedef struct {
  int32_t mode;
  int32_t zero_point;
  int32_t min;
  int32_t max;
} fw_dsp_output_t;

/* `doubled` is 2 * sum, `shift` is n - 1, between 0 and 21. */
FW_INLINE int8_t fw_dsp_requantise(const fw_dsp_output_t *out, int32_t doubled, int32_t multiplier, int32_t shift) {
  int32_t scaled = fw_smmlar(doubled, multiplier, fw_shift_left_wrap(2 * out->zero_point + 1, shift));
  if (out->mode != FW_REQUANTISE_RELU) scaled += doubled >> 31;
  const int32_t result = fw_halve_to_int8(scaled >> shift);
  if (out->min == INT8_MIN && out->max == INT8_MAX) return (int8_t)result;
  return (int8_t)fw_clamp(result, out->min, out->max);
}

#endif
