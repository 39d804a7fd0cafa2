#include "features/rfft_q15.h"

#include "features/inline.h"

#define QUARTER (32767 / 4)
#define HALF    (32767 / 2)

/* Four values, each divided by four and turned already, to the bins 0 … 3 of the quarters. */
FW_ALWAYS_INLINE void butterfly(cq15_t *p, uint32_t quarter, cq15_t a, cq15_t b, cq15_t c, cq15_t d) {
  const cq15_t difference = cq15_subtract(a, c);
  const cq15_t sum = cq15_add(a, c);
  const cq15_t odd_sum = cq15_add(b, d);
  const cq15_t odd_difference = cq15_subtract(b, d);
  p[0] = cq15_add(sum, odd_sum);
  p[quarter] = cq15_subtract_turned(difference, odd_difference);
  p[2u * quarter] = cq15_subtract(sum, odd_sum);
  p[3u * quarter] = cq15_add_turned(difference, odd_difference);
}

/* With unit twiddles. The reference multiplies by 32767 / 32768 here too, which after the division by four always
 * rounds back to the same value. */
FW_ALWAYS_INLINE void plain_butterfly(cq15_t *p, uint32_t quarter) {
  butterfly(p, quarter, cq15_scale(p[0], QUARTER), cq15_scale(p[quarter], QUARTER),
            cq15_scale(p[2u * quarter], QUARTER), cq15_scale(p[3u * quarter], QUARTER));
}

static void first_pass(cq15_t *z, uint32_t shift) {
  const int32_t gain = (int32_t)(1u << shift);
  for (cq15_t *const end = z + FW_RFFT_Q15_LENGTH; z != end; z += 4) {
    for (uint32_t i = 0; i < 4u; i++) z[i] = cq15_pack(cq15_re(z[i]) * gain, cq15_im(z[i]) * gain);
    plain_butterfly(z, 1);
  }
}

/* Joins 4 * groups transforms of `quarter` points by fours. */
FW_ALWAYS_INLINE void pass(cq15_t *z, uint32_t quarter, uint32_t groups, const cq15_t *twiddles) {
  for (uint32_t g = 0; g < groups; g++) plain_butterfly(z + 4u * quarter * g, quarter);
  for (uint32_t j = groups; j < quarter * groups; j += groups) {
    const cq15_t w1 = twiddles[j], w2 = twiddles[2u * j], w3 = twiddles[3u * j];
    cq15_t *p = ++z;
    for (uint32_t g = 0; g < groups; g++, p += 4u * quarter) {
      const cq15_t b = cq15_multiply(cq15_scale(p[quarter], QUARTER), w1);
      const cq15_t c = cq15_multiply(cq15_scale(p[2u * quarter], QUARTER), w2);
      const cq15_t d = cq15_multiply(cq15_scale(p[3u * quarter], QUARTER), w3);
      butterfly(p, quarter, cq15_scale(p[0], QUARTER), b, c, d);
    }
  }
}

void fw_rfft_q15_energies(uint32_t *z, uint32_t shift, const cq15_t *twiddles, const cq15_t *split) {
  first_pass(z, shift);
  pass(z, 4, 16, twiddles);
  pass(z, 16, 4, twiddles);
  pass(z, 64, 1, twiddles);
  uint32_t *low = z + 1, *high = z + FW_RFFT_Q15_LENGTH - 1;
  for (; low <= high; low++, high--) {
    /* The conjugate is taken before the rounding, which is not symmetric. */
    const cq15_t a = cq15_scale(*low, HALF), b = cq15_scale(cq15_conjugate(*high), HALF);
    const cq15_t even = cq15_add(a, b);
    const cq15_t turned = cq15_multiply(cq15_subtract(a, b), *split++);
    const cq15_t sum = cq15_half_add(even, turned);
    *high = cq15_energy(cq15_half_subtract(even, turned), cq15_half_subtract(turned, even));
    *low = cq15_energy(sum, sum);
  }
}
