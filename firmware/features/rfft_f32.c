/* Radix-4 decimation in time over fft_size / 2 complex values, then the split into the real signal's spectrum.
 *
 * Input in bit-reversed order makes the four quarters of a butterfly hold the residues 0, 2, 1, 3: that is why the
 * second quarter meets the squared twiddle. */
#include "features/rfft_f32.h"

#include "features/inline.h"
#include "fw_float.h"

typedef struct {
  float re, im;
} complex_t;

/* z * exp(-i angle). */
FW_ALWAYS_INLINE complex_t turned(complex_t z, float cosine, float sine) {
  const complex_t out = {z.re * cosine + z.im * sine, z.im * cosine - z.re * sine};
  return out;
}

/* Four points: residues 0, 2, 1, 3 in, bins 0, 1, 2, 3 of the quarters out. */
FW_ALWAYS_INLINE void butterfly(complex_t *p, uint32_t quarter, complex_t b, complex_t c, complex_t d) {
  const complex_t a = *p;
  const float s0r = a.re + b.re, s0i = a.im + b.im;
  const float s1r = a.re - b.re, s1i = a.im - b.im;
  const float s2r = c.re + d.re, s2i = c.im + d.im;
  const float s3r = c.re - d.re, s3i = c.im - d.im;
  p->re = s0r + s2r, p->im = s0i + s2i;
  p += quarter;
  p->re = s1r + s3i, p->im = s1i - s3r;
  p += quarter;
  p->re = s0r - s2r, p->im = s0i - s2i;
  p += quarter;
  p->re = s1r - s3i, p->im = s1i + s3r;
}

/* First pass when log2 of the complex length is even: four points, no twiddles. */
static void first_radix4(complex_t *z, uint32_t length) {
  for (complex_t *const end = z + length; z != end; z += 4) butterfly(z, 1, z[1], z[2], z[3]);
}

/* First pass when it is odd. */
static void first_radix2(complex_t *z, uint32_t length) {
  for (complex_t *const end = z + length; z != end; z += 2) {
    const complex_t a = z[0], b = z[1];
    z[0].re = a.re + b.re, z[0].im = a.im + b.im;
    z[1].re = a.re - b.re, z[1].im = a.im - b.im;
  }
}

/* Joins 4 * groups transforms of `quarter` points by fours. */
FW_ALWAYS_INLINE void pass(complex_t *z, uint32_t quarter, uint32_t groups, const float *sine) {
  const uint32_t right = quarter * groups * 2u; /* of a circle: sine[k + right] is the cosine */
  const uint32_t step = groups * 2u;
  for (uint32_t g = 0; g < groups; g++) {
    complex_t *const p = z + 4u * quarter * g;
    butterfly(p, quarter, p[quarter], p[2u * quarter], p[3u * quarter]);
  }
  for (uint32_t k = step; k < right; k += step) {
    const float c1 = sine[k + right], s1 = sine[k];
    const float c2 = sine[2u * k + right], s2 = sine[2u * k];
    /* cos(2 pi - a) = cos(a) keeps the index inside the table. */
    const float c3 = sine[3u * k <= 2u * right ? 3u * k + right : 5u * right - 3u * k], s3 = sine[3u * k];
    complex_t *p = ++z;
    for (uint32_t g = 0; g < groups; g++, p += 4u * quarter) {
      const complex_t b = turned(p[quarter], c2, s2);
      const complex_t c = turned(p[2u * quarter], c1, s1);
      const complex_t d = turned(p[3u * quarter], c3, s3);
      butterfly(p, quarter, b, c, d);
    }
  }
}

/* Power of the bins k (low) and length - k (high) from their complex values. */
FW_ALWAYS_INLINE void split(complex_t *low, complex_t *high, float cosine, float sine, int want_low, int want_high) {
  const float even_re = low->re + high->re, even_im = low->im - high->im;
  const float odd_re = low->re - high->re, odd_im = low->im + high->im;
  const float re = odd_im * cosine - odd_re * sine, im = odd_re * cosine + odd_im * sine;
  if (want_low) {
    const float x = even_re + re, y = even_im - im;
    low->re = x * x + y * y;
  }
  if (want_high) {
    const float x = even_re - re, y = even_im + im;
    high->re = x * x + y * y;
  }
}

void fw_rfft_f32_power(float *work, uint32_t fft_size, const float *sine, uint32_t first_bin, uint32_t last_bin) {
  complex_t *const z = (complex_t *)(void *)work;
  const uint32_t length = fft_size / 2u;
  uint32_t quarter = 4;
  if ((length & 0x155u) == 0u) { /* an odd power of two */
    first_radix2(z, length);
    quarter = 2;
  } else {
    first_radix4(z, length);
  }
  for (; 4u * quarter < length; quarter *= 4u) pass(z, quarter, length / (4u * quarter), sine);
  pass(z, quarter, 1, sine);

  /* Pairs k and length - k: first those of which only the lower or only the upper bin is wanted. */
  const uint32_t half = length / 2u;
  const float *const cosine = sine + fft_size / 4u;
  const uint32_t lowest_high = last_bin >= half ? length - last_bin : half; /* from here on the upper bin is wanted */
  uint32_t k = first_bin < lowest_high ? first_bin : lowest_high;
  for (; k < lowest_high && k <= last_bin; k++) split(z + k, z + length - k, cosine[k], sine[k], 1, 0);
  for (; k < half && lowest_high < half; k++) split(z + k, z + length - k, cosine[k], sine[k], 1, 1);
  if (half <= last_bin) {
    const complex_t middle = z[half];
    z[half].re = 4.0f * (middle.re * middle.re + middle.im * middle.im);
  }
}
