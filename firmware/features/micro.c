/* The micro front end up to the filter bank: window, FFT, energies, channels. Integer arithmetic only. */
#include "features/micro.h"

#include <stddef.h>
#include <string.h>

#include "features/bits.h"
#include "features/integer_root.h"
#include "features/rfft_q15.h"

#define WINDOW_BITS 12

fw_status_t fw_micro_check(const fw_frontend_config_t *config) {
  const fw_micro_config_t *const micro = config->micro;
  if (micro == NULL) return FW_E_ARGUMENT;
  if (micro->window_samples == 0u || micro->window_samples > FW_RFFT_Q15_SIZE) return FW_E_ARGUMENT;
  if ((micro->window_samples & 1u) != 0u || micro->hop_samples == 0u) return FW_E_ARGUMENT;
  if (micro->channel_count == 0u || micro->channel_count > 128u) return FW_E_ARGUMENT;
  if (micro->window == NULL || micro->twiddles == NULL || micro->split == NULL || micro->weights == NULL ||
      micro->channel_bins == NULL || micro->gain == NULL || micro->roots == NULL || micro->logarithm == NULL) {
    return FW_E_ARGUMENT;
  }
  uint32_t bins = micro->first_bin;
  for (uint32_t c = 0; c <= micro->channel_count; c++) {
    bins += micro->channel_bins[c];
    if (c > bins) return FW_E_ARGUMENT; /* filter_bank() would overwrite what it has not read */
  }
  if (micro->first_bin == 0u || bins > FW_RFFT_Q15_LENGTH) return FW_E_ARGUMENT;
  if (micro->smoothing_bits > 16u || micro->snr_shift > 31u || micro->correction_bits > 16u) return FW_E_ARGUMENT;
  return config->frame_values == micro->channel_count ? FW_OK : FW_E_ARGUMENT;
}

uint32_t fw_micro_work_bytes(const fw_micro_config_t *micro) {
  return (FW_RFFT_Q15_LENGTH + micro->channel_count) * (uint32_t)sizeof(uint32_t);
}

static uint32_t *noise_of(const fw_frontend_t *fe) {
  return (uint32_t *)fe->work + FW_RFFT_Q15_LENGTH;
}

void fw_micro_reset(fw_frontend_t *fe) {
  uint32_t *const noise = noise_of(fe);
  for (uint32_t c = 0; c < fe->config->micro->channel_count; c++) noise[c] = 0;
}

/* Two windowed samples in one word, and what the largest and smallest so far have become. */
static inline cq15_t windowed(const int16_t *samples, const int16_t *window, cq15_t *highest, cq15_t *lowest) {
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP == 1 && !defined(FW_NO_DSP)
  cq15_t sample, factor;
  memcpy(&sample, samples, sizeof sample);
  memcpy(&factor, window, sizeof factor);
  cq15_t pair;
  __asm__("pkhtb %0, %1, %2, asr %3"
          : "=r"(pair)
          : "r"((uint32_t)(cq15_im(sample) * cq15_im(factor)) << (16 - WINDOW_BITS)),
            "r"(cq15_re(sample) * cq15_re(factor)), "I"(WINDOW_BITS));
  __asm__("ssub16 r12, %2, %0\n\tsel %0, %2, %0\n\tssub16 r12, %1, %2\n\tsel %1, %2, %1"
          : "+r"(*highest), "+r"(*lowest)
          : "r"(pair)
          : "r12", "cc");
  return pair;
#else
  const int32_t even = (samples[0] * window[0]) >> WINDOW_BITS, odd = (samples[1] * window[1]) >> WINDOW_BITS;
  *highest =
      cq15_pack(even > cq15_re(*highest) ? even : cq15_re(*highest), odd > cq15_im(*highest) ? odd : cq15_im(*highest));
  *lowest =
      cq15_pack(even < cq15_re(*lowest) ? even : cq15_re(*lowest), odd < cq15_im(*lowest) ? odd : cq15_im(*lowest));
  return cq15_pack(even, odd);
#endif
}

/* Both libraries keep the running maximum of absolute values in 16 bits, where 32768 turns into -32768: in
 * one the search begins anew behind it, in the other it goes unseen. A clipped recording gets there, and its
 * scaling depends on it; a result of 0 or less means none. */
