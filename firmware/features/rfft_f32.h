/* Power spectrum of real float32 data, in place. */
#ifndef FW_FEATURES_RFFT_F32_H
#define FW_FEATURES_RFFT_F32_H

#include <stdint.h>

#define FW_RFFT_MINIMUM 64u
#define FW_RFFT_MAXIMUM 1024u

/* `work`: fft_size floats: pairs of samples, divided by two, as complex values, pair i at place bit_reverse(i) (see
 * bit_reverse.h). On return |X[k]|^2 lies at work[2 * k] for 1 <= first_bin <= k <= last_bin < fft_size / 2;
 * the rest is undefined. `sine`: sin(2 pi k / fft_size) for k = 0 … 3 * fft_size / 4. */
void fw_rfft_f32_power(float *work, uint32_t fft_size, const float *sine, uint32_t first_bin, uint32_t last_bin);

#endif
