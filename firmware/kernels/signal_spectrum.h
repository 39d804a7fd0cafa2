/* TensorFlow Lite Micro's signal operators from samples to energies: SignalWindow, SignalFftAutoScale, SignalRfft,
 * SignalIrfft, SignalEnergy. The transforms are kissfft's in 16-bit fixed point, bit for bit. */
#ifndef FW_SIGNAL_SPECTRUM_H
#define FW_SIGNAL_SPECTRUM_H

#include <string.h>

#include "features/bits.h"
#include "features/complex_q15.h"
#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t rows;
  int32_t columns;
  int32_t shift;
} fw_signal_window_params_t;

/* input and output [rows][columns], weights [columns]. */
FW_KERNEL_BODY void fw_signal_window_body(const fw_signal_window_params_t *p, const int16_t *input,
                                          const int16_t *weights, int16_t *output) {
  for (int32_t row = 0; row < p->rows; ++row) {
    for (int32_t i = 0; i < p->columns; ++i) {
      *output++ = (int16_t)fw_clamp((*input++ * weights[i]) >> p->shift, INT16_MIN, INT16_MAX);
    }
  }
}

typedef struct {
  int32_t count;
} fw_signal_fft_auto_scale_params_t;

/* Shifts all samples up by as many bits as their largest magnitude leaves free. The reference keeps that magnitude in
 * 16 bits, in which 32768 is negative: the search starts again behind it, and a result of 0 or less means no shift. */
FW_KERNEL_BODY void fw_signal_fft_auto_scale_body(const fw_signal_fft_auto_scale_params_t *p, const int16_t *input,
                                                  int16_t *output, int32_t *shift) {
  int32_t largest = 0;
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t magnitude = input[i] < 0 ? -input[i] : input[i];
    if (magnitude > largest) largest = (int16_t)magnitude;
  }
  const int32_t bits = largest <= 0 ? 0 : 15 - (int32_t)fw_bit_length((uint32_t)largest);
  for (int32_t i = 0; i < p->count; ++i) output[i] = (int16_t)(input[i] * (1 << bits));
  *shift = bits;
}

/* Complex numbers in int16 tensors: real part, imaginary part. */
FW_INLINE cq15_t fw_complex_load(const int16_t *values, int32_t i) {
  return cq15_pack(values[2 * i], values[2 * i + 1]);
}

FW_INLINE void fw_complex_store(int16_t *values, int32_t i, cq15_t z) {
  values[2 * i] = (int16_t)cq15_re(z);
  values[2 * i + 1] = (int16_t)cq15_im(z);
}

/* Where value i goes before the passes of a transform of n points: radix 4, and 2 at last if n asks for it. */
FW_INLINE int32_t fw_fft_place(int32_t i, int32_t n) {
  int32_t place = 0;
  while (n > 1) {
    const int32_t radix = n % 4 == 0 ? 4 : 2;
    n /= radix;
    place += i % radix * n;
    i /= radix;
  }
  return place;
}

/* Joins `groups` times four transforms of `quarter` points; every value is divided by four first. */
FW_INLINE void fw_fft_pass(int16_t *z, int32_t quarter, int32_t groups, const uint32_t *twiddles, int32_t is_inverse) {
  for (int32_t g = 0; g < groups; ++g) {
    for (int32_t j = 0; j < quarter; ++j) {
      const int32_t at = 4 * quarter * g + j;
      cq15_t v[4];
      for (int32_t i = 0; i < 4; ++i) {
        v[i] = cq15_scale(fw_complex_load(z, at + i * quarter), 32767 / 4);
        if (i > 0) v[i] = cq15_multiply(v[i], twiddles[i * j * groups]);
      }
      const cq15_t difference = cq15_subtract(v[0], v[2]);
      const cq15_t sum = cq15_add(v[0], v[2]);
      const cq15_t odd_sum = cq15_add(v[1], v[3]);
      const cq15_t odd_difference = cq15_subtract(v[1], v[3]);
      const cq15_t right = cq15_subtract_turned(difference, odd_difference);
      const cq15_t left = cq15_add_turned(difference, odd_difference);
      fw_complex_store(z, at, cq15_add(sum, odd_sum));
      fw_complex_store(z, at + quarter, is_inverse ? left : right);
      fw_complex_store(z, at + 2 * quarter, cq15_subtract(sum, odd_sum));
      fw_complex_store(z, at + 3 * quarter, is_inverse ? right : left);
    }
  }
}

/* The complex transform of n values that lie in their places. twiddles [n]: exp(∓2πi k / n) * 32767. */
FW_INLINE void fw_fft_q15(int16_t *z, int32_t n, const uint32_t *twiddles, int32_t is_inverse) {
  int32_t done = 1;
  for (int32_t rest = n; rest > 1; rest /= 4) {
    if (rest % 4 != 0) done = 2;
  }
  for (int32_t i = 0; done == 2 && i < n; i += 2) {
    const cq15_t a = cq15_scale(fw_complex_load(z, i), 32767 / 2);
    const cq15_t b = cq15_multiply(cq15_scale(fw_complex_load(z, i + 1), 32767 / 2), twiddles[0]);
    fw_complex_store(z, i, cq15_add(a, b));
    fw_complex_store(z, i + 1, cq15_subtract(a, b));
  }
  for (; done < n; done *= 4) fw_fft_pass(z, done, n / (4 * done), twiddles, is_inverse);
}

