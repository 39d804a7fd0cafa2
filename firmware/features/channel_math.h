/* What the micro front end and TensorFlow Lite Micro's signal operators do with a filter bank's channels. */
#ifndef FW_FEATURES_CHANNEL_MATH_H
#define FW_FEATURES_CHANNEL_MATH_H

#include <stdint.h>

#include "features/bits.h"

#define FW_CHANNEL_SNR_BITS    12
#define FW_CHANNEL_OUTPUT_BITS 6

/* Gain for a noise estimate: a table of parabolas, one for each power of two, [125]. */
static inline int32_t fw_channel_gain(const int16_t *table, uint32_t noise) {
  if (noise <= 2u) return table[noise];
  const uint32_t interval = fw_bit_length(noise);
  const int16_t *const parabola = table + 4u * interval - 6u;
  const int32_t fraction = (int32_t)((interval < 11u ? noise << (11u - interval) : noise >> (interval - 11u)) & 0x3ffu);
  int32_t result = (parabola[2] * fraction) >> 5;
  result += parabola[1] * 32;
  result *= fraction;
  result = (result + (1 << 14)) >> 15;
  return (int16_t)(result + parabola[0]);
}

/* x^2 / 4 below 2, x - 1 above; FW_CHANNEL_SNR_BITS fraction bits in, FW_CHANNEL_OUTPUT_BITS out. */
static inline uint32_t fw_channel_shrink(uint32_t snr) {
  if (snr < (2u << FW_CHANNEL_SNR_BITS)) {
    return (snr * snr) >> (2 + 2 * FW_CHANNEL_SNR_BITS - FW_CHANNEL_OUTPUT_BITS);
  }
  return (snr >> (FW_CHANNEL_SNR_BITS - FW_CHANNEL_OUTPUT_BITS)) - (1u << FW_CHANNEL_OUTPUT_BITS);
}

/* Natural logarithm of value > 1, times scale; `table` holds what log2(1 + i / 128) exceeds i / 128 by, 16 fraction
 * bits, [129]. */
static inline uint32_t fw_channel_logarithm(const uint16_t *table, uint32_t scale, uint32_t value) {
  const uint32_t whole = fw_bit_length(value) - 1u;
  const uint32_t mantissa = value - (1u << whole);
  const uint32_t fraction = whole < 16u ? mantissa << (16u - whole) : mantissa >> (whole - 16u);
  const uint32_t segment = fraction >> 9;
  const int32_t from = table[segment], to = table[segment + 1u];
  const int32_t within = (int32_t)(fraction & 0x1ffu);
  const uint32_t log2 = (whole << 16) + fraction + (uint32_t)(from + (((to - from) * within) >> 16));
  const uint32_t natural = (uint32_t)((45426u * (uint64_t)log2 + 0x8000u) >> 16); /* ln 2 */
  return (scale * natural + 0x8000u) >> 16;
}

#endif
