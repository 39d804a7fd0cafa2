/* Windows over rows of sensor values: missing values, normalisation, differences. */
#include "features/sensor.h"

#include <stddef.h>

#include "features/quantise.h"
#include "fw_float.h"
#include "fw_math.h"

#define CHANNELS_MAXIMUM    1024u
#define DIFFERENCES_MAXIMUM 16u

fw_status_t fw_sensor_check(const fw_frontend_config_t *config) {
  const fw_sensor_config_t *const sensor = config->sensor;
  if (sensor == NULL) return FW_E_ARGUMENT;
  if (sensor->channel_count == 0u || sensor->channel_count > CHANNELS_MAXIMUM) return FW_E_ARGUMENT;
  if (sensor->hop_rows == 0u || sensor->difference_count > DIFFERENCES_MAXIMUM) return FW_E_ARGUMENT;
  if (sensor->missing > FW_MISSING_FILL || sensor->missing_limit == UINT16_MAX) return FW_E_ARGUMENT;
  if (sensor->offset == NULL || sensor->gain == NULL) return FW_E_ARGUMENT;
  if (sensor->missing == FW_MISSING_FILL && sensor->fill == NULL) return FW_E_ARGUMENT;
  if (sensor->difference_count > 0u && (sensor->difference_rows == NULL || sensor->difference_gain == NULL)) {
    return FW_E_ARGUMENT;
  }
  for (uint32_t d = 0; d < sensor->difference_count; d++) {
    if (sensor->difference_rows[d] == 0u || sensor->difference_rows[d] > 4096u) return FW_E_ARGUMENT;
  }
  if (sensor->activity_count > DIFFERENCES_MAXIMUM) return FW_E_ARGUMENT;
  if (sensor->activity_count > 0u && (sensor->activity_rows == NULL || sensor->activity_floor == NULL ||
                                      sensor->activity_offset == NULL || sensor->activity_gain == NULL)) {
    return FW_E_ARGUMENT;
  }
  for (uint32_t a = 0; a < sensor->activity_count; a++) {
    if (sensor->activity_rows[a] == 0u || sensor->activity_rows[a] > 4096u) return FW_E_ARGUMENT;
  }
  const uint32_t values = (uint32_t)sensor->channel_count * (1u + sensor->difference_count + sensor->activity_count);
  return config->frame_values == values ? FW_OK : FW_E_ARGUMENT;
}

uint32_t fw_sensor_history_rows(const fw_sensor_config_t *sensor) {
  uint32_t longest = 0;
  for (uint32_t d = 0; d < sensor->difference_count; d++) {
    if (sensor->difference_rows[d] > longest) longest = sensor->difference_rows[d];
  }
  for (uint32_t a = 0; a < sensor->activity_count; a++) {
    if (sensor->activity_rows[a] > longest) longest = sensor->activity_rows[a];
  }
  return longest + 1u;
}

/* fe->work holds the history (a ring of rows), fe->gaps per channel how many values in a row were missing. */
void fw_sensor_reset(fw_frontend_t *fe) {
  const fw_sensor_config_t *const sensor = fe->config->sensor;
  fe->next_row = 0;
  fe->filled = 0;
  /* Nothing is known yet, so there is nothing to hold: as if the gap were already too long. */
  for (uint32_t c = 0; c < sensor->channel_count; c++) {
    fe->gaps[c] = sensor->missing == FW_MISSING_HOLD ? UINT16_MAX : 0u;
  }
}

static int is_finite(float value) {
  return value - value == 0.0f;
}

static float clamped(float value, float low, float high) {
  if (value < low) return low;
  return value > high ? high : value;
}

/* Takes a row into the history, its missing values replaced; returns 0 when a gap is longer than the limit.
 */
