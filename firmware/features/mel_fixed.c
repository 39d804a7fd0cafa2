/* Log-mel and MFCC in integer arithmetic, for cores without FPU. Up to the logarithm everything keeps 26 bits or more,
 * so the results follow the float front end's closely for loud and faint signals alike
 * (tests/features/test_mel_fixed.py states and checks how closely). */
#include "features/mel_fixed.h"

#include <stddef.h>
#include <string.h>

#include "features/bit_reverse.h"
#include "features/bits.h"
#include "features/inline.h"
#include "features/integer_root.h"
#include "features/quantise.h"
#include "features/rfft_q31.h"
#include "fw_float.h"

#define FFT_MINIMUM 64u
#define FFT_MAXIMUM 1024u

fw_status_t fw_mel_fixed_check(const fw_frontend_config_t *config) {
  const fw_mel_fixed_config_t *const mel = config->mel_fixed;
  if (mel == NULL) return FW_E_ARGUMENT;
  const uint32_t size = mel->fft_size;
  if (size < FFT_MINIMUM || size > FFT_MAXIMUM || (size & (size - 1u)) != 0u) return FW_E_ARGUMENT;
  if (mel->window_samples == 0u || mel->window_samples > size || mel->hop_samples == 0u) return FW_E_ARGUMENT;
  if (mel->mel_count == 0u || mel->mel_count > size / 2u || mel->coefficient_count > mel->mel_count) {
    return FW_E_ARGUMENT;
  }
  if (mel->window == NULL || mel->sine == NULL || mel->mel_weights == NULL || mel->mel_bins == NULL ||
      mel->logarithm == NULL || mel->roots == NULL || (mel->coefficient_count != 0u && mel->dct == NULL)) {
    return FW_E_ARGUMENT;
  }
  if (mel->spectrum > FW_SPECTRUM_POWER || mel->normalisation > FW_NORMALISE_WINDOW_MEAN) return FW_E_ARGUMENT;
  if (mel->fraction_bits > 15u || mel->sample_shift > 12u || mel->headroom_most > 15u) return FW_E_ARGUMENT;
  if (mel->energy_floor + mel->energy_offset == 0u) return FW_E_ARGUMENT;
  uint32_t bins = 0;
  for (uint32_t m = 0; m <= mel->mel_count; m++) bins += mel->mel_bins[m];
  if (bins == 0u || bins != mel->bin_count || mel->first_bin == 0u || mel->first_bin + bins > size / 2u) {
    return FW_E_ARGUMENT;
  }
  const uint32_t values = mel->coefficient_count != 0u ? mel->coefficient_count : mel->mel_count;
  return config->frame_values == values ? FW_OK : FW_E_ARGUMENT;
}

uint32_t fw_mel_fixed_work_bytes(const fw_mel_fixed_config_t *mel) {
  return ((uint32_t)mel->fft_size + mel->mel_count) * (uint32_t)sizeof(int32_t);
}

/* Bits by which the samples of a window can be shifted up within 16. */
static uint32_t headroom(const fw_mel_fixed_config_t *mel, const int16_t *samples, int32_t before) {
  /* Two samples a word. The highest bit that differs from the one below it in a half stands where the sample's length
   * ends; bit 0 of a half means nothing. */
  const uint32_t *const words = (const uint32_t *)__builtin_assume_aligned(samples, 4);
  const uint32_t pairs = mel->window_samples / 2u;
  uint32_t edges = 0, i = 0, word[4];
  for (; i + 4u <= pairs; i += 4u) {
    memcpy(word, words + i, sizeof word);
    edges |= (word[0] ^ (word[0] << 1)) | (word[1] ^ (word[1] << 1));
    edges |= (word[2] ^ (word[2] << 1)) | (word[3] ^ (word[3] << 1));
  }
  for (; i < pairs; i++) {
    memcpy(word, words + i, sizeof word[0]);
    edges |= word[0] ^ (word[0] << 1);
  }
  const int32_t last = samples[mel->window_samples - 1u];
  uint32_t bits = (edges >> 17) | ((edges & 0xffffu) >> 1) | (uint32_t)(last ^ (last >> 31));
  if (mel->pre_emphasis != 0) bits |= (uint32_t)(before ^ (before >> 31));
  return 15u - fw_bit_length(bits);
}

typedef struct {
  int32_t gain; /* a power of two */
  int32_t pre_emphasis;
  int32_t previous; /* sample, times the gain */
} emphasis_t;

