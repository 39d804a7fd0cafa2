/* The Armv8.1-M vector (MVE, Helium) operations that kernels use.
 *
 * Elsewhere the same functions are plain C with the same results, so that a Program lowered for a core with MVE also
 * runs under fw_run on the host and in sanitised tests. A vector holds 16 bytes, 8 halves or 4 words. */
#ifndef FW_MVE_H
#define FW_MVE_H

#include <stdint.h>
#include <string.h>

#include "kernels/fixed_point.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1)
#define FW_HAS_MVE 1
#include <arm_mve.h>
#else
#define FW_HAS_MVE 0
#endif

/* Lines behind a repetition in assembly: from their number the compiler tells how far its branches reach. */
#define FW_MVE_10_LINES "\n\n\n\n\n\n\n\n\n\n"

enum { FW_MVE_BYTES = 16, FW_MVE_HALVES = 8, FW_MVE_WORDS = 4 };

#if FW_HAS_MVE

typedef int8x16_t fw_mve_bytes_t;
typedef int16x8_t fw_mve_halves_t;
typedef int32x4_t fw_mve_words_t;

#else

typedef struct {
  int8_t lane[FW_MVE_BYTES];
} fw_mve_bytes_t;
typedef struct {
  int16_t lane[FW_MVE_HALVES];
} fw_mve_halves_t;
typedef struct {
  int32_t lane[FW_MVE_WORDS];
} fw_mve_words_t;

#endif

/* The first `count` bytes behind `from`, zeros in the other lanes; nothing else is read. */
FW_INLINE fw_mve_bytes_t fw_mve_load(const int8_t *from, int32_t count) {
#if FW_HAS_MVE
  if (count >= FW_MVE_BYTES) return vldrbq_s8(from);
  return vldrbq_z_s8(from, vctp8q((uint32_t)count));
#else
  fw_mve_bytes_t v = {{0}};
  memcpy(v.lane, from, (size_t)fw_min(count, FW_MVE_BYTES));
  return v;
#endif
}

/* Writes the first `count` lanes. */
FW_INLINE void fw_mve_store(int8_t *to, fw_mve_bytes_t v, int32_t count) {
#if FW_HAS_MVE
  if (count >= FW_MVE_BYTES) {
    vstrbq_s8(to, v);
  } else {
    vstrbq_p_s8(to, v, vctp8q((uint32_t)count));
  }
#else
  memcpy(to, v.lane, (size_t)fw_min(count, FW_MVE_BYTES));
#endif
}

/* 16 times `value`. */
FW_INLINE fw_mve_bytes_t fw_mve_all_bytes(int32_t value) {
#if FW_HAS_MVE
  return vdupq_n_s8((int8_t)value);
#else
  fw_mve_bytes_t v;
  memset(v.lane, value, sizeof v.lane);
  return v;
#endif
}

/* sum + the products of all lanes, modulo 2^32. */
FW_INLINE int32_t fw_mve_dot(int32_t sum, fw_mve_bytes_t a, fw_mve_bytes_t b) {
#if FW_HAS_MVE
  return vmladavaq_s8(sum, a, b);
#else
  for (int32_t i = 0; i < FW_MVE_BYTES; ++i) sum = fw_add_wrap(sum, a.lane[i] * b.lane[i]);
  return sum;
#endif
}

/* Writes the first `count` of even[0], odd[0], even[1] … odd[3], all of which fit int8_t. */
FW_INLINE void fw_mve_store_interleaved(int8_t *to, fw_mve_words_t even, fw_mve_words_t odd, int32_t count) {
#if FW_HAS_MVE
  const int16x8_t both = vmovntq_s32(vreinterpretq_s16_s32(even), odd);
  if (count >= FW_MVE_HALVES) {
    vstrbq_s16(to, both);
  } else {
    vstrbq_p_s16(to, both, vctp16q((uint32_t)count));
  }
#else
  for (int32_t i = 0; i < fw_min(count, FW_MVE_HALVES); ++i) {
    to[i] = (int8_t)(i % 2 == 0 ? even.lane[i / 2] : odd.lane[i / 2]);
  }
#endif
}

/* A vector whose first two lanes are a and b; and v with its last two lanes replaced. One instruction each; lane by
 * lane it would be two. */
FW_INLINE fw_mve_words_t fw_mve_first_lanes(int32_t a, int32_t b) {
#if FW_HAS_MVE
  fw_mve_words_t v;
  __asm__("vmov %e0, %1, %2" : "=w"(v) : "r"(a), "r"(b));
#else
  const fw_mve_words_t v = {{a, b, 0, 0}};
#endif
  return v;
}