static int take_row(fw_frontend_t *fe, const float *row, float *slot, const float *newest) {
  const fw_sensor_config_t *const sensor = fe->config->sensor;
  int usable = 1;
  for (uint32_t c = 0; c < sensor->channel_count; c++) {
    if (is_finite(row[c])) {
      slot[c] = clamped(row[c], sensor->input_low, sensor->input_high);
      fe->gaps[c] = 0;
      continue;
    }
    if (fe->gaps[c] < UINT16_MAX) fe->gaps[c]++;
    slot[c] = sensor->missing == FW_MISSING_FILL ? sensor->fill[c] : newest[c];
    if (fe->gaps[c] > sensor->missing_limit) usable = 0;
  }
  return usable;
}

static float clipped(const fw_sensor_config_t *sensor, float value) {
  return clamped(value, sensor->clip_low, sensor->clip_high);
}

/* Of a channel from row to row, over so many rows up to the one at ring slot `at`, newest first. */
static float mean_change(const fw_frontend_t *fe, uint32_t at, uint32_t channel, uint32_t count) {
  const fw_sensor_config_t *const sensor = fe->config->sensor;
  const uint32_t channels = sensor->channel_count, rows = fw_sensor_history_rows(sensor);
  const float *const history = (const float *)fe->work;
  float later = history[at * channels + channel];
  float sum = 0.0f;
  for (uint32_t i = 0; i < count; i++) {
    at = at == 0u ? rows - 1u : at - 1u;
    const float earlier = history[at * channels + channel];
    sum += later > earlier ? later - earlier : earlier - later;
    later = earlier;
  }
  return sum / (float)count;
}

int fw_sensor_frame(fw_frontend_t *fe, const float *row) {
  const fw_sensor_config_t *const sensor = fe->config->sensor;
  const uint32_t channels = sensor->channel_count, rows = fw_sensor_history_rows(sensor);
  const uint32_t at = fe->next_row;
  float *const history = (float *)fe->work;
  float *const slot = history + at * channels;
  const float *const newest = history + (at == 0u ? rows - 1u : at - 1u) * channels;
  const int usable = take_row(fe, row, slot, newest);
  fe->next_row = at + 1u == rows ? 0u : at + 1u;
  if (!usable) {
    fe->filled = 0; /* neither a difference nor a window reaches across the gap */
    return 0;
  }
  if (fe->filled < rows) fe->filled++;
  if (fe->filled < rows) return 0;

  float *frame = (float *)fe->frames + fe->next_frame * fe->config->frame_values;
  for (uint32_t c = 0; c < channels; c++) {
    *frame++ = clipped(sensor, (slot[c] - sensor->offset[c]) * sensor->gain[c]);
  }
  const float *gain = sensor->difference_gain;
  for (uint32_t d = 0; d < sensor->difference_count; d++) {
    const uint32_t back = sensor->difference_rows[d];
    const float *const earlier = history + (at >= back ? at - back : at + rows - back) * channels;
    for (uint32_t c = 0; c < channels; c++) *frame++ = clipped(sensor, (slot[c] - earlier[c]) * *gain++);
  }
  for (uint32_t a = 0; a < sensor->activity_count; a++) {
    for (uint32_t c = 0; c < channels; c++) {
      const float level = fw_logf(mean_change(fe, at, c, sensor->activity_rows[a]) + sensor->activity_floor[c]);
      const uint32_t i = a * channels + c;
      *frame++ = clipped(sensor, (level - sensor->activity_offset[i]) * sensor->activity_gain[i]);
    }
  }
  return 1;
}

fw_status_t fw_sensor_write_window(const fw_frontend_t *fe, void *model_input, fw_dtype_t dtype, float scale,
                                   int32_t zero_point) {
  const fw_frontend_config_t *const config = fe->config;
  fw_quantiser_t quantiser;
  const fw_status_t status = fw_quantiser_init(&quantiser, dtype, scale, zero_point, (fw_rounding_t)config->rounding);
  if (status != FW_OK) return status;
  uint32_t written = 0;
  for (uint32_t f = 0, slot = fe->next_frame; f < config->window_frames; f++) {
    const float *const from = (const float *)fe->frames + slot * config->frame_values;
    for (uint32_t i = 0; i < config->frame_values; i++) {
      fw_quantiser_store(&quantiser, model_input, written++, from[i]);
    }
    if (++slot == config->window_frames) slot = 0;
  }
  return FW_OK;
}
