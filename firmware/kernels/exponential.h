/* expf() and logf() with the bits that TensorFlow Lite Micro's float kernels get from glibc (2.27 to 2.40) and newlib:
 * both take these functions from Arm's optimized-routines, whose method and coefficients are used here. They work in
 * double, so that all but the last rounding is far from mattering; that is soft float on most cores, which is fast
 * enough for the few values of a model's float end. (fw_math.h has functions for hot loops, which promise less.) */
#ifndef FW_EXPONENTIAL_H
#define FW_EXPONENTIAL_H

#include <string.h>

#include "fw_float.h"
#include "kernels/float_math.h"
#include "kernels/fw_kernel.h"

/* e to the power of x: 2^(k / 32 + r / 32) with whole k and |r| <= 1 / 2. */
FW_INLINE float fw_exp_f32(float x) {
  /* Bits of 2^(i / 32) with i / 32 taken off the exponent, so that adding k << 47 gives 2^(k / 32). */
  static const uint64_t powers[32] = {0x3FF0000000000000, 0x3FEFD9B0D3158574, 0x3FEFB5586CF9890F, 0x3FEF9301D0125B51,
                                      0x3FEF72B83C7D517B, 0x3FEF54873168B9AA, 0x3FEF387A6E756238, 0x3FEF1E9DF51FDEE1,
                                      0x3FEF06FE0A31B715, 0x3FEEF1A7373AA9CB, 0x3FEEDEA64C123422, 0x3FEECE086061892D,
                                      0x3FEEBFDAD5362A27, 0x3FEEB42B569D4F82, 0x3FEEAB07DD485429, 0x3FEEA47EB03A5585,
                                      0x3FEEA09E667F3BCD, 0x3FEE9F75E8EC5F74, 0x3FEEA11473EB0187, 0x3FEEA589994CCE13,
                                      0x3FEEACE5422AA0DB, 0x3FEEB737B0CDC5E5, 0x3FEEC49182A3F090, 0x3FEED503B23E255D,
                                      0x3FEEE89F995AD3AD, 0x3FEEFF76F2FB5E47, 0x3FEF199BDD85529C, 0x3FEF3720DCEF9069,
                                      0x3FEF5818DCFBA487, 0x3FEF7C97337B9B5F, 0x3FEFA4AFA2A490DA, 0x3FEFD0765B6E4540};
  if (x != x) return x;
  if (x > 0x1.62e42ep6f) return fw_float_of_bits(0x7F800000u);
  if (x < -0x1.9fe368p6f) return 0.0f;
  const double scaled = 0x1.71547652b82fep+5 * (double)x; /* 32 / ln 2 */
  /* Adding and taking off 1.5 * 2^52 rounds to a whole number. */
  const double whole = (scaled + 0x1.8p52) - 0x1.8p52;
  const int64_t k = (int64_t)whole;
  const double r = scaled - whole;
  const uint64_t bits = powers[(uint64_t)k & 31u] + ((uint64_t)k << 47);
  double power;
  memcpy(&power, &bits, sizeof power);
  /* 2^(r / 32) as a cubic. */
  const double high = 0x1.c6af84b912394p-20 * r + 0x1.ebfce50fac4f3p-13;
  const double low = 0x1.62e42ff0c52d6p-6 * r + 1.0;
  return (float)((high * (r * r) + low) * power);
}

/* e to the power of x in double, to about one unit in the last place: what is rounded to float32 afterwards has the
 * bits of glibc's exp(), but for about one value in 10^8. A power of two times the series of e^r with |r| <= ln 2 / 2.
 */
FW_INLINE double fw_exp_f64(double x) {
  if (x != x) return x;
  if (x > 709.0) return (double)fw_float_of_bits(0x7F800000u);
  if (x < -708.0) return 0.0;
  const double whole = (x * 0x1.71547652b82fep+0 + 0x1.8p52) - 0x1.8p52;
  const double r = (x - whole * 0x1.62e42fee00000p-1) - whole * 0x1.a39ef35793c76p-33; /* ln 2 in two parts */
  double series = 0x1.6124613a86d09p-33;                                               /* 1 / 13! and so on */
  series = series * r + 0x1.1eed8eff8d898p-29;
  series = series * r + 0x1.ae64567f544e4p-26;
  series = series * r + 0x1.27e4fb7789f5cp-22;
  series = series * r + 0x1.71de3a556c734p-19;
  series = series * r + 0x1.a01a01a01a01ap-16;
  series = series * r + 0x1.a01a01a01a01ap-13;
  series = series * r + 0x1.6c16c16c16c17p-10;
  series = series * r + 0x1.1111111111111p-7;
  series = series * r + 0x1.5555555555555p-5;
  series = series * r + 0x1.5555555555555p-3;
  series = series * r + 0x1.p-1;
  const uint64_t bits = (uint64_t)((int64_t)whole + 1023) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return power * (1.0 + (r + r * r * series));
}

/* The natural logarithm: x = z * 2^k, log(z) = log(c) + log(z / c) with c near z from a table. */
FW_INLINE float fw_log_f32(float x) {
  static const double inverse[16] = {
      0x1.661ec79f8f3bep+0, 0x1.571ed4aaf883dp+0, 0x1.49539f0f010bp+0,  0x1.3c995b0b80385p+0, 0x1.30d190c8864a5p+0,
      0x1.25e227b0b8eap+0,  0x1.1bb4a4a1a343fp+0, 0x1.12358f08ae5bap+0, 0x1.0953f419900a7p+0, 0x1p+0,
      0x1.e608cfd9a47acp-1, 0x1.ca4b31f026aap-1,  0x1.b2036576afce6p-1, 0x1.9c2d163a1aa2dp-1, 0x1.886e6037841edp-1,
      0x1.767dcf5534862p-1};
  static const double logarithm[16] = {
      -0x1.57bf7808caadep-2, -0x1.2bef0a7c06ddbp-2, -0x1.01eae7f513a67p-2, -0x1.b31d8a68224e9p-3, -0x1.6574f0ac07758p-3,
      -0x1.1aa2bc79c81p-3,   -0x1.a4e76ce8c0e5ep-4, -0x1.1973c5a611cccp-4, -0x1.252f438e10c1ep-5, 0x0p+0,
      0x1.aa5aa5df25984p-5,  0x1.c5e53aa362eb4p-4,  0x1.526e57720db08p-3,  0x1.bc2860d22477p-3,   0x1.1058bc8a07ee1p-2,
      0x1.4043057b6ee09p-2};
  uint32_t bits = fw_float_bits(x);
  if (bits == 0x3F800000u) return 0.0f;
  if (bits << 1 == 0) return fw_float_of_bits(0xFF800000u);
  if (bits >= 0x7F800000u) return bits == 0x7F800000u || x != x ? x + x : (x - x) / (x - x);
  if (bits < 0x00800000u) bits = fw_float_bits(x * 0x1p23f) - (23u << 23);
  const uint32_t distance = bits - 0x3F330000u;
  const uint32_t i = (distance >> 19) & 15u;
  const int32_t k = (int32_t)distance >> 23;
  const double z = fw_float_of_bits(bits - (distance & 0xFF800000u));
  const double r = z * inverse[i] - 1.0;
  const double start = logarithm[i] + (double)k * 0x1.62e42fefa39efp-1; /* ln 2 */
  const double square = r * r;
  const double tail = -0x1.00ea348b88334p-2 * square + (0x1.5575b0be00b6ap-2 * r - 0x1.ffffef20a4123p-2);
  return (float)(tail * square + (start + r));
}

#endif
