/* The Armv7E-M / Armv8-M DSP instructions that kernels use, one function per instruction.
 *
 * Elsewhere the same functions are plain C with the same results, so that a Program lowered for a DSP core also runs
 * under fw_run on the host and in sanitised tests. Words hold two int16 lanes, the lower address in the lower half. */
#ifndef FW_DSP_H
#define FW_DSP_H

#include <stdint.h>
#include <string.h>

#include "kernels/fixed_point.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP && defined(__thumb2__)
#define FW_HAS_DSP 1
#else
#define FW_HAS_DSP 0
#endif

/* A function written in assembly, shared by all layers of a model; its parameters are only read there. */
#define FW_DSP_ROUTINE     static __attribute__((naked, noinline, noipa, unused))
#define FW_DSP_IN_ASSEMBLY __attribute__((unused))

/* Unaligned 32-bit access: one LDR or STR. */
FW_INLINE uint32_t fw_load_word(const void *from) {
  uint32_t word;
  memcpy(&word, from, sizeof word);
  return word;
}

FW_INLINE void fw_store_word(void *to, uint32_t word) {
  memcpy(to, &word, sizeof word);
}

FW_INLINE int32_t fw_low_lane(uint32_t word) {
  return (int16_t)(word & 0xFFFFu);
}

FW_INLINE int32_t fw_high_lane(uint32_t word) {
  return (int16_t)(word >> 16);
}

FW_INLINE uint32_t fw_lanes(int32_t low, int32_t high) {
  return ((uint32_t)low & 0xFFFFu) | (uint32_t)high << 16;
}

/* Bytes 0 and 2, sign-extended. */
FW_INLINE uint32_t fw_sxtb16(uint32_t bytes) {
#if FW_HAS_DSP
  uint32_t lanes;
  __asm__("sxtb16 %0, %1" : "=r"(lanes) : "r"(bytes));
  return lanes;
#else
  return fw_lanes((int8_t)(bytes & 0xFFu), (int8_t)(bytes >> 16 & 0xFFu));
#endif
}

/* Bytes 1 and 3, sign-extended. */
FW_INLINE uint32_t fw_sxtb16_odd(uint32_t bytes) {
#if FW_HAS_DSP
  uint32_t lanes;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(lanes) : "r"(bytes));
  return lanes;
#else
  return fw_sxtb16(bytes >> 8);
#endif
}

/* The lower lanes of both words, and the upper lanes of both words. */
FW_INLINE uint32_t fw_low_lanes(uint32_t a, uint32_t b) {
#if FW_HAS_DSP
  uint32_t lanes;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(lanes) : "r"(a), "r"(b));
  return lanes;
#else
  return fw_lanes(fw_low_lane(a), fw_low_lane(b));
#endif
}

FW_INLINE uint32_t fw_high_lanes(uint32_t a, uint32_t b) {
#if FW_HAS_DSP
  uint32_t lanes;
  __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(lanes) : "r"(b), "r"(a));
  return lanes;
#else
  return fw_lanes(fw_high_lane(a), fw_high_lane(b));
#endif
}

/* The lower lane of a, the upper lane of b. */
FW_INLINE uint32_t fw_low_and_high(uint32_t a, uint32_t b) {
#if FW_HAS_DSP
  uint32_t lanes;
  __asm__("pkhbt %0, %1, %2" : "=r"(lanes) : "r"(a), "r"(b));
  return lanes;
#else
  return (a & 0xFFFFu) | (b & 0xFFFF0000u);
#endif
}

/* Twice each lane, modulo 2^16. */
FW_INLINE uint32_t fw_twice_lanes(uint32_t a) {
#if FW_HAS_DSP
  uint32_t lanes;
  __asm__("sadd16 %0, %1, %1" : "=r"(lanes) : "r"(a));
  return lanes;
#else
  return fw_lanes(2 * fw_low_lane(a), 2 * fw_high_lane(a));
#endif
}

/* sum + a.low * b.low + a.high * b.high, modulo 2^32. */
FW_INLINE int32_t fw_smlad(uint32_t a, uint32_t b, int32_t sum) {
#if FW_HAS_DSP
  int32_t result;
  __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
#else
  const int32_t low = fw_low_lane(a) * fw_low_lane(b);
  return fw_add_wrap(sum, fw_add_wrap(low, fw_high_lane(a) * fw_high_lane(b)));
#endif
}

/* sum + one lane of a times one lane of b: the first letter is a's lane (bottom, top), the second b's. */
#if FW_HAS_DSP
#define FW_SMLA(name, lanes, lane_a, lane_b)                                           \
  FW_INLINE int32_t name(uint32_t a, uint32_t b, int32_t sum) {                        \
    int32_t result;                                                                    \
    __asm__("smla" lanes " %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum)); \
    return result;                                                                     \
  }
#else
#define FW_SMLA(name, lanes, lane_a, lane_b)                    \
  FW_INLINE int32_t name(uint32_t a, uint32_t b, int32_t sum) { \
    return fw_add_wrap(sum, lane_a(a) * lane_b(b));             \
  }
#endif
FW_SMLA(fw_smlabb, "bb", fw_low_lane, fw_low_lane)
FW_SMLA(fw_smlabt, "bt", fw_low_lane, fw_high_lane)
FW_SMLA(fw_smlatb, "tb", fw_high_lane, fw_low_lane)
FW_SMLA(fw_smlatt, "tt", fw_high_lane, fw_high_lane)
#undef FW_SMLA

/* sum + round(a * b / 2^32), ties upwards. */
FW_INLINE int32_t fw_smmlar(int32_t a, int32_t b, int32_t sum) {
#if FW_HAS_DSP
  int32_t result;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
#else
  return fw_add_wrap(sum, (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32));
#endif
}

/* x >> 1 saturated to int8. */
FW_INLINE int32_t fw_halve_to_int8(int32_t x) {
#if FW_HAS_DSP
  int32_t result;
  __asm__("ssat %0, #8, %1, asr #1" : "=r"(result) : "r"(x) : "cc");
  return result;
#else
  return fw_clamp(x >> 1, INT8_MIN, INT8_MAX);
#endif
}

#endif
