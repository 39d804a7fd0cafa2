/* Integer square roots. */
#ifndef FW_FEATURES_INTEGER_ROOT_H
#define FW_FEATURES_INTEGER_ROOT_H

#include <stdint.h>

#include "features/bits.h"

/* Square root of a value in [2^30, 2^32), 16 bits, off by at most 3: a straight line between the entries of `roots`,
 * which hold 2^15 * sqrt((32 + i) / 32) for i = 0 … 96. */
static inline uint32_t fw_root_table(uint32_t value, const uint16_t *roots) {
  const uint16_t *const entry = roots + ((value >> 25) - 32u);
  const uint32_t within = (value >> 9) & 0xffffu;
  return entry[0] + (((uint32_t)(entry[1] - entry[0]) * within) >> 16);
}

/* Square root of a value in [2^28, 2^31), off by at most 2; `roots` holds 2^14 * sqrt((32 + i) / 32) for i = 0 … 224.
 */
static inline uint32_t fw_long_root_table(uint32_t value, const uint16_t *roots) {
  const uint16_t *const entry = roots + ((value >> 23) - 32u);
  const uint32_t within = (value >> 7) & 0xffffu;
  return entry[0] + (((uint32_t)(entry[1] - entry[0]) * within) >> 16);
}

/* Largest integer whose square is at most `value`, which must be below 2^54. */
static inline uint32_t fw_root(uint64_t value, const uint16_t *roots) {
  if (value == 0u) return 0u;
  const uint32_t top = (uint32_t)(value >> 32);
  const uint32_t length = top != 0u ? 32u + fw_bit_length(top) : fw_bit_length((uint32_t)value);
  const uint32_t shift = (64u - length) & ~1u; /* 10 or more */
  const uint64_t normal = value << shift;
  const uint32_t high = (uint32_t)(normal >> 32);
  /* The table's 16 bits, 13 more from the rest by one division, then a step to the exact value. */
  const uint32_t first = fw_root_table(high, roots);
  const int32_t rest = (int32_t)(high - first * first);
  const int32_t more = (rest * 4096 + (int32_t)((uint32_t)normal >> 20)) / (int32_t)first;
  uint32_t root = (uint32_t)((int32_t)(first << 13) + more) >> (shift / 2u - 3u);
  int32_t left = (int32_t)((uint32_t)value - root * root);
  if (left < 0) {
    root--;
  } else if ((uint32_t)left > 2u * root) {
    root++;
  }
  return root;
}

#endif