FW_INLINE fw_mve_words_t fw_mve_set_last(fw_mve_words_t v, int32_t a, int32_t b) {
#if FW_HAS_MVE
  __asm__("vmov %f0, %1, %2" : "+w"(v) : "r"(a), "r"(b));
#else
  v.lane[2] = a, v.lane[3] = b;
#endif
  return v;
}

FW_INLINE fw_mve_words_t fw_mve_all_words(int32_t value) {
#if FW_HAS_MVE
  return vdupq_n_s32(value);
#else
  const fw_mve_words_t v = {{value, value, value, value}};
  return v;
#endif
}

FW_INLINE int32_t fw_mve_lane(fw_mve_words_t v, int32_t lane) {
#if FW_HAS_MVE
  return lane == 0   ? vgetq_lane_s32(v, 0)
         : lane == 1 ? vgetq_lane_s32(v, 1)
         : lane == 2 ? vgetq_lane_s32(v, 2)
                     : vgetq_lane_s32(v, 3);
#else
  return v.lane[lane];
#endif
}

FW_INLINE fw_mve_words_t fw_mve_load_words(const int32_t *from) {
#if FW_HAS_MVE
  return vldrwq_s32(from);
#else
  fw_mve_words_t v;
  memcpy(v.lane, from, sizeof v.lane);
  return v;
#endif
}

/* The first `count` bytes behind `from`, widened; zeros in the other lanes. */
FW_INLINE fw_mve_words_t fw_mve_widen_words(const int8_t *from, int32_t count) {
#if FW_HAS_MVE
  if (count >= FW_MVE_WORDS) return vldrbq_s32(from);
  return vldrbq_z_s32(from, vctp32q((uint32_t)count));
#else
  fw_mve_words_t v = {{0}};
  for (int32_t i = 0; i < fw_min(count, FW_MVE_WORDS); ++i) v.lane[i] = from[i];
  return v;
#endif
}

/* Writes the first `count` lanes, which fit int8_t. */
FW_INLINE void fw_mve_store_words(int8_t *to, fw_mve_words_t v, int32_t count) {
#if FW_HAS_MVE
  if (count >= FW_MVE_WORDS) {
    vstrbq_s32(to, v);
  } else {
    vstrbq_p_s32(to, v, vctp32q((uint32_t)count));
  }
#else
  for (int32_t i = 0; i < fw_min(count, FW_MVE_WORDS); ++i) to[i] = (int8_t)v.lane[i];
#endif
}

/* a + b modulo 2^32. */
FW_INLINE fw_mve_words_t fw_mve_add(fw_mve_words_t a, fw_mve_words_t b) {
#if FW_HAS_MVE
  return vaddq_s32(a, b);
#else
  for (int32_t i = 0; i < FW_MVE_WORDS; ++i) a.lane[i] = fw_add_wrap(a.lane[i], b.lane[i]);
  return a;
#endif
}

/* The larger, the smaller one of each pair of lanes. */
FW_INLINE fw_mve_bytes_t fw_mve_max_bytes(fw_mve_bytes_t a, fw_mve_bytes_t b) {
#if FW_HAS_MVE
  return vmaxq_s8(a, b);
#else
  for (int32_t i = 0; i < FW_MVE_BYTES; ++i) a.lane[i] = (int8_t)fw_max(a.lane[i], b.lane[i]);
  return a;
#endif
}

FW_INLINE fw_mve_bytes_t fw_mve_min_bytes(fw_mve_bytes_t a, fw_mve_bytes_t b) {
#if FW_HAS_MVE
  return vminq_s8(a, b);
#else
  for (int32_t i = 0; i < FW_MVE_BYTES; ++i) a.lane[i] = (int8_t)fw_min(a.lane[i], b.lane[i]);
  return a;
#endif
}

/* fw_clamp() of each lane. */
FW_INLINE fw_mve_words_t fw_mve_clamp(fw_mve_words_t v, int32_t low, int32_t high) {
#if FW_HAS_MVE
  return vminq_s32(vmaxq_s32(v, vdupq_n_s32(low)), vdupq_n_s32(high));
#else
  for (int32_t i = 0; i < FW_MVE_WORDS; ++i) v.lane[i] = fw_clamp(v.lane[i], low, high);
  return v;
#endif
}

#endif
