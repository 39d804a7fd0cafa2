/* One row of a depthwise filter for eight channels. */
#ifndef FW_MVE_TAPS_H
#define FW_MVE_TAPS_H

#include "kernels/mve.h"

/* The sums of the even and the odd ones of eight channels. */
typedef struct {
  fw_mve_words_t even;
  fw_mve_words_t odd;
} fw_mve_channels_t;

#if FW_HAS_MVE
/* VADD apart from VMULL, so that they overlap. */
#define FW_MVE_TAP(load, next)               \
  load "vldrb.s16 q1, [%[w]], #8\n\t"        \
       "vmullb.s16 q2, q0, q1\n\t" next      \
       "vmullt.s16 q0, q0, q1\n\t"           \
       "vadd.i32 %q[even], %q[even], q2\n\t" \
       "vadd.i32 %q[odd], %q[odd], q0\n\t"
#define FW_MVE_50_LINES FW_MVE_10_LINES FW_MVE_10_LINES FW_MVE_10_LINES FW_MVE_10_LINES FW_MVE_10_LINES
#endif

/* Adds `count` taps: x at from, from + step, …; weights [count][8] one behind the other. Returns their end. */
FW_INLINE const int8_t *fw_mve_taps(fw_mve_channels_t *sums, const int8_t *from, int32_t step, const int8_t *w,
                                    int32_t count) {
#if FW_HAS_MVE
  if (__builtin_constant_p(count) && __builtin_constant_p(step) && count <= 8 && step <= 127) {
    __asm__(".rept %c[count]\n\t" FW_MVE_TAP("vldrb.s16 q0, [%[x]], #%c[step]\n\t", "") ".endr" FW_MVE_50_LINES
            : [x] "+l"(from), [w] "+l"(w), [even] "+w"(sums->even), [odd] "+w"(sums->odd)
            : [count] "i"(count), [step] "i"(step)
            : "q0", "q1", "q2", "memory");
  } else if (__builtin_constant_p(count) && count <= 8) {
    __asm__(
        ".rept %c[count]\n\t" FW_MVE_TAP("vldrb.s16 q0, [%[x]]\n\t", "add %[x], %[step]\n\t") ".endr" FW_MVE_50_LINES
        : [x] "+l"(from), [w] "+l"(w), [even] "+w"(sums->even), [odd] "+w"(sums->odd)
        : [count] "i"(count), [step] "r"(step)
        : "q0", "q1", "q2", "memory");
  } else {
    __asm__("dls lr, %[count]\n1:\n\t" FW_MVE_TAP("vldrb.s16 q0, [%[x]]\n\t", "add %[x], %[step]\n\t") "le lr, 1b"
            : [x] "+l"(from), [w] "+l"(w), [even] "+w"(sums->even), [odd] "+w"(sums->odd)
            : [count] "r"(count), [step] "r"(step)
            : "q0", "q1", "q2", "lr", "memory");
  }
#else
  for (int32_t tap = 0; tap < count; ++tap, from += step) {
    for (int32_t i = 0; i < FW_MVE_WORDS; ++i, w += 2) {
      sums->even.lane[i] = fw_add_wrap(sums->even.lane[i], from[2 * i] * w[0]);
      sums->odd.lane[i] = fw_add_wrap(sums->odd.lane[i], from[2 * i + 1] * w[1]);
    }
  }
#endif
  return w;
}

#endif