typedef struct {
  int32_t rows;
  int32_t input_size; /* samples that are given; the rest of the transform's are 0 */
  int32_t half;       /* half of the transform's length, a power of two */
} fw_signal_rfft_params_t;

/* input [rows][input_size], output [rows][half + 1] complex numbers; twiddles [half]: exp(-2πi k / half) * 32767;
 * split [half / 2]: exp(-πi ((k + 1) / half + 1/2)) * 32767. */
FW_KERNEL_BODY void fw_signal_rfft_body(const fw_signal_rfft_params_t *p, const int16_t *input,
                                        const uint32_t *twiddles, const uint32_t *split, int16_t *output) {
  const int32_t n = p->half;
  for (int32_t row = 0; row < p->rows; ++row, input += p->input_size, output += 2 * (n + 1)) {
    for (int32_t i = 0; i < n; ++i) {
      const int32_t re = 2 * i < p->input_size ? input[2 * i] : 0;
      const int32_t im = 2 * i + 1 < p->input_size ? input[2 * i + 1] : 0;
      fw_complex_store(output, fw_fft_place(i, n), cq15_pack(re, im));
    }
    fw_fft_q15(output, n, twiddles, 0);
    const cq15_t dc = cq15_scale(fw_complex_load(output, 0), 32767 / 2);
    for (int32_t k = 1; k <= n / 2; ++k) {
      const cq15_t a = cq15_scale(fw_complex_load(output, k), 32767 / 2);
      /* The conjugate is taken before the rounding, which is not symmetric. */
      const cq15_t b = cq15_scale(cq15_conjugate(fw_complex_load(output, n - k)), 32767 / 2);
      const cq15_t even = cq15_add(a, b);
      const cq15_t turned = cq15_multiply(cq15_subtract(a, b), split[k - 1]);
      const cq15_t low = cq15_half_add(even, turned);
      const cq15_t high =
          cq15_pack(cq15_re(cq15_half_subtract(even, turned)), cq15_im(cq15_half_subtract(turned, even)));
      fw_complex_store(output, k, low);
      fw_complex_store(output, n - k, high);
    }
    fw_complex_store(output, 0, cq15_pack(cq15_re(dc) + cq15_im(dc), 0));
    fw_complex_store(output, n, cq15_pack(cq15_re(dc) - cq15_im(dc), 0));
  }
}

typedef struct {
  int32_t rows;
  int32_t half; /* half of the transform's length, a power of two */
} fw_signal_irfft_params_t;

/* input [rows][half + 1] complex numbers, output [rows][2 half]; twiddles [half]: exp(2πi k / half) * 32767;
 * split [half / 2]: exp(πi ((k + 1) / half + 1/2)) * 32767. */
FW_KERNEL_BODY void fw_signal_irfft_body(const fw_signal_irfft_params_t *p, const int16_t *input,
                                         const uint32_t *twiddles, const uint32_t *split, int16_t *output) {
  const int32_t n = p->half;
  for (int32_t row = 0; row < p->rows; ++row, input += 2 * (n + 1), output += 2 * n) {
    const int32_t first = input[0];
    const int32_t last = input[2 * n];
    fw_complex_store(output, 0, cq15_scale(cq15_pack(first + last, first - last), 32767 / 2));
    for (int32_t k = 1; k <= n / 2; ++k) {
      const cq15_t a = cq15_scale(fw_complex_load(input, k), 32767 / 2);
      const cq15_t b = cq15_scale(cq15_conjugate(fw_complex_load(input, n - k)), 32767 / 2);
      const cq15_t even = cq15_add(a, b);
      const cq15_t odd = cq15_multiply(cq15_subtract(a, b), split[k - 1]);
      fw_complex_store(output, fw_fft_place(k, n), cq15_add(even, odd));
      fw_complex_store(output, fw_fft_place(n - k, n), cq15_conjugate(cq15_subtract(even, odd)));
    }
    fw_fft_q15(output, n, twiddles, 1);
  }
}

typedef struct {
  int32_t bins;
  int32_t start; /* bins outside [start, end), which the reference leaves as they are, become 0 */
  int32_t end;
} fw_signal_energy_params_t;

/* input [bins] complex numbers, output [bins]. */
FW_KERNEL_BODY void fw_signal_energy_body(const fw_signal_energy_params_t *p, const int16_t *input, uint32_t *output) {
  for (int32_t i = 0; i < p->bins; ++i) {
    const cq15_t z = fw_complex_load(input, i);
    output[i] = i >= p->start && i < p->end ? cq15_energy(z, z) : 0u;
  }
}

#endif