FW_ALWAYS_INLINE void put_pair(cq31_t *to, const int16_t *samples, const int32_t *window, int emphasise,
                               emphasis_t *e) {
  int32_t even = samples[0] * e->gain, odd = samples[1] * e->gain;
  if (emphasise) {
    even -= fw_multiply_high(e->previous, e->pre_emphasis) * 2;
    odd -= fw_multiply_high(samples[0] * e->gain, e->pre_emphasis) * 2;
    e->previous = samples[1] * e->gain;
  }
  to->re = fw_multiply_high(even, window[0]);
  to->im = fw_multiply_high(odd, window[1]);
}

/* Window and the FFT's permutation in one pass, eight pairs at a time: their places lie an eighth of the buffer apart.
 */
FW_ALWAYS_INLINE uint32_t put_eights(const fw_mel_fixed_config_t *mel, const int16_t *samples, cq31_t *z, int emphasise,
                                     emphasis_t *e, uint32_t *place, uint32_t eighth) {
  const int32_t *window = mel->window;
  uint32_t at = 0;
  for (; at + 16u <= mel->window_samples; at += 16u, samples += 16, window += 16) {
    cq31_t *const to = z + *place;
    put_pair(to, samples, window, emphasise, e);
    put_pair(to + 4u * eighth, samples + 2, window + 2, emphasise, e);
    put_pair(to + 2u * eighth, samples + 4, window + 4, emphasise, e);
    put_pair(to + 6u * eighth, samples + 6, window + 6, emphasise, e);
    put_pair(to + eighth, samples + 8, window + 8, emphasise, e);
    put_pair(to + 5u * eighth, samples + 10, window + 10, emphasise, e);
    put_pair(to + 3u * eighth, samples + 12, window + 12, emphasise, e);
    put_pair(to + 7u * eighth, samples + 14, window + 14, emphasise, e);
    *place = fw_bit_reverse_next(*place, mel->fft_size / 32u);
  }
  return at;
}

/* Samples times 2^shift, emphasised, times the window; zeros behind them. */
static void window_samples(const fw_mel_fixed_config_t *mel, const int16_t *samples, int32_t before, uint32_t shift,
                           cq31_t *z) {
  emphasis_t e = {1 << shift, mel->pre_emphasis, 0};
  e.previous = before * e.gain;
  uint32_t place = 0;
  /* The usual case, with every distance a constant, and the general one. */
  uint32_t at = e.pre_emphasis == 0 && mel->fft_size == 512u
                    ? put_eights(mel, samples, z, 0, &e, &place, 32)
                    : put_eights(mel, samples, z, 1, &e, &place, mel->fft_size / 16u);
  while (at < mel->fft_size) {
    uint32_t offset = 0;
    for (uint32_t end = at + 16u; at < end; at += 2u) {
      int16_t pair[2] = {0, 0};
      int32_t window[2] = {0, 0};
      for (uint32_t i = 0; i < 2u && at + i < mel->window_samples; i++) {
        pair[i] = samples[at + i];
        window[i] = mel->window[at + i];
      }
      put_pair(z + place + offset, pair, window, 1, &e);
      offset = fw_bit_reverse_next(offset, mel->fft_size / 4u);
    }
    place = fw_bit_reverse_next(place, mel->fft_size / 32u);
  }
}

/* |z| / 2, with 15 significant bits or more. */
FW_ALWAYS_INLINE uint32_t magnitude(cq31_t z, const uint16_t *roots) {
  /* The complement for the negative and a lowest bit that is always set: off by 1, and never both zero. */
  const uint32_t re = (uint32_t)(z.re ^ (z.re >> 31)) | 1u, im = (uint32_t)(z.im ^ (z.im >> 31));
  const uint32_t up = (uint32_t)__builtin_clz(re | im);
  const uint32_t x = (re << up) >> 17, y = (im << up) >> 17; /* 15 bits, the larger one full */
  const uint32_t root = fw_long_root_table(x * x + y * y, roots);
  return (root << 16) >> up;
}

/* |z|^2 / 2^16. */
FW_ALWAYS_INLINE uint64_t power(cq31_t z) {
  return ((uint64_t)((int64_t)z.re * z.re) + (uint64_t)((int64_t)z.im * z.im)) >> 16;
}

/* Energies of one frame are integers whose unit depends on the frame's headroom. */
typedef struct {
  uint64_t floor, offset;
  int32_t unit_log2; /* 16 fraction bits */
} energy_unit_t;

