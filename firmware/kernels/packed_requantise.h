/* Pairs of sums to int8 where multiplications give 32 bits: fw_requantise_sum() for sums of up to 20 bits.
 *
 * With |sum| < 2^20 - 2^12 the products with parts of 11, 10 and 10 bits of the multiplier fit 32 bits, and rounding
 * down after each part is rounding down once. */
#ifndef FW_PACKED_REQUANTISE_H
#define FW_PACKED_REQUANTISE_H

#include <stddef.h>

#include "kernels/requantise.h"

#if defined(__thumb__) && !defined(__thumb2__)
#define FW_IS_THUMB1 1
#else
#define FW_IS_THUMB1 0
#endif

/* sum(P) >> 7, see packed_rows.h. */
enum { FW_PACKED_SHIFT = 7, FW_PACKED_ROUND = (1 << (16 - FW_PACKED_SHIFT)) - 1 };

/* A layer's tables, and the two pixels whose results are written. */
typedef struct {
  const int32_t *bias;
  const int32_t *multiplier;
  const int8_t *shift;
  int8_t *first_output;
  int8_t *second_output;
  int32_t offset; /* 2 * zero point + 1 */
  int32_t signs;  /* 0 with FW_REQUANTISE_RELU, else -1 */
  int32_t round;  /* FW_PACKED_ROUND */
} fw_packed_output_t;

FW_INLINE fw_packed_output_t fw_packed_output(const int32_t *bias, const int32_t *multiplier, const int8_t *shift,
                                              const fw_output_t *out) {
  const fw_packed_output_t output = {
      .bias = bias,
      .multiplier = multiplier,
      .shift = shift,
      .offset = 2 * out->zero_point + 1,
      .signs = out->mode == FW_REQUANTISE_RELU ? 0 : -1,
      .round = FW_PACKED_ROUND,
  };
  return output;
}

/* The second sum: what is missing in `mixed` is less than half of its unit. */
FW_INLINE int32_t fw_packed_second(int32_t first, int32_t mixed) {
  return (mixed - (first >> FW_PACKED_SHIFT) + FW_PACKED_ROUND) >> (16 - FW_PACKED_SHIFT);
}

#if FW_IS_THUMB1

/* fw_packed_store_short() below, in assembly, because the compiler spills what fits the registers. Both sums go through
 * it side by side: r1 and r2, scaled in r3 and r0. */
static __attribute__((naked, noinline, noipa, unused)) void fw_packed_store_short(
    __attribute__((unused)) const fw_packed_output_t *out, __attribute__((unused)) int32_t first,
    __attribute__((unused)) int32_t mixed, __attribute__((unused)) int32_t channel) {
  __asm__ volatile(
      ".syntax unified\n\t"
      "push {r4, r5, r6, r7, lr}\n\t"
      "lsls r7, r3, #2\n\t"
      "ldr r4, [r0, #0]\n\t"
      "ldr r4, [r4, r7]\n\t" /* bias */
      "ldr r5, [r0, #4]\n\t"
      "ldr r5, [r5, r7]\n\t" /* multiplier */
      "asrs r6, r1, #7\n\t"
      "subs r2, r6\n\t"
      "ldr r6, [r0, #28]\n\t"
      "adds r2, r6\n\t"
      "asrs r2, #9\n\t"
      "adds r2, r4\n\t"
      "adds r1, r4\n\t"
      "mov ip, r0\n\t"
      "mov lr, r3\n\t"
      "lsls r0, r5, #22\n\t" /* the lowest part */
      "lsrs r0, #22\n\t"
      "movs r3, r0\n\t"
      "muls r3, r1\n\t"
      "asrs r3, #10\n\t"
      "muls r0, r2\n\t"
      "asrs r0, #10\n\t"
      "lsls r4, r5, #12\n\t" /* the middle one */
      "lsrs r4, #22\n\t"
      "movs r6, r4\n\t"
      "muls r6, r1\n\t"
      "adds r3, r6\n\t"
      "asrs r3, #10\n\t"
      "muls r4, r2\n\t"
      "adds r0, r4\n\t"
      "asrs r0, #10\n\t"
      "lsrs r5, #20\n\t" /* the highest one */
      "movs r6, r5\n\t"
      "muls r6, r1\n\t"
      "adds r3, r6\n\t"
      "muls r5, r2\n\t"
      "adds r0, r5\n\t"
      "movs r4, #1\n\t"
      "lsls r4, #10\n\t"
      "adds r3, r4\n\t"
      "asrs r3, #11\n\t"
      "adds r0, r4\n\t"
      "asrs r0, #11\n\t"
      "mov r4, ip\n\t"
      "ldr r5, [r4, #24]\n\t"
      "cmp r5, #0\n\t"
      "beq 0f\n\t"
      "asrs r1, #31\n\t"
      "adds r3, r1\n\t"
      "asrs r2, #31\n\t"
      "adds r0, r2\n"
      "0:\n\t"
      "ldr r5, [r4, #8]\n\t"
      "mov r6, lr\n\t"
      "ldrsb r5, [r5, r6]\n\t" /* shift */
      "ldr r7, [r4, #20]\n\t"
      "lsls r7, r5\n\t"
      "adds r3, r7\n\t"
      "asrs r3, r5\n\t"
      "asrs r3, #1\n\t"
      "adds r0, r7\n\t"
      "asrs r0, r5\n\t"
      "asrs r0, #1\n\t"
      "ldr r1, [r4, #12]\n\t"
      "ldr r2, [r4, #16]\n\t"
      "sxtb r7, r0\n\t"
      "cmp r7, r0\n\t"
      "bne 3f\n"
      "1:\n\t"
      "strb r0, [r2, r6]\n\t"
      "sxtb r7, r3\n\t"
      "cmp r7, r3\n\t"
      "bne 4f\n"
      "2:\n\t"
      "strb r3, [r1, r6]\n\t"
      "pop {r4, r5, r6, r7, pc}\n"
      "3:\n\t" /* 127 or -128 by the sign */
      "asrs r0, #31\n\t"
      "movs r7, #127\n\t"
      "eors r0, r7\n\t"
      "b 1b\n"
      "4:\n\t"
      "asrs r3, #31\n\t"
      "movs r7, #127\n\t"
      "eors r3, r7\n\t"
      "b 2b\n");
}

