/* Log-mel and MFCC in float32.
 *
 * The maximum of the window (FW_NORMALISE_WINDOW_MAX) is known only when the window is complete. Dividing the
 * PCM by it divides every mel energy by it (its square for a power spectrum), so the ring keeps the energies
 * and only logarithm and DCT are done again for each window: no PCM of a second, no second FFT. */
#include "features/mel.h"

#include <stddef.h>

#include "features/bit_reverse.h"
#include "features/inline.h"
#include "features/quantise.h"
#include "features/rfft_f32.h"
#include "features/sqrt_f32.h"
#include "fw_float.h"
#include "fw_math.h"

fw_status_t fw_mel_check(const fw_frontend_config_t *config) {
  const fw_mel_config_t *const mel = config->mel;
  if (mel == NULL) return FW_E_ARGUMENT;
  const uint32_t size = mel->fft_size;
  if (size < FW_RFFT_MINIMUM || size > FW_RFFT_MAXIMUM || (size & (size - 1u)) != 0u) return FW_E_ARGUMENT;
  if (mel->window_samples == 0u || mel->window_samples > size || mel->hop_samples == 0u) return FW_E_ARGUMENT;
  if (mel->mel_count == 0u || mel->mel_count > size / 2u || mel->coefficient_count > mel->mel_count)
    return FW_E_ARGUMENT;
  if (mel->window == NULL || mel->sine == NULL || mel->mel_weights == NULL || mel->mel_bins == NULL)
    return FW_E_ARGUMENT;
  if (mel->coefficient_count != 0u && mel->dct == NULL) return FW_E_ARGUMENT;
  if (mel->spectrum > FW_SPECTRUM_POWER || mel->normalisation > FW_NORMALISE_RUNNING_MEAN) return FW_E_ARGUMENT;
  if (mel->normalisation == FW_NORMALISE_RUNNING_MEAN && mel->running_frames == 0u) return FW_E_ARGUMENT;
  if (!(mel->energy_floor >= 0.0f) || !(mel->energy_floor + mel->energy_offset > 0.0f)) return FW_E_ARGUMENT;
  if (mel->normalisation == FW_NORMALISE_WINDOW_MAX && mel->hop_samples > mel->window_samples) return FW_E_ARGUMENT;
  uint32_t bins = 0;
  for (uint32_t m = 0; m <= mel->mel_count; m++) bins += mel->mel_bins[m];
  if (bins == 0u || bins != mel->bin_count || mel->first_bin == 0u || mel->first_bin + bins > size / 2u)
    return FW_E_ARGUMENT;
  const uint32_t values = mel->coefficient_count != 0u ? mel->coefficient_count : mel->mel_count;
  return config->frame_values == values ? FW_OK : FW_E_ARGUMENT;
}

uint32_t fw_mel_ring_values(const fw_mel_config_t *mel) {
  if (mel->normalisation == FW_NORMALISE_WINDOW_MAX || mel->coefficient_count == 0u) return mel->mel_count;
  return mel->coefficient_count;
}

/* One windowed pair of samples. */
FW_ALWAYS_INLINE void put_pair(float *to, const int16_t *samples, const float *window, int emphasise,
                               float pre_emphasis, float *previous) {
  const float even = (float)samples[0], odd = (float)samples[1];
  if (emphasise) {
    to[0] = (even - pre_emphasis * *previous) * window[0];
    to[1] = (odd - pre_emphasis * even) * window[1];
    *previous = odd;
  } else {
    to[0] = even * window[0];
    to[1] = odd * window[1];
  }
}

/* Window and the FFT's permutation in one pass, eight pairs at a time: their places lie an eighth of the buffer apart.
 * Returns how many samples were taken. */
FW_ALWAYS_INLINE uint32_t put_eights(const fw_mel_config_t *mel, const int16_t *samples, float *work, int emphasise,
                                     float *previous, uint32_t *place) {
  const uint32_t eighth = mel->fft_size / 8u; /* in floats */
  const float *window = mel->window;
  const float pre_emphasis = mel->pre_emphasis;
  uint32_t at = 0;
  for (; at + 16u <= mel->window_samples; at += 16u) {
    float *const to = work + 2u * *place;
    put_pair(to, samples, window, emphasise, pre_emphasis, previous);
    put_pair(to + 4u * eighth, samples + 2, window + 2, emphasise, pre_emphasis, previous);
    put_pair(to + 2u * eighth, samples + 4, window + 4, emphasise, pre_emphasis, previous);
    put_pair(to + 6u * eighth, samples + 6, window + 6, emphasise, pre_emphasis, previous);
    put_pair(to + eighth, samples + 8, window + 8, emphasise, pre_emphasis, previous);
    put_pair(to + 5u * eighth, samples + 10, window + 10, emphasise, pre_emphasis, previous);
    put_pair(to + 3u * eighth, samples + 12, window + 12, emphasise, pre_emphasis, previous);
    put_pair(to + 7u * eighth, samples + 14, window + 14, emphasise, pre_emphasis, previous);
    samples += 16;
    window += 16;
    *place = fw_bit_reverse_next(*place, mel->fft_size / 32u);
  }
  return at;
}

