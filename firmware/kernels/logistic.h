/* LOGISTIC of int16. Reference: TFLM reference_integer_ops::Logistic. The int8 one is a table (lookup.h). */
#ifndef FW_LOGISTIC_H
#define FW_LOGISTIC_H

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t count;
  FW_PER_LAYER int32_t multiplier; /* 0 ... 32767 */
  FW_PER_LAYER int32_t shift;      /* 0 ... 31 */
} fw_logistic_s16_params_t;

/* sigmoid(x / 12288) in 0.15 fixed point. table[256] holds sigmoid(i / 24) in 0.16 fixed point; between its
 * entries the function is interpolated. */
FW_INLINE int16_t fw_sigmoid_s16(int32_t x, const uint16_t *table) {
  const uint32_t magnitude = (uint32_t)(x < 0 ? -x : x);
  const uint32_t index = magnitude >> 9;
  uint32_t y = (uint32_t)INT16_MAX << 10;
  if (index < 255) {
    y = ((uint32_t)table[index] << 9) + (magnitude & 511u) * (uint32_t)(table[index + 1] - table[index]);
  }
  /* sigmoid(-x) = 1 - sigmoid(x); both rounded to 0.15. */
  y = x >= 0 ? y + 512u : (1u << 25) - y + 511u;
  return (int16_t)(y >> 10);
}

FW_KERNEL_BODY void fw_logistic_s16_body(const fw_logistic_s16_params_t *p, const int16_t *input, const uint16_t *table,
                                         int16_t *output) {
  const int32_t nudge = p->shift > 0 ? (int32_t)1 << (p->shift - 1) : 0;
  for (int32_t i = 0; i < p->count; ++i) {
    output[i] = fw_sigmoid_s16((input[i] * p->multiplier + nudge) >> p->shift, table);
  }
}

#endif
