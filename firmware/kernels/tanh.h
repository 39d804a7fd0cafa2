/* TANH of int16. Reference: TFLM reference_integer_ops::Tanh. The int8 one is a table (lookup.h). */
#ifndef FW_TANH_H
#define FW_TANH_H

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t count;
  FW_PER_LAYER int32_t multiplier; /* 0 ... 65535 */
  FW_PER_LAYER int32_t shift;      /* 0 ... 31 */
} fw_tanh_s16_params_t;

/* tanh(x / 12288) in 0.15 fixed point as 2 sigmoid(2x) - 1. table[256] holds sigmoid(i / 24) in 0.16 fixed
 * point. */
FW_INLINE int16_t fw_tanh_s16_value(int32_t x, const uint16_t *table) {
  const uint32_t magnitude = (uint32_t)(x < 0 ? -x : x);
  const uint32_t index = magnitude >> 8;
  int32_t y = (int32_t)UINT16_MAX << 8;
  if (index < 255) {
    const int32_t slope = table[index + 1] - table[index];
    y = ((int32_t)table[index] << 8) + (int32_t)(magnitude & 255u) * slope;
  }
  y -= (int32_t)1 << 23;
  return (int16_t)((x >= 0 ? y + 128 : -y + 127) >> 8);
}

FW_KERNEL_BODY void fw_tanh_s16_body(const fw_tanh_s16_params_t *p, const int16_t *input, const uint16_t *table,
                                     int16_t *output) {
  const int32_t nudge = p->shift > 0 ? (int32_t)1 << (p->shift - 1) : 0;
  for (int32_t i = 0; i < p->count; ++i) {
    output[i] = fw_tanh_s16_value((input[i] * p->multiplier + nudge) >> p->shift, table);
  }
}

#endif
