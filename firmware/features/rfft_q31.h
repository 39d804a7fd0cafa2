/* FFT of a real signal in 32-bit fixed point, in place. */
#ifndef FW_FEATURES_RFFT_Q31_H
#define FW_FEATURES_RFFT_Q31_H

#include <stdint.h>

typedef struct {
  int32_t re, im;
} cq31_t;

/* Upper 32 bits of the product: a * b / 2^32, rounded down. */
static inline int32_t fw_multiply_high(int32_t a, int32_t b) {
  return (int32_t)(((int64_t)a * b) >> 32);
}

/* z * exp(-i angle) / 2. */
static inline cq31_t cq31_turned(cq31_t z, int32_t cosine, int32_t sine) {
  const cq31_t out = {fw_multiply_high(z.re, cosine) + fw_multiply_high(z.im, sine),
                      fw_multiply_high(z.im, cosine) - fw_multiply_high(z.re, sine)};
  return out;
}

/* The complex FFT of the signal's pairs. `z`: fft_size / 2 values, pair i at place bit_reverse(i), parts at most 2^26
 * in magnitude under a window whose mean is at most 0.6. `sine`: sin(2 pi k / fft_size) * 2^31 (at most 2^31 - 1) for
 * k = 0 … 3 * fft_size / 4. The result is divided by 2^fw_rfft_q31_shift(). */
void fw_rfft_q31(cq31_t *z, uint32_t fft_size, const int32_t *sine);

/* Each radix-4 pass with twiddles halves. */
static inline uint32_t fw_rfft_q31_shift(uint32_t fft_size) {
  return fft_size <= 128u ? 2u : fft_size <= 512u ? 3u : 4u;
}

#endif
