/* The same radix-4 decimation in time as rfft_f32.c, in integers. A product with a twiddle keeps the upper word, which
 * halves it, so the untouched quarter is halved as well; with 26 bits at the input nothing can overflow. */
#include "features/rfft_q31.h"

#include "features/inline.h"

FW_ALWAYS_INLINE void butterfly(cq31_t *p, uint32_t quarter, cq31_t a, cq31_t b, cq31_t c, cq31_t d) {
  const int32_t s0r = a.re + b.re, s0i = a.im + b.im;
  const int32_t s1r = a.re - b.re, s1i = a.im - b.im;
  const int32_t s2r = c.re + d.re, s2i = c.im + d.im;
  const int32_t s3r = c.re - d.re, s3i = c.im - d.im;
  p[0].re = s0r + s2r, p[0].im = s0i + s2i;
  p[quarter].re = s1r + s3i, p[quarter].im = s1i - s3r;
  p[2u * quarter].re = s0r - s2r, p[2u * quarter].im = s0i - s2i;
  p[3u * quarter].re = s1r - s3i, p[3u * quarter].im = s1i + s3r;
}

FW_ALWAYS_INLINE cq31_t half(cq31_t z) {
  z.re >>= 1;
  z.im >>= 1;
  return z;
}

/* Joins 4 * groups transforms of `quarter` points by fours. */
FW_ALWAYS_INLINE void pass(cq31_t *z, uint32_t quarter, uint32_t groups, const int32_t *sine) {
  const uint32_t right = quarter * groups * 2u; /* of a circle: sine[k + right] is the cosine */
  const uint32_t step = groups * 2u;
  for (uint32_t g = 0; g < groups; g++) {
    cq31_t *const p = z + 4u * quarter * g;
    butterfly(p, quarter, half(p[0]), half(p[quarter]), half(p[2u * quarter]), half(p[3u * quarter]));
  }
  for (uint32_t k = step; k < right; k += step) {
    const int32_t c1 = sine[k + right], s1 = sine[k];
    const int32_t c2 = sine[2u * k + right], s2 = sine[2u * k];
    /* cos(2 pi - a) = cos(a) keeps the index inside the table. */
    const int32_t c3 = sine[3u * k <= 2u * right ? 3u * k + right : 5u * right - 3u * k], s3 = sine[3u * k];
    cq31_t *p = ++z;
    for (uint32_t g = 0; g < groups; g++, p += 4u * quarter) {
      const cq31_t b = cq31_turned(p[quarter], c2, s2);
      const cq31_t c = cq31_turned(p[2u * quarter], c1, s1);
      const cq31_t d = cq31_turned(p[3u * quarter], c3, s3);
      butterfly(p, quarter, half(p[0]), b, c, d);
    }
  }
}

void fw_rfft_q31(cq31_t *z, uint32_t fft_size, const int32_t *sine) {
  const uint32_t length = fft_size / 2u;
  uint32_t quarter = 4;
  if ((length & 0x155u) == 0u) { /* an odd power of two */
    for (cq31_t *p = z; p < z + length; p += 2) {
      const cq31_t a = p[0], b = p[1];
      p[0].re = a.re + b.re, p[0].im = a.im + b.im;
      p[1].re = a.re - b.re, p[1].im = a.im - b.im;
    }
    quarter = 2;
  } else if (fft_size == 512u) { /* the usual size, with every distance a constant */
    for (cq31_t *p = z; p < z + 256; p += 4) butterfly(p, 1, p[0], p[1], p[2], p[3]);
    pass(z, 4, 16, sine);
    pass(z, 16, 4, sine);
    pass(z, 64, 1, sine);
    return;
  } else {
    for (cq31_t *p = z; p < z + length; p += 4) butterfly(p, 1, p[0], p[1], p[2], p[3]);
  }
  for (; quarter < length; quarter *= 4u) pass(z, quarter, length / (4u * quarter), sine);
}
