/* The micro front end from channel energies to features: noise reduction, automatic gain control, logarithm.
 */
#include "features/channel_math.h"
#include "features/micro.h"
#include "fw_float.h"

#define SUBTRACTION_BITS 14

/* Subtracts the estimate of stationary noise, which follows the signal slowly. */
static uint32_t reduce_noise(const fw_micro_config_t *micro, uint32_t signal, uint32_t smoothing, uint32_t *noise) {
  const uint32_t scaled = signal << micro->smoothing_bits;
  const uint64_t mixed = (uint64_t)scaled * smoothing + (uint64_t)*noise * ((1u << SUBTRACTION_BITS) - smoothing);
  *noise = (uint32_t)(mixed >> SUBTRACTION_BITS);
  const uint32_t floor = (uint32_t)(((uint64_t)signal * micro->min_signal) >> SUBTRACTION_BITS);
  const uint32_t estimate = *noise < scaled ? *noise : scaled;
  const uint32_t rest = (scaled - estimate) >> micro->smoothing_bits;
  return rest > floor ? rest : floor;
}

void fw_micro_channels(const fw_micro_config_t *micro, uint32_t *noise, const uint32_t *channels, uint16_t *features) {
  for (uint32_t c = 0; c < micro->channel_count; c++) {
    const uint32_t smoothing = (c & 1u) == 0u ? micro->smoothing_even : micro->smoothing_odd;
    const uint32_t signal = reduce_noise(micro, channels[c], smoothing, &noise[c]);
    const uint32_t gain = (uint32_t)fw_channel_gain(micro->gain, noise[c]);
    const uint32_t snr = (uint32_t)(((uint64_t)signal * gain) >> micro->snr_shift);
    const uint32_t value = fw_channel_shrink(snr) << micro->correction_bits;
    const uint32_t feature = value > 1u ? fw_channel_logarithm(micro->logarithm, micro->log_scale, value) : 0u;
    features[c] = (uint16_t)(feature < 0xffffu ? feature : 0xffffu);
  }
}

fw_status_t fw_micro_write_window(const fw_frontend_t *fe, void *model_input, fw_dtype_t dtype) {
  const fw_frontend_config_t *const config = fe->config;
  const uint32_t frames = config->window_frames, values = config->frame_values;
  if (dtype != FW_INT8 && dtype != FW_UINT16 && dtype != FW_FLOAT32) return FW_E_ARGUMENT;
  uint32_t at = 0;
  for (uint32_t f = 0, slot = fe->next_frame; f < frames; f++) {
    const uint16_t *const from = (const uint16_t *)fe->frames + slot * values;
    for (uint32_t i = 0; i < values; i++, at++) {
      if (dtype == FW_INT8) {
        const int32_t scaled = ((int32_t)from[i] * 256 + 333) / 666 - 128;
        ((int8_t *)model_input)[at] = (int8_t)(scaled < 127 ? scaled : 127);
      } else if (dtype == FW_UINT16) {
        ((uint16_t *)model_input)[at] = from[i];
      } else {
        ((float *)model_input)[at] = (float)from[i] * 0.0390625f;
      }
    }
    if (++slot == frames) slot = 0;
  }
  return FW_OK;
}
