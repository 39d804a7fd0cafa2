/* Energies of a real 512-point FFT in 16-bit fixed point, equal in every bit to kissfft's (FIXED_POINT 16).
 */
#ifndef FW_FEATURES_RFFT_Q15_H
#define FW_FEATURES_RFFT_Q15_H

#include <stdint.h>

#include "features/complex_q15.h"

#define FW_RFFT_Q15_SIZE   512u
#define FW_RFFT_Q15_LENGTH 256u /* complex values */

/* Place of complex value `index` (samples 2 index and 2 index + 1) in the input: its four base-4 digits
 * reversed. */
static inline uint32_t fw_rfft_q15_place(uint32_t index) {
  index = ((index & 0x33u) << 2) | ((index >> 2) & 0x33u);
  return ((index & 0x0fu) << 4) | (index >> 4);
}

/* `z`: FW_RFFT_Q15_LENGTH values in places as above, multiplied by 2^shift on the way in. On return z[k] is
 * the energy re^2 + im^2 of bin k for 1 <= k < 256 (z[0] is undefined), the spectrum having been divided by
 * 1024. `twiddles`: [192], exp(-2 pi i k / 256) * 32767; `split`: [128], exp(-2 pi i ((k + 1) / 512 + 1 / 4))
 * * 32767. */
void fw_rfft_q15_energies(uint32_t *z, uint32_t shift, const cq15_t *twiddles, const cq15_t *split);

#endif
