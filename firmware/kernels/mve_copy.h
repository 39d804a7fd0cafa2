/* Copies and fills with vectors. */
#ifndef FW_MVE_COPY_H
#define FW_MVE_COPY_H

#include "kernels/mve.h"

/* Copies bytes, the lowest first; zeros up to the next multiple of 16 behind them with `pad`. */
FW_INLINE void fw_mve_copy(int8_t *to, const int8_t *from, int32_t bytes, int pad) {
  for (; bytes >= FW_MVE_BYTES; bytes -= FW_MVE_BYTES, to += FW_MVE_BYTES, from += FW_MVE_BYTES) {
    fw_mve_store(to, fw_mve_load(from, FW_MVE_BYTES), FW_MVE_BYTES);
  }
  if (bytes > 0) fw_mve_store(to, fw_mve_load(from, bytes), pad ? FW_MVE_BYTES : bytes);
}

FW_INLINE void fw_mve_fill(int8_t *to, int32_t value, int32_t bytes) {
  for (; bytes > 0; bytes -= FW_MVE_BYTES, to += FW_MVE_BYTES) fw_mve_store(to, fw_mve_all_bytes(value), bytes);
}

#endif