/* Logarithm of an energy, 16 fraction bits. */
static int32_t scaled_logarithm(const fw_mel_fixed_config_t *mel, const energy_unit_t *unit, uint64_t energy) {
  if (energy < unit->floor) energy = unit->floor;
  energy += unit->offset;
  uint32_t mantissa = (uint32_t)(energy >> 32);
  uint32_t length = 64;
  if (mantissa != 0u) {
    const uint32_t up = (uint32_t)__builtin_clz(mantissa);
    length -= up;
    mantissa = (mantissa << up) | (((uint32_t)energy >> 1) >> (31u - up));
  } else {
    const uint32_t up = (uint32_t)__builtin_clz((uint32_t)energy);
    length = 32u - up;
    mantissa = (uint32_t)energy << up;
  }
  const int32_t fraction = (int32_t)((mantissa >> 15) & 0xffffu);
  const uint16_t *const entry = mel->logarithm + (fraction >> 9);
  const int32_t curve = entry[0] + (((entry[1] - entry[0]) * (fraction & 511)) >> 9);
  const int32_t log2 = (int32_t)((length - 1u) << 16) + fraction + curve - unit->unit_log2;
  int32_t value = (int32_t)(((int64_t)log2 * mel->log_scale) >> 24) + mel->log_offset;
  if (value < mel->clip_low) value = mel->clip_low;
  if (value > mel->clip_high) value = mel->clip_high;
  return value;
}

/* What the filter bank needs of a bin takes the place of its complex value: the magnitude, or all 64 bits of the power.
 */
FW_ALWAYS_INLINE void put_bin(cq31_t *z, int32_t re, int32_t im, int by_power, const uint16_t *roots) {
  const cq31_t bin = {re, im};
  if (by_power) {
    const uint64_t value = power(bin);
    z->re = (int32_t)(uint32_t)value;
    z->im = (int32_t)(uint32_t)(value >> 32);
  } else {
    z->re = (int32_t)magnitude(bin, roots);
  }
}

FW_ALWAYS_INLINE uint64_t read_bin(const cq31_t *z, int by_power) {
  return by_power ? (uint32_t)z->re | (uint64_t)(uint32_t)z->im << 32 : (uint32_t)z->re;
}

/* From the complex FFT to bins `k` (low) and length - k (high) of the real signal, halved. */
FW_ALWAYS_INLINE void split(cq31_t *low, cq31_t *high, int32_t cosine, int32_t sine, int want_low, int want_high,
                            int by_power, const uint16_t *roots) {
  const int32_t low_re = low->re >> 1, low_im = low->im >> 1;
  const int32_t even_re = low_re + (high->re >> 1), even_im = low_im - (high->im >> 1);
  const int32_t odd_re = low_re - (high->re >> 1), odd_im = low_im + (high->im >> 1);
  const int32_t re = fw_multiply_high(odd_im, cosine) - fw_multiply_high(odd_re, sine);
  const int32_t im = fw_multiply_high(odd_re, cosine) + fw_multiply_high(odd_im, sine);
  if (want_low) put_bin(low, (even_re >> 1) + re, (even_im >> 1) - im, by_power, roots);
  if (want_high) put_bin(high, (even_re >> 1) - re, (even_im >> 1) + im, by_power, roots);
}

FW_ALWAYS_INLINE void spectrum(const fw_mel_fixed_config_t *mel, cq31_t *z, int by_power) {
  const uint32_t length = mel->fft_size / 2u, middle = length / 2u, last = mel->first_bin + mel->bin_count - 1u;
  const int32_t *const sine = mel->sine, *const cosine = sine + middle;
  const uint16_t *const roots = mel->roots;
  const uint32_t lowest_high = last >= middle ? length - last : middle; /* from here on the upper bin is wanted */
  uint32_t k = mel->first_bin < lowest_high ? mel->first_bin : lowest_high;
  for (; k < lowest_high && k <= last; k++) split(z + k, z + length - k, cosine[k], sine[k], 1, 0, by_power, roots);
  for (; k < middle && lowest_high < middle; k++)
    split(z + k, z + length - k, cosine[k], sine[k], 1, 1, by_power, roots);
  if (middle <= last) put_bin(z + middle, z[middle].re >> 1, z[middle].im >> 1, by_power, roots);
}

/* Bins between two centres: the weight's share goes to the band above, the rest of 2^15 to the band below. */
FW_ALWAYS_INLINE void mel_logarithms(const fw_mel_fixed_config_t *mel, const cq31_t *z, int by_power,
                                     const energy_unit_t *unit, int32_t *logs) {
  const uint16_t *weights = mel->mel_weights;
  z += mel->first_bin;
  uint64_t rising = 0;
  for (uint32_t m = 0; m <= mel->mel_count; m++) {
    uint64_t below = rising;
    rising = 0;
    for (uint32_t n = mel->mel_bins[m]; n > 0u; n--, z++) {
      const uint32_t above_weight = *weights++, below_weight = 32768u - above_weight;
      const uint64_t x = read_bin(z, by_power);
      rising += x * above_weight;
      below += x * below_weight;
    }
    if (m > 0u) logs[m - 1u] = scaled_logarithm(mel, unit, below);
  }
}

