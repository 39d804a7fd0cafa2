/* Counting in bit-reversed order. */
#ifndef FW_FEATURES_BIT_REVERSE_H
#define FW_FEATURES_BIT_REVERSE_H

#include <stdint.h>

/* bit_reverse(i + 1) from bit_reverse(i), for numbers below 2 * top: an addition of the top bit, carrying downwards. */
static inline uint32_t fw_bit_reverse_next(uint32_t reversed, uint32_t top) {
  while ((reversed & top) != 0u) {
    reversed ^= top;
    top >>= 1;
  }
  return reversed | top;
}

#endif
