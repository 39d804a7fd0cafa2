/* Fills memory with one value: PAD, FILL, ZEROS_LIKE. */
#ifndef FW_FILL_H
#define FW_FILL_H

#include <string.h>

#include "kernels/fw_kernel.h"

typedef struct {
  int32_t bytes;
  int32_t pattern; /* the value, repeated to four bytes where it is shorter */
} fw_fill_params_t;

FW_KERNEL_BODY void fw_fill_body(const fw_fill_params_t *p, void *output) {
  const uint32_t pattern = (uint32_t)p->pattern;
  const uint32_t byte = pattern & 0xFFu;
  uint8_t *out = output;
  if (pattern == byte * 0x01010101u) {
    memset(out, (int)byte, (size_t)p->bytes);
    return;
  }
  int32_t i = 0;
  for (; i + 4 <= p->bytes; i += 4) memcpy(out + i, &pattern, 4);
  /* All targets are little-endian: an element of two bytes may be left. */
  if (i < p->bytes) memcpy(out + i, &pattern, 2);
}

#endif
