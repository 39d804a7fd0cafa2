/* Bit positions. */
#ifndef FW_FEATURES_BITS_H
#define FW_FEATURES_BITS_H

#include <stdint.h>

/* Position of the highest set bit counted from 1, 0 for 0. */
static inline uint32_t fw_bit_length(uint32_t value) {
  return value == 0u ? 0u : 32u - (uint32_t)__builtin_clz(value);
}

#endif