/* Pre-emphasis, window, zeros behind it. */
static void window_samples(const fw_mel_config_t *mel, const int16_t *samples, int16_t before, float *work) {
  float previous = (float)before;
  uint32_t place = 0;
  uint32_t at = mel->pre_emphasis != 0.0f ? put_eights(mel, samples, work, 1, &previous, &place)
                                          : put_eights(mel, samples, work, 0, &previous, &place);
  /* The rest, pair by pair. Places of the pairs in a group of eight are offsets in bit-reversed order. */
  while (at < mel->fft_size) {
    uint32_t offset = 0;
    for (uint32_t end = at + 16u; at < end; at += 2u) {
      float *const to = work + 2u * (place + offset);
      int16_t pair[2] = {0, 0};
      float window[2] = {0.0f, 0.0f};
      for (uint32_t i = 0; i < 2u && at + i < mel->window_samples; i++) {
        pair[i] = samples[at + i];
        window[i] = mel->window[at + i];
      }
      put_pair(to, pair, window, 1, mel->pre_emphasis, &previous);
      offset = fw_bit_reverse_next(offset, mel->fft_size / 4u);
    }
    place = fw_bit_reverse_next(place, mel->fft_size / 32u);
  }
}

/* Bins between two centres: `upper` goes to the band whose centre is above them, the rest to the band below.
 */
static void mel_energies(const fw_mel_config_t *mel, const float *work, float *energies) {
  const float *weight = mel->mel_weights;
  const float *power = work + 2u * mel->first_bin;
  const int magnitude = mel->spectrum == FW_SPECTRUM_MAGNITUDE;
  float rising = 0.0f;
  for (uint32_t m = 0; m <= mel->mel_count; m++) {
    float upper = 0.0f, all = 0.0f;
    for (uint32_t n = mel->mel_bins[m]; n > 0u; n--) {
      float x = *power;
      if (magnitude) x = fw_sqrtf_inline(x);
      power += 2;
      upper += *weight++ * x;
      all += x;
    }
    if (m > 0u) energies[m - 1u] = (rising + (all - upper)) * mel->energy_scale;
    rising = upper;
  }
}

/* `logs` may be the energies themselves; `gain` multiplies them first. */
static void log_energies(const fw_mel_config_t *mel, const float *energies, float gain, float *logs) {
  for (uint32_t m = 0; m < mel->mel_count; m++) {
    float energy = energies[m] * gain;
    if (!(energy > mel->energy_floor)) energy = mel->energy_floor;
    float value = mel->log_scale * fw_logf(energy + mel->energy_offset) + mel->log_offset;
    if (value < mel->clip_low) value = mel->clip_low;
    if (value > mel->clip_high) value = mel->clip_high;
    logs[m] = value;
  }
}

/* Row k of the DCT is even (k even) or odd about its middle: half the table and half the products. The folded
 * sums replace the logs: sums in the first half, differences (outermost last) in the second. */
static void dct(const fw_mel_config_t *mel, float *logs, float *coefficients) {
  const uint32_t count = mel->mel_count, half = (count + 1u) / 2u, pairs = count / 2u;
  for (uint32_t i = 0; i < pairs; i++) {
    const float low = logs[i], high = logs[count - 1u - i];
    logs[i] = low + high;
    logs[count - 1u - i] = low - high;
  }
  const float *row = mel->dct;
  for (uint32_t k = 0; k < mel->coefficient_count; k++, row += half) {
    float sum = 0.0f;
    if ((k & 1u) == 0u) {
      for (uint32_t i = 0; i < half; i++) sum += row[i] * logs[i];
    } else {
      for (uint32_t i = 0; i < pairs; i++) sum += row[i] * logs[count - 1u - i];
    }
    coefficients[k] = sum;
  }
}

/* Energies to a frame's values; `logs` is scratch of mel_count floats and may be the energies themselves. */
static void finish_frame(const fw_mel_config_t *mel, const float *energies, float gain, float *logs, float *values) {
  if (mel->coefficient_count == 0u) {
    log_energies(mel, energies, gain, values);
  } else {
    log_energies(mel, energies, gain, logs);
    dct(mel, logs, values);
  }
}

static int16_t largest_of(const int16_t *samples, uint32_t count, int16_t largest) {
  for (uint32_t i = 0; i < count; i++) {
    if (samples[i] > largest) largest = samples[i];
  }
  return largest;
}

