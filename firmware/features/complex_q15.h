/* Complex numbers with 16-bit parts, packed in one word: real part in the low half, imaginary part in the high half.
 *
 * The rounding is that of kissfft's 16-bit fixed point, which TensorFlow Lite Micro's front end was defined with:
 * products and divisions round half up at 15 fraction bits, sums wrap. Cores with the DSP extension do most of these in
 * one instruction; both variants give the same bits. */
#ifndef FW_FEATURES_COMPLEX_Q15_H
#define FW_FEATURES_COMPLEX_Q15_H

#include <stdint.h>

typedef uint32_t cq15_t;

static inline int32_t cq15_re(cq15_t z) {
  return (int16_t)(z & 0xffffu);
}

static inline int32_t cq15_im(cq15_t z) {
  return (int16_t)(z >> 16);
}

static inline cq15_t cq15_pack(int32_t re, int32_t im) {
  return ((uint32_t)re & 0xffffu) | ((uint32_t)im << 16);
}

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP == 1 && !defined(FW_NO_DSP)
#include <arm_acle.h>

/* Bits 15 … 30 of both; the sums carry their rounding already. */
static inline cq15_t cq15_shift_pack(int32_t re, int32_t im) {
  cq15_t z;
  __asm__("pkhbt %0, %1, %2, lsl #1" : "=r"(z) : "r"(re >> 15), "r"(im));
  return z;
}

static inline cq15_t cq15_scale(cq15_t z, int32_t factor) {
  return cq15_shift_pack(__smlabb((int32_t)z, factor, 0x4000), __smlatb((int32_t)z, factor, 0x4000));
}

static inline cq15_t cq15_multiply(cq15_t a, cq15_t b) {
  return cq15_shift_pack(__smlsd((int16x2_t)a, (int16x2_t)b, 0x4000), __smladx((int16x2_t)a, (int16x2_t)b, 0x4000));
}

static inline cq15_t cq15_add(cq15_t a, cq15_t b) {
  return (cq15_t)__sadd16((int16x2_t)a, (int16x2_t)b);
}

static inline cq15_t cq15_subtract(cq15_t a, cq15_t b) {
  return (cq15_t)__ssub16((int16x2_t)a, (int16x2_t)b);
}

static inline cq15_t cq15_subtract_turned(cq15_t a, cq15_t b) {
  return (cq15_t)__ssax((int16x2_t)a, (int16x2_t)b);
}

static inline cq15_t cq15_add_turned(cq15_t a, cq15_t b) {
  return (cq15_t)__sasx((int16x2_t)a, (int16x2_t)b);
}

static inline cq15_t cq15_half_add(cq15_t a, cq15_t b) {
  return (cq15_t)__shadd16((int16x2_t)a, (int16x2_t)b);
}

static inline cq15_t cq15_half_subtract(cq15_t a, cq15_t b) {
  return (cq15_t)__shsub16((int16x2_t)a, (int16x2_t)b);
}

#else

static inline int32_t cq15_round(int32_t product) {
  return (product + 0x4000) >> 15;
}

/* z * factor / 32768; a division by d is a multiplication by 32767 / d (integer quotient). */
static inline cq15_t cq15_scale(cq15_t z, int32_t factor) {
  return cq15_pack(cq15_round(cq15_re(z) * factor), cq15_round(cq15_im(z) * factor));
}

static inline cq15_t cq15_multiply(cq15_t a, cq15_t b) {
  const int32_t re = cq15_re(a) * cq15_re(b) - cq15_im(a) * cq15_im(b);
  const int32_t im = cq15_re(a) * cq15_im(b) + cq15_im(a) * cq15_re(b);
  return cq15_pack(cq15_round(re), cq15_round(im));
}

static inline cq15_t cq15_add(cq15_t a, cq15_t b) {
  return cq15_pack(cq15_re(a) + cq15_re(b), cq15_im(a) + cq15_im(b));
}

static inline cq15_t cq15_subtract(cq15_t a, cq15_t b) {
  return cq15_pack(cq15_re(a) - cq15_re(b), cq15_im(a) - cq15_im(b));
}

/* a - i b and a + i b. */
static inline cq15_t cq15_subtract_turned(cq15_t a, cq15_t b) {
  return cq15_pack(cq15_re(a) + cq15_im(b), cq15_im(a) - cq15_re(b));
}

static inline cq15_t cq15_add_turned(cq15_t a, cq15_t b) {
  return cq15_pack(cq15_re(a) - cq15_im(b), cq15_im(a) + cq15_re(b));
}

/* (a + b) / 2 and (a - b) / 2, rounded down, without overflow. */
static inline cq15_t cq15_half_add(cq15_t a, cq15_t b) {
  return cq15_pack((cq15_re(a) + cq15_re(b)) >> 1, (cq15_im(a) + cq15_im(b)) >> 1);
}

static inline cq15_t cq15_half_subtract(cq15_t a, cq15_t b) {
  return cq15_pack((cq15_re(a) - cq15_re(b)) >> 1, (cq15_im(a) - cq15_im(b)) >> 1);
}

#endif

/* Square of one value's real part plus square of the other's imaginary part. */
static inline uint32_t cq15_energy(cq15_t re, cq15_t im) {
  return (uint32_t)(cq15_re(re) * cq15_re(re)) + (uint32_t)(cq15_im(im) * cq15_im(im));
}

static inline cq15_t cq15_conjugate(cq15_t z) {
  return (z & 0xffffu) | (0u - (z & 0xffff0000u));
}

#endif