#else

FW_INLINE int8_t fw_packed_requantise(const fw_packed_output_t *out, int32_t channel, int32_t sum) {
  const int32_t multiplier = out->multiplier[channel];
  const int32_t shift = out->shift[channel];
  int32_t scaled = (sum * (multiplier & 0x3FF)) >> 10;
  scaled = (scaled + sum * (multiplier >> 10 & 0x3FF)) >> 10;
  scaled = (scaled + sum * (multiplier >> 20) + (1 << 10)) >> 11;
  scaled += (sum >> 31 & out->signs) + fw_shift_left_wrap(out->offset, shift);
  return (int8_t)fw_halve_and_clamp_int8(scaled >> shift);
}

/* Writes one channel of both pixels from the sums of packed_rows.h, the first pixel's last, clamped to int8_t. */
static __attribute__((noinline, unused)) void fw_packed_store_short(const fw_packed_output_t *out, int32_t first,
                                                                    int32_t mixed, int32_t channel) {
  const int32_t second = fw_packed_second(first, mixed) + out->bias[channel];
  out->second_output[channel] = fw_packed_requantise(out, channel, second);
  out->first_output[channel] = fw_packed_requantise(out, channel, first + out->bias[channel]);
}

#endif

/* The same for any sums. */
static __attribute__((noinline, unused)) void fw_packed_store_general(const fw_packed_output_t *out,
                                                                      const fw_output_t *limits, int32_t first,
                                                                      int32_t mixed, int32_t channel) {
  const int32_t multiplier = out->multiplier[channel];
  const int32_t shift = out->shift[channel];
  const int32_t second = fw_packed_second(first, mixed) + out->bias[channel];
  out->second_output[channel] = fw_requantise_sum(limits, second, multiplier, shift);
  out->first_output[channel] = fw_requantise_sum(limits, first + out->bias[channel], multiplier, shift);
}

FW_INLINE void fw_packed_store(const fw_packed_output_t *out, const fw_output_t *limits, int32_t is_short,
                               int32_t first, int32_t mixed, int32_t channel) {
  if (!is_short) {
    fw_packed_store_general(out, limits, first, mixed, channel);
    return;
  }
  fw_packed_store_short(out, first, mixed, channel);
  if (limits->min == INT8_MIN && limits->max == INT8_MAX) return;
  int8_t *const second = out->second_output + channel;
  int8_t *const only = out->first_output + channel;
  *second = (int8_t)fw_clamp(*second, limits->min, limits->max);
  *only = (int8_t)fw_clamp(*only, limits->min, limits->max);
}

#endif