/* A value with 16 fraction bits to the frame's 16-bit form. */
static int16_t narrow(const fw_mel_fixed_config_t *mel, int32_t value) {
  const uint32_t down = 16u - mel->fraction_bits;
  const int32_t rounded = (value + (int32_t)(1u << (down - 1u))) >> down;
  return (int16_t)(rounded < INT16_MIN ? INT16_MIN : rounded > INT16_MAX ? INT16_MAX : rounded);
}

/* As in mel.c: rows of the DCT are even or odd about the middle, so sums and differences replace the logarithms. */
static void dct(const fw_mel_fixed_config_t *mel, int32_t *logs, int16_t *values) {
  const uint32_t count = mel->mel_count, half = (count + 1u) / 2u, pairs = count / 2u;
  for (uint32_t i = 0; i < pairs; i++) {
    const int32_t low = logs[i], high = logs[count - 1u - i];
    logs[i] = low + high;
    logs[count - 1u - i] = low - high;
  }
  const int16_t *row = mel->dct;
  for (uint32_t k = 0; k < mel->coefficient_count; k++, row += half) {
    int64_t sum = 0;
    if ((k & 1u) == 0u) {
      for (uint32_t i = 0; i < half; i++) sum += (int64_t)logs[i] * row[i];
    } else {
      for (uint32_t i = 0; i < pairs; i++) sum += (int64_t)logs[count - 1u - i] * row[i];
    }
    values[k] = narrow(mel, fw_multiply_high((int32_t)(sum >> 15), mel->dct_scale) * 2);
  }
}

void fw_mel_fixed_frame(fw_frontend_t *fe) {
  const fw_mel_fixed_config_t *const mel = fe->config->mel_fixed;
  cq31_t *const z = (cq31_t *)fe->work;
  int32_t *const logs = (int32_t *)fe->work + mel->fft_size;
  int16_t *const slot = (int16_t *)fe->frames + fe->next_frame * fe->config->frame_values;
  uint32_t room = headroom(mel, fe->samples, fe->before);
  if (room > mel->headroom_most) room = mel->headroom_most;
  window_samples(mel, fe->samples, fe->before, mel->sample_shift + room, z);
  fw_rfft_q31(z, mel->fft_size, mel->sine);
  if (mel->spectrum == FW_SPECTRUM_POWER) room *= 2u;
  const energy_unit_t unit = {mel->energy_floor << room, mel->energy_offset << room, (int32_t)(room << 16)};
  if (mel->spectrum == FW_SPECTRUM_POWER) {
    spectrum(mel, z, 1);
    mel_logarithms(mel, z, 1, &unit, logs);
  } else {
    spectrum(mel, z, 0);
    mel_logarithms(mel, z, 0, &unit, logs);
  }
  if (mel->coefficient_count != 0u) {
    dct(mel, logs, slot);
  } else {
    for (uint32_t m = 0; m < mel->mel_count; m++) slot[m] = narrow(mel, logs[m]);
  }
}

/* Nearest integer to the mean of values that lie `stride` apart; halves away from zero. */
static int32_t mean_of(const int16_t *values, uint32_t count, uint32_t stride) {
  int32_t sum = 0, added = 0;
  do {
    sum += *values;
    values += stride;
    added++;
  } while ((uint32_t)added < count);
  return (sum + (sum < 0 ? -added : added) / 2) / added;
}

fw_status_t fw_mel_fixed_write_window(const fw_frontend_t *fe, void *model_input, fw_dtype_t dtype, float scale,
                                      int32_t zero_point) {
  const fw_frontend_config_t *const config = fe->config;
  const fw_mel_fixed_config_t *const mel = config->mel_fixed;
  const uint32_t frames = config->window_frames, values = config->frame_values;
  fw_fixed_quantiser_t quantiser;
  const fw_status_t status = fw_fixed_quantiser_init(&quantiser, dtype, scale, zero_point,
                                                     (fw_rounding_t)config->rounding, mel->fraction_bits);
  if (status != FW_OK) return status;
  const int16_t *const slots = (const int16_t *)fe->frames;
  int32_t *const mean = (int32_t *)fe->work;
  const int by_mean = mel->normalisation == FW_NORMALISE_WINDOW_MEAN;
  for (uint32_t i = 0; i < values; i++) mean[i] = by_mean ? mean_of(slots + i, frames, values) : 0;
  uint32_t written = 0;
  for (uint32_t f = 0, slot = fe->next_frame; f < frames; f++) {
    const int16_t *const from = slots + slot * values;
    for (uint32_t i = 0; i < values; i++) {
      fw_fixed_quantiser_store(&quantiser, model_input, written++, from[i] - mean[i]);
    }
    if (++slot == frames) slot = 0;
  }
  return FW_OK;
}
