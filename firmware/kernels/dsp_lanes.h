/* Dot products of widened inputs with int8 weights, for layers that multiply one input by many rows. */
#ifndef FW_DSP_LANES_H
#define FW_DSP_LANES_H

#include "kernels/dsp.h"

/* Four values in the lanes that fw_sxtb16() and fw_sxtb16_odd() give four weights. */
FW_INLINE void fw_dsp_lanes_of(uint32_t *to, const int32_t x[4]) {
  to[0] = fw_lanes(x[0], x[2]);
  to[1] = fw_lanes(x[1], x[3]);
}

/* `count` elements less the zero point; zeros up to the next whole four. */
FW_INLINE void fw_dsp_lanes_s8(uint32_t *to, const int8_t *from, int32_t count, int32_t zero_point) {
  for (int32_t i = 0; i < count; i += 4, to += 2) {
    int32_t x[4] = {0, 0, 0, 0};
    for (int32_t k = 0; k < 4 && i + k < count; ++k) x[k] = from[i + k] - zero_point;
    fw_dsp_lanes_of(to, x);
  }
}

FW_INLINE void fw_dsp_lanes_s16(uint32_t *to, const int16_t *from, int32_t count) {
  for (int32_t i = 0; i < count; i += 4, to += 2) {
    int32_t x[4] = {0, 0, 0, 0};
    for (int32_t k = 0; k < 4 && i + k < count; ++k) x[k] = from[i + k];
    fw_dsp_lanes_of(to, x);
  }
}

/* sum + `count` elements in lanes times weights, modulo 2^32. */
FW_INLINE int32_t fw_dsp_lanes_dot(int32_t sum, const uint32_t *x, const int8_t *w, int32_t count) {
  int32_t i = 0;
#pragma GCC unroll 4
  for (; i + 4 <= count; i += 4, x += 2) {
    const uint32_t word = fw_load_word(w + i);
    sum = fw_smlad(fw_sxtb16(word), x[0], sum);
    sum = fw_smlad(fw_sxtb16_odd(word), x[1], sum);
  }
  for (int32_t k = 0; i + k < count; ++k) {
    const uint32_t lanes = k % 2 == 0 ? x[0] : x[1];
    sum = fw_add_wrap(sum, w[i + k] * (k < 2 ? fw_low_lane(lanes) : fw_high_lane(lanes)));
  }
  return sum;
}

typedef struct {
  int32_t first;
  int32_t second;
} fw_dsp_two_sums_t;

/* The same for two rows of weights, which share the loads of x. */
FW_INLINE fw_dsp_two_sums_t fw_dsp_lanes_two_dots(const uint32_t *x, const int8_t *w, const int8_t *v, int32_t count) {
  const int32_t whole = count & ~3;
  int32_t first = 0, second = 0;
#pragma GCC unroll 4
  for (int32_t i = 0; i < whole; i += 4, x += 2) {
    const uint32_t low = x[0], high = x[1];
    const uint32_t a = fw_load_word(w + i), b = fw_load_word(v + i);
    first = fw_smlad(fw_sxtb16_odd(a), high, fw_smlad(fw_sxtb16(a), low, first));
    second = fw_smlad(fw_sxtb16_odd(b), high, fw_smlad(fw_sxtb16(b), low, second));
  }
  const fw_dsp_two_sums_t sums = {fw_dsp_lanes_dot(first, x, w + whole, count - whole),
                                  fw_dsp_lanes_dot(second, x, v + whole, count - whole)};
  return sums;
}

#endif
