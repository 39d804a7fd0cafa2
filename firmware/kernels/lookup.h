/* Functions of one value as tables, computed when the model was compiled. */
#ifndef FW_LOOKUP_H
#define FW_LOOKUP_H

#include "kernels/fw_kernel.h"

/* A function of an int16 value from 512 equal pieces, interpolated: table[513] begins at -32768. */
FW_INLINE int16_t fw_lookup_interpolated(int32_t value, const int16_t *table) {
  const int32_t index = 256 + (value >> 7);
  const int32_t slope = (int16_t)(table[index + 1] - table[index]);
  return (int16_t)(table[index] + ((slope * (value & 127) + 64) >> 7));
}

typedef struct {
  int32_t count;
} fw_lookup_8_params_t;

/* table[256] is indexed with the input's byte: values 0 ... 127 first, then -128 ... -1 of a signed type. */
FW_KERNEL_BODY void fw_lookup_8_body(const fw_lookup_8_params_t *p, const void *input, const void *table,
                                     void *output) {
  const uint8_t *in = input;
  const uint8_t *values = table;
  uint8_t *out = output;
  for (int32_t i = 0; i < p->count; ++i) out[i] = values[in[i]];
}

#endif
