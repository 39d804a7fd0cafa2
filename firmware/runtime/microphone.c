#include "runtime/microphone.h"

enum { MEAN_SHIFT = 10, MEAN_FRACTION = 14 };

/* Largest integer whose square is not above `value`. */
static uint32_t square_root(uint64_t value) {
  uint64_t root = 0;
  for (uint64_t bit = (uint64_t)1 << 62; bit != 0u; bit >>= 2) {
    if (value >= root + bit) {
      value -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return (uint32_t)root;
}

void fw_microphone_init(fw_microphone_t *microphone, const fw_microphone_config_t *config) {
  microphone->config = config;
  fw_microphone_reset(microphone);
}

void fw_microphone_reset(fw_microphone_t *microphone) {
  microphone->mean_q14 = 0;
  microphone->squares = 0;
  microphone->measured = 0;
  microphone->peak = 0;
  microphone->level_rms = 0;
  microphone->level_peak = 0;
  microphone->clipped = 0;
}

static void measure(fw_microphone_t *microphone, int32_t sample) {
  const uint32_t size = (uint32_t)(sample < 0 ? -sample : sample);
  if (size > microphone->peak) microphone->peak = size;
  microphone->squares += (uint64_t)size * size;
  microphone->measured++;
  if (microphone->measured < microphone->config->level_samples) return;
  microphone->level_rms = square_root(microphone->squares / microphone->measured);
  microphone->level_peak = microphone->peak;
  microphone->squares = 0;
  microphone->measured = 0;
  microphone->peak = 0;
}

void fw_microphone_process(fw_microphone_t *microphone, const int16_t *in, int16_t *out, uint32_t count) {
  const fw_microphone_config_t *config = microphone->config;
  for (uint32_t i = 0; i < count; i++) {
    int64_t sample = in[i];
    int clipped = sample == INT16_MAX || sample == INT16_MIN;
    if (config->remove_dc != 0u) {
      /* mean += (sample - mean) / 1024, with 14 fraction bits; division rather than shift: defined for
       * negatives. */
      microphone->mean_q14 += ((int32_t)in[i] * (1 << MEAN_FRACTION) - microphone->mean_q14) / (1 << MEAN_SHIFT);
      sample -= microphone->mean_q14 / (1 << MEAN_FRACTION);
    }
    if (config->gain_q8 != FW_GAIN_ONE) sample = sample * (int64_t)config->gain_q8 / (int64_t)FW_GAIN_ONE;
    if (sample > INT16_MAX || sample < INT16_MIN) {
      sample = sample > INT16_MAX ? INT16_MAX : INT16_MIN;
      clipped = 1;
    }
    microphone->clipped += (uint32_t)clipped;
    out[i] = (int16_t)sample;
    measure(microphone, (int32_t)sample);
  }
}
