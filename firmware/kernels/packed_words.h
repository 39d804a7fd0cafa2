/* Two elements in one word. */
#ifndef FW_PACKED_WORDS_H
#define FW_PACKED_WORDS_H

#include "kernels/fw_kernel.h"

/* low + 2^16 * high, modulo 2^32: times a weight, both products. */
FW_INLINE uint32_t fw_packed_pair(int32_t low, int32_t high) {
  return (uint32_t)low + ((uint32_t)high << 16);
}

#endif
