/* Dot products of whole vectors, several at a time.
 *
 * In assembly where there is MVE: the compiler does not use the loads' offsets, and spills when it unrolls. Loops of a
 * short length that the compiler knows are unrolled. */
#ifndef FW_MVE_DOTS_H
#define FW_MVE_DOTS_H

#include "kernels/mve.h"

#define FW_MVE_70_LINES \
  FW_MVE_10_LINES FW_MVE_10_LINES FW_MVE_10_LINES FW_MVE_10_LINES FW_MVE_10_LINES FW_MVE_10_LINES FW_MVE_10_LINES

enum { FW_MVE_MOST_UNROLLED = 8 };

typedef struct {
  int32_t lane[4];
} fw_mve_sums_t;

/* Three rows, one behind the other, times two channels: [row][channel]. */
typedef struct {
  int32_t sum[3][2];
} fw_mve_block_t;

/* Without optimisation the operands do not fit the registers. */
#if FW_HAS_MVE && defined(__OPTIMIZE__)

#define FW_MVE_3X2(dot)             \
  "vldrb.8 q0, [%[x]], #16\n\t"     \
  "vldrb.8 q3, [%[w]], #16\n\t" dot \
  " %[a], q0, q3\n\t"               \
  "vldrb.8 q1, [%[y]], #16\n\t" dot \
  " %[b], q1, q3\n\t"               \
  "vldrb.8 q2, [%[z]], #16\n\t" dot \
  " %[c], q2, q3\n\t"               \
  "vldrb.8 q3, [%[v]], #16\n\t" dot " %[d], q0, q3\n\t" dot " %[e], q1, q3\n\t" dot " %[f], q2, q3\n\t"

/* The rows at x times w and v, each of `vectors` vectors, modulo 2^32. */
FW_INLINE fw_mve_block_t fw_mve_dots_3x2(const int8_t *x, const int8_t *w, const int8_t *v, int32_t vectors) {
  const int8_t *y = x + vectors * FW_MVE_BYTES;
  const int8_t *z = y + vectors * FW_MVE_BYTES;
  int32_t a, b, c, d, e, f;
  if (__builtin_constant_p(vectors) && vectors <= FW_MVE_MOST_UNROLLED) {
    __asm__(FW_MVE_3X2("vmladav.s8") ".rept %c[more]\n\t" FW_MVE_3X2("vmladava.s8") ".endr" FW_MVE_70_LINES
            : [x] "+r"(x), [y] "+r"(y), [z] "+r"(z), [w] "+r"(w), [v] "+r"(v), [a] "=&Te"(a), [b] "=&Te"(b),
              [c] "=&Te"(c), [d] "=&Te"(d), [e] "=&Te"(e), [f] "=&Te"(f)
            : [more] "i"(vectors - 1)
            : "q0", "q1", "q2", "q3", "memory");
  } else {
    /* Named, because the other operands leave only this register. */
    register int32_t left __asm__("lr") = vectors;
    __asm__("dls lr, lr\n\t" FW_MVE_3X2("vmladav.s8") "b 2f\n1:\n\t" FW_MVE_3X2("vmladava.s8") "2:\tle lr, 1b"
            : [x] "+r"(x), [y] "+r"(y), [z] "+r"(z), [w] "+r"(w), [v] "+r"(v), [a] "=&Te"(a), [b] "=&Te"(b),
              [c] "=&Te"(c), [d] "=&Te"(d), [e] "=&Te"(e), [f] "=&Te"(f), "+r"(left)
            :
            : "q0", "q1", "q2", "q3", "memory");
  }
  const fw_mve_block_t block = {{{a, d}, {b, e}, {c, f}}};
  return block;
}

#define FW_MVE_1X4(dot)             \
  "vldrb.8 q0, [%[x]], #16\n\t"     \
  "vldrb.8 q1, [%[w]], #16\n\t" dot \
  " %[a], q0, q1\n\t"               \
  "vldrb.8 q2, [%[v]], #16\n\t" dot \
  " %[b], q0, q2\n\t"               \
  "vldrb.8 q3, [%[u]], #16\n\t" dot \
  " %[c], q0, q3\n\t"               \
  "vldrb.8 q1, [%[t]], #16\n\t" dot " %[d], q0, q1\n\t"

/* x·w, x·v, x·u, x·t over `vectors` vectors, modulo 2^32. */
FW_INLINE fw_mve_sums_t fw_mve_dots_1x4(const int8_t *x, const int8_t *w, const int8_t *v, const int8_t *u,
                                        const int8_t *t, int32_t vectors) {
  int32_t a = 0, b = 0, c = 0, d = 0;
  if (vectors > 0) {
    __asm__("dls lr, %[vectors]\n1:\n\t" FW_MVE_1X4("vmladava.s8") "le lr, 1b"
            : [x] "+r"(x), [w] "+r"(w), [v] "+r"(v), [u] "+r"(u), [t] "+r"(t), [a] "+Te"(a), [b] "+Te"(b), [c] "+Te"(c),
              [d] "+Te"(d)
            : [vectors] "r"(vectors)
            : "q0", "q1", "q2", "q3", "lr", "memory");
  }
  const fw_mve_sums_t sums = {{a, b, c, d}};
  return sums;
}

#else

FW_INLINE int32_t fw_mve_dot_of(int32_t sum, const int8_t *x, const int8_t *w, int32_t vectors) {
  for (int32_t i = 0; i < vectors * FW_MVE_BYTES; ++i) sum = fw_add_wrap(sum, x[i] * w[i]);
  return sum;
}

FW_INLINE fw_mve_block_t fw_mve_dots_3x2(const int8_t *x, const int8_t *w, const int8_t *v, int32_t vectors) {
  fw_mve_block_t block;
  for (int32_t i = 0; i < 3; ++i, x += vectors * FW_MVE_BYTES) {
    block.sum[i][0] = fw_mve_dot_of(0, x, w, vectors);
    block.sum[i][1] = fw_mve_dot_of(0, x, v, vectors);
  }
  return block;
}

FW_INLINE fw_mve_sums_t fw_mve_dots_1x4(const int8_t *x, const int8_t *w, const int8_t *v, const int8_t *u,
                                        const int8_t *t, int32_t vectors) {
  const fw_mve_sums_t sums = {{fw_mve_dot_of(0, x, w, vectors), fw_mve_dot_of(0, x, v, vectors),
                               fw_mve_dot_of(0, x, u, vectors), fw_mve_dot_of(0, x, t, vectors)}};
  return sums;
}

#endif

#endif