/* FW_NORMALISE_RUNNING_MEAN. */
static void subtract_running_mean(fw_frontend_t *fe, float *values) {
  if (fe->mean_frames < fe->config->mel->running_frames) fe->mean_frames++;
  const float frames = (float)fe->mean_frames;
  for (uint32_t i = 0; i < fe->config->frame_values; i++) {
    /* The first frame is its own mean: what the memory held before does not count. */
    const float before = fe->mean_frames == 1u ? 0.0f : fe->mean[i];
    fe->mean[i] = before + (values[i] - before) / frames;
    values[i] -= fe->mean[i];
  }
}

void fw_mel_frame(fw_frontend_t *fe) {
  const fw_mel_config_t *const mel = fe->config->mel;
  float *const work = (float *)fe->work;
  float *const slot = (float *)fe->frames + fe->next_frame * fw_mel_ring_values(mel);
  window_samples(mel, fe->samples, fe->before, work);
  fw_rfft_f32_power(work, mel->fft_size, mel->sine, mel->first_bin, mel->first_bin + mel->bin_count - 1u);
  if (mel->normalisation == FW_NORMALISE_WINDOW_MAX) {
    mel_energies(mel, work, slot);
    fe->peaks[fe->next_frame] = largest_of(fe->samples, mel->hop_samples, INT16_MIN);
  } else {
    float *const energies = work + mel->fft_size;
    mel_energies(mel, work, energies);
    finish_frame(mel, energies, 1.0f, energies, slot);
    if (mel->normalisation == FW_NORMALISE_RUNNING_MEAN) subtract_running_mean(fe, slot);
  }
}

/* What the energies are multiplied by for FW_NORMALISE_WINDOW_MAX. The hops' largest samples and what has
 * come in since the newest frame's hop cover everything from the oldest frame on. */
static float window_gain(const fw_frontend_t *fe) {
  const int16_t in_hops = largest_of(fe->peaks, fe->config->window_frames, INT16_MIN);
  const int32_t largest = largest_of(fe->samples, fe->filled, in_hops);
  if (largest == 0) return 1.0f;
  const float gain = 32768.0f / (float)(largest < 0 ? -largest : largest);
  return fe->config->mel->spectrum == FW_SPECTRUM_POWER ? gain * gain : gain;
}

void fw_mel_finish_frame(const fw_frontend_t *fe, uint32_t slot, float *values) {
  const fw_mel_config_t *const mel = fe->config->mel;
  finish_frame(mel, (const float *)fe->frames + slot * fw_mel_ring_values(mel), 1.0f, (float *)fe->work, values);
}

fw_status_t fw_mel_write_window(const fw_frontend_t *fe, void *model_input, fw_dtype_t dtype, float scale,
                                int32_t zero_point) {
  const fw_frontend_config_t *const config = fe->config;
  const fw_mel_config_t *const mel = config->mel;
  const uint32_t frames = config->window_frames, values = config->frame_values, ring = fw_mel_ring_values(mel);
  fw_quantiser_t quantiser;
  const fw_status_t status = fw_quantiser_init(&quantiser, dtype, scale, zero_point, (fw_rounding_t)config->rounding);
  if (status != FW_OK) return status;

  float *const logs = (float *)fe->work;      /* one frame's log energies … */
  float *const frame = logs + mel->mel_count; /* … its values … */
  float *const mean = (float *)fe->work;      /* … or the window's means */
  const int by_maximum = mel->normalisation == FW_NORMALISE_WINDOW_MAX;
  const int by_mean = mel->normalisation == FW_NORMALISE_WINDOW_MEAN;
  const float gain = by_maximum ? window_gain(fe) : 1.0f;
  const float *const slots = (const float *)fe->frames;
  if (by_mean) {
    for (uint32_t i = 0; i < values; i++) mean[i] = 0.0f;
    for (uint32_t f = 0, slot = fe->next_frame; f < frames; f++) {
      for (uint32_t i = 0; i < values; i++) mean[i] += slots[slot * ring + i];
      if (++slot == frames) slot = 0;
    }
    for (uint32_t i = 0; i < values; i++) mean[i] /= (float)frames;
  }
  uint32_t written = 0;
  for (uint32_t f = 0, slot = fe->next_frame; f < frames; f++) {
    const float *from = slots + slot * ring;
    if (by_maximum) {
      finish_frame(mel, from, gain, logs, frame);
      from = frame;
    }
    for (uint32_t i = 0; i < values; i++) {
      fw_quantiser_store(&quantiser, model_input, written++, by_mean ? from[i] - mean[i] : from[i]);
    }
    if (++slot == frames) slot = 0;
  }
  return FW_OK;
}
