/* Sums of four lanes to int8, equal to fw_requantise() followed by zero point and clamp.
 *
 * VQRDMULH is fw_doubling_high_mul(). VRSHL rounds ties upwards; with one less in negative numbers it rounds them away
 * from zero, which is fw_rounding_divide_by_pot(). Shift tables hold the shifts as they are. */
#ifndef FW_MVE_REQUANTISE_H
#define FW_MVE_REQUANTISE_H

#include "kernels/mve.h"
#include "kernels/requantise.h"

/* fw_requantise() of each lane. `mode` FW_REQUANTISE_SIGNED takes negative shifts only, FW_REQUANTISE_RELU none above
 * 0, and there negative results may be one less. */
FW_INLINE fw_mve_words_t fw_mve_scale(fw_mve_words_t sums, fw_mve_words_t multiplier, fw_mve_words_t shift,
                                      int32_t mode) {
#if FW_HAS_MVE
  if (mode == FW_REQUANTISE_GENERAL) {
    const fw_mve_words_t none = vdupq_n_s32(0);
    const fw_mve_words_t right = vminq_s32(shift, none);
    const fw_mve_words_t high = vqrdmulhq_s32(vshlq_s32(sums, vmaxq_s32(shift, none)), multiplier);
    return vrshlq_s32(vqaddq_s32(high, vshrq_n_s32(vandq_s32(high, right), 31)), right);
  }
  fw_mve_words_t high = vqrdmulhq_s32(sums, multiplier);
  if (mode != FW_REQUANTISE_RELU) high = vqaddq_s32(high, vshrq_n_s32(high, 31));
  return vrshlq_s32(high, shift);
#else
  for (int32_t i = 0; i < FW_MVE_WORDS; ++i) {
    const int32_t high =
        fw_doubling_high_mul(fw_shift_left_wrap(sums.lane[i], fw_max(shift.lane[i], 0)), multiplier.lane[i]);
    const int32_t right = fw_max(-shift.lane[i], 0);
    const int32_t nudge = mode == FW_REQUANTISE_RELU ? 0 : high < 0 && (mode == FW_REQUANTISE_SIGNED || right > 0);
    const int64_t half = right > 0 ? (int64_t)1 << (right - 1) : 0;
    sums.lane[i] = (int32_t)(((int64_t)fw_max(high, INT32_MIN + nudge) - nudge + half) >> right);
  }
  return sums;
#endif
}

FW_INLINE fw_mve_words_t fw_mve_requantise(const fw_output_t *out, fw_mve_words_t sums, fw_mve_words_t multiplier,
                                           fw_mve_words_t shift) {
  const fw_mve_words_t scaled = fw_mve_scale(sums, multiplier, shift, out->mode);
  return fw_mve_clamp(fw_mve_add(scaled, fw_mve_all_words(out->zero_point)), out->min, out->max);
}

#endif