static int32_t wrapped_largest(const fw_micro_config_t *micro, const int16_t *samples) {
  int32_t largest = 0;
  for (uint32_t i = 0; i < micro->window_samples; i++) {
    const int32_t value = (samples[i] * micro->window[i]) >> WINDOW_BITS;
    if (value == INT16_MIN) {
      if (micro->restart_at_lowest) largest = INT16_MIN;
    } else if (value > largest) {
      largest = value;
    } else if (-value > largest) {
      largest = -value;
    }
  }
  return largest;
}

/* Windowed samples to their places in the FFT's input; returns the largest absolute value. */
static int32_t window_samples(const fw_micro_config_t *micro, const int16_t *samples, cq15_t *z) {
  const uint32_t pairs = micro->window_samples / 2u;
  const int16_t *from = samples, *window = micro->window;
  cq15_t highest = 0, lowest = 0;
  uint32_t i = 0;
  for (; i + 4u <= pairs; i += 4u, from += 8, window += 8) {
    cq15_t *const to = z + fw_rfft_q15_place(i); /* the next three lie a quarter apart */
    to[0] = windowed(from, window, &highest, &lowest);
    to[FW_RFFT_Q15_LENGTH / 4u] = windowed(from + 2, window + 2, &highest, &lowest);
    to[FW_RFFT_Q15_LENGTH / 2u] = windowed(from + 4, window + 4, &highest, &lowest);
    to[FW_RFFT_Q15_LENGTH * 3u / 4u] = windowed(from + 6, window + 6, &highest, &lowest);
  }
  for (; i < pairs; i++, from += 2, window += 2) z[fw_rfft_q15_place(i)] = windowed(from, window, &highest, &lowest);
  for (; i < FW_RFFT_Q15_LENGTH; i++) z[fw_rfft_q15_place(i)] = 0;
  const int32_t low = cq15_re(lowest) < cq15_im(lowest) ? cq15_re(lowest) : cq15_im(lowest);
  const int32_t high = cq15_re(highest) > cq15_im(highest) ? cq15_re(highest) : cq15_im(highest);
  if (low == INT16_MIN) return wrapped_largest(micro, samples);
  return -low > high ? -low : high;
}

/* Bits by which samples of this largest value can be shifted up within 16. */
static uint32_t headroom(int32_t largest) {
  return largest <= 0 ? 0u : 15u - fw_bit_length((uint32_t)largest);
}

/* Nearest integer to the square root, but a root of a 32-bit value stays within 16 bits. */
static uint32_t root_of(uint64_t value, const uint16_t *roots) {
  const uint32_t root = fw_root(value, roots);
  return (uint32_t)value - root * root > root && root != 0xffffu ? root + 1u : root;
}

/* Triangles: a bin's energy goes to the channel below with weights[0] and to the one above with weights[1].
 * Channels overwrite energies that have been read. */
static void filter_bank(const fw_micro_config_t *micro, const uint32_t *energies, uint32_t shift, uint32_t *channels) {
  const uint32_t *energy = energies + micro->first_bin;
  const uint16_t *weights = micro->weights;
  uint64_t above = 0;
  for (uint32_t c = 0; c <= micro->channel_count; c++) {
    uint64_t below = above;
    above = 0;
    for (uint32_t n = micro->channel_bins[c]; n > 0u; n--, weights += 2) {
      below += (uint64_t)*energy * weights[0];
      above += (uint64_t)*energy++ * weights[1];
    }
    /* Below the first interval there is no channel. */
    if (c > 0u) channels[c - 1u] = root_of(below, micro->roots) >> shift;
  }
}

void fw_micro_frame(fw_frontend_t *fe) {
  const fw_micro_config_t *const micro = fe->config->micro;
  uint32_t *const work = (uint32_t *)fe->work;
  uint16_t *const slot = (uint16_t *)fe->frames + fe->next_frame * micro->channel_count;
  const uint32_t shift = headroom(window_samples(micro, fe->samples, work));
  fw_rfft_q15_energies(work, shift, micro->twiddles, micro->split);
  filter_bank(micro, work, shift, work);
  fw_micro_channels(micro, noise_of(fe), work, slot);
}
