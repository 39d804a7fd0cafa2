/* What all front ends share: the caller's memory, the buffer of samples, the ring of frames. */
#include <stddef.h>
#include <string.h>

#include "features/mel.h"
#include "features/mel_fixed.h"
#include "features/micro.h"
#include "features/sensor.h"
#include "fw_float.h"
#include "fw_frontend.h"

#ifndef FW_FRONTEND_KINDS
#define FW_FRONTEND_KINDS 0xffffffffu
#endif
/* A constant 0 for a kind that is left out, so that nothing refers to its code. */
#define IS(config, which) ((FW_FRONTEND_KINDS & FW_FRONTEND_BIT(which)) != 0u && (config)->kind == (uint32_t)(which))

/* How the memory is divided; every part starts at a multiple of 8 bytes. */
typedef struct {
  uint32_t window_samples;
  uint32_t hop_samples;
  uint32_t samples_bytes;
  uint32_t work_bytes;
  uint32_t frames_bytes;
  uint32_t peaks_bytes;
  uint32_t gaps_bytes;
  uint32_t mean_bytes;
} layout_t;

static uint32_t aligned(uint32_t bytes) {
  return (bytes + 7u) & ~7u;
}

static fw_status_t check(const fw_frontend_config_t *config) {
  if (config == NULL || config->window_frames == 0u || config->window_frames > 4096u) return FW_E_ARGUMENT;
  if (config->rounding > FW_ROUND_TRUNCATE) return FW_E_ARGUMENT;
  if (IS(config, FW_FRONTEND_MEL)) return fw_mel_check(config);
  if (IS(config, FW_FRONTEND_MEL_FIXED)) return fw_mel_fixed_check(config);
  if (IS(config, FW_FRONTEND_MICRO)) return fw_micro_check(config);
  if (IS(config, FW_FRONTEND_SENSOR)) return fw_sensor_check(config);
  return FW_E_UNKNOWN;
}

static layout_t layout_of(const fw_frontend_config_t *config) {
  layout_t layout = {0, 0, 0, 0, 0, 0, 0, 0};
  if (IS(config, FW_FRONTEND_MEL)) {
    const fw_mel_config_t *const mel = config->mel;
    layout.window_samples = mel->window_samples;
    layout.hop_samples = mel->hop_samples;
    layout.work_bytes = ((uint32_t)mel->fft_size + mel->mel_count) * (uint32_t)sizeof(float);
    layout.frames_bytes = config->window_frames * fw_mel_ring_values(mel) * (uint32_t)sizeof(float);
    if (mel->normalisation == FW_NORMALISE_WINDOW_MAX) {
      layout.peaks_bytes = config->window_frames * (uint32_t)sizeof(int16_t);
    }
    if (mel->normalisation == FW_NORMALISE_RUNNING_MEAN) {
      layout.mean_bytes = config->frame_values * (uint32_t)sizeof(float);
    }
  }
  if (IS(config, FW_FRONTEND_MEL_FIXED)) {
    const fw_mel_fixed_config_t *const mel = config->mel_fixed;
    layout.window_samples = mel->window_samples;
    layout.hop_samples = mel->hop_samples;
    layout.work_bytes = fw_mel_fixed_work_bytes(mel);
    layout.frames_bytes = config->window_frames * config->frame_values * (uint32_t)sizeof(int16_t);
  }
  if (IS(config, FW_FRONTEND_MICRO)) {
    const fw_micro_config_t *const micro = config->micro;
    layout.window_samples = micro->window_samples;
    layout.hop_samples = micro->hop_samples;
    layout.work_bytes = fw_micro_work_bytes(micro);
    layout.frames_bytes = config->window_frames * micro->channel_count * (uint32_t)sizeof(uint16_t);
  }
  if (IS(config, FW_FRONTEND_SENSOR)) {
    const uint32_t channels = config->sensor->channel_count;
    layout.work_bytes = fw_sensor_history_rows(config->sensor) * channels * (uint32_t)sizeof(float);
    layout.frames_bytes = config->window_frames * config->frame_values * (uint32_t)sizeof(float);
    layout.gaps_bytes = channels * (uint32_t)sizeof(uint16_t);
  }
  layout.samples_bytes = aligned(layout.window_samples * (uint32_t)sizeof(int16_t));
  layout.work_bytes = aligned(layout.work_bytes);
  layout.frames_bytes = aligned(layout.frames_bytes);
  layout.peaks_bytes = aligned(layout.peaks_bytes);
  layout.gaps_bytes = aligned(layout.gaps_bytes);
  layout.mean_bytes = aligned(layout.mean_bytes);
  return layout;
}

static uint32_t total(const layout_t *layout) {
  return layout->samples_bytes + layout->work_bytes + layout->frames_bytes + layout->peaks_bytes + layout->gaps_bytes +
         layout->mean_bytes;
}

uint32_t fw_frontend_memory_bytes(const fw_frontend_config_t *config) {
  if (check(config) != FW_OK) return 0;
  const layout_t layout = layout_of(config);
  return total(&layout);
}

fw_status_t fw_frontend_init(fw_frontend_t *fe, const fw_frontend_config_t *config, void *memory,
                             uint32_t memory_bytes) {
  const fw_status_t status = check(config);
  if (status != FW_OK) return status;
  if (fe == NULL || memory == NULL || ((uintptr_t)memory & 7u) != 0u) return FW_E_ARGUMENT;
  const layout_t layout = layout_of(config);
  if (memory_bytes < total(&layout)) return FW_E_SPACE;
  uint8_t *at = (uint8_t *)memory;
  fe->config = config;
  fe->samples = (int16_t *)(void *)at;
  at += layout.samples_bytes;
  fe->work = at;
  at += layout.work_bytes;
  fe->frames = at;
  at += layout.frames_bytes;
  fe->peaks = (int16_t *)(void *)at;
  at += layout.peaks_bytes;
  fe->gaps = (uint16_t *)(void *)at;
  at += layout.gaps_bytes;
  fe->mean = (float *)(void *)at;
  fe->window_samples = layout.window_samples;
  fe->hop_samples = layout.hop_samples;
  fw_frontend_reset(fe);
  return FW_OK;
}

void fw_frontend_reset(fw_frontend_t *fe) {
  fe->filled = 0;
  fe->skip = 0;
  fe->next_frame = 0;
  fe->frame_count = 0;
  fe->before = 0;
  fe->next_row = 0;
  fe->mean_frames = 0;
  fe->repeats = 0;
  if (IS(fe->config, FW_FRONTEND_MICRO)) fw_micro_reset(fe);
  if (IS(fe->config, FW_FRONTEND_SENSOR)) fw_sensor_reset(fe);
}

void fw_frontend_fill(fw_frontend_t *fe) {
  const layout_t layout = layout_of(fe->config);
  memset(fe->frames, 0, layout.frames_bytes);
  memset(fe->peaks, 0, layout.peaks_bytes);
  fe->frame_count = fe->config->window_frames;
}

static void compute_frame(fw_frontend_t *fe) {
  if (IS(fe->config, FW_FRONTEND_MEL)) fw_mel_frame(fe);
  if (IS(fe->config, FW_FRONTEND_MEL_FIXED)) fw_mel_fixed_frame(fe);
  if (IS(fe->config, FW_FRONTEND_MICRO)) fw_micro_frame(fe);
}

/* Bytes of a frame in the ring. */
static uint32_t slot_bytes(const fw_frontend_config_t *config) {
  if (IS(config, FW_FRONTEND_MEL)) return fw_mel_ring_values(config->mel) * (uint32_t)sizeof(float);
  if (IS(config, FW_FRONTEND_MICRO)) return config->micro->channel_count * (uint32_t)sizeof(uint16_t);
  return config->frame_values * (uint32_t)(IS(config, FW_FRONTEND_SENSOR) ? sizeof(float) : sizeof(int16_t));
}

/* Counts how often the frame just made repeats the one before. In a ring of one it has taken the other's place. */
static void note_repeat(fw_frontend_t *fe) {
  const uint32_t bytes = slot_bytes(fe->config), newest = fe->next_frame;
  const uint32_t before = newest == 0u ? fe->config->window_frames - 1u : newest - 1u;
  const uint8_t *const frames = (const uint8_t *)fe->frames;
  if (fe->frame_count == 0u || newest == before ||
      memcmp(frames + newest * bytes, frames + before * bytes, bytes) != 0) {
    fe->repeats = 0;
  } else if (fe->repeats != UINT32_MAX) {
    fe->repeats++;
  }
}

static void frame_done(fw_frontend_t *fe) {
  note_repeat(fe);
  fe->next_frame = fe->next_frame + 1u == fe->config->window_frames ? 0u : fe->next_frame + 1u;
  if (fe->frame_count < fe->config->window_frames) fe->frame_count++;
}

/* To a lower or a distant address. Written out because the C library of small cores copies byte by byte. */
static void copy_samples(int16_t *to, const int16_t *from, uint32_t count) {
  if ((((uintptr_t)to | (uintptr_t)from) & 3u) == 0u) {
    for (; count >= 8u; count -= 8u, to += 8, from += 8) {
      uint32_t words[4];
      memcpy(words, __builtin_assume_aligned(from, 4), sizeof words);
      memcpy(__builtin_assume_aligned(to, 4), words, sizeof words);
    }
  }
  for (; count >= 4u; count -= 4u, to += 4, from += 4) {
    to[0] = from[0], to[1] = from[1], to[2] = from[2], to[3] = from[3];
  }
  while (count-- > 0u) *to++ = *from++;
}

/* Makes room for the next hop. */
static void advance(fw_frontend_t *fe) {
  if (fe->hop_samples >= fe->window_samples) {
    fe->skip = fe->hop_samples - fe->window_samples;
    fe->filled = 0;
    fe->before = fe->samples[fe->window_samples - 1u];
    return;
  }
  fe->before = fe->samples[fe->hop_samples - 1u];
  fe->filled = fe->window_samples - fe->hop_samples;
  copy_samples(fe->samples, fe->samples + fe->hop_samples, fe->filled);
}

uint32_t fw_frontend_push(fw_frontend_t *fe, const int16_t *samples, uint32_t count, int *frame_ready) {
  uint32_t taken = 0;
  *frame_ready = 0;
  if (fe->window_samples == 0u) return count; /* a sensor front end has no use for PCM */
  if (fe->skip > 0u && count > 0u) {
    taken = count < fe->skip ? count : fe->skip;
    fe->skip -= taken;
    fe->before = samples[taken - 1u];
  }
  const uint32_t room = fe->window_samples - fe->filled, left = count - taken;
  const uint32_t copied = left < room ? left : room;
  copy_samples(fe->samples + fe->filled, samples + taken, copied);
  fe->filled += copied;
  taken += copied;
  if (fe->filled == fe->window_samples) {
    compute_frame(fe);
    frame_done(fe);
    advance(fe);
    *frame_ready = 1;
  }
  return taken;
}

fw_status_t fw_frontend_push_row(fw_frontend_t *fe, const float *row, uint32_t count, int *frame_ready) {
  *frame_ready = 0;
  if (!IS(fe->config, FW_FRONTEND_SENSOR)) return FW_E_UNKNOWN;
  const fw_sensor_config_t *const sensor = fe->config->sensor;
  if (count != sensor->channel_count) return FW_E_ARGUMENT;
  if (!fw_sensor_frame(fe, row)) {
    fe->frame_count = 0;
    fe->skip = 0;
    return FW_OK;
  }
  frame_done(fe);
  if (fe->frame_count < fe->config->window_frames) return FW_OK;
  if (fe->skip == 0u) {
    *frame_ready = 1;
    fe->skip = sensor->hop_rows;
  }
  fe->skip--;
  return FW_OK;
}

uint32_t fw_frontend_frame_count(const fw_frontend_t *fe) {
  return fe->frame_count;
}

fw_dtype_t fw_frontend_dtype(const fw_frontend_config_t *config) {
  if (config->kind == FW_FRONTEND_MICRO) return FW_UINT16;
  return config->kind == FW_FRONTEND_MEL_FIXED ? FW_INT16 : FW_FLOAT32;
}

int fw_frontend_stands_still(const fw_frontend_t *fe, uint32_t frames) {
  const fw_frontend_config_t *const config = fe->config;
  if (IS(config, FW_FRONTEND_MEL) && config->mel->normalisation == FW_NORMALISE_WINDOW_MAX) return 0;
  if (fe->frame_count < config->window_frames) return 0;
  return (uint64_t)fe->repeats + 1u >= (uint64_t)config->window_frames + frames;
}

static uint32_t frame_bytes_of(const fw_frontend_config_t *config) {
  return config->frame_values * (fw_frontend_dtype(config) == FW_FLOAT32 ? 4u : 2u);
}

fw_status_t fw_frontend_read_frame(const fw_frontend_t *fe, void *values) {
  const fw_frontend_config_t *const config = fe->config;
  if (fe->frame_count == 0u) return FW_E_STATE;
  const uint32_t newest = (fe->next_frame == 0u ? config->window_frames : fe->next_frame) - 1u;
  if (IS(config, FW_FRONTEND_MEL) && config->mel->normalisation == FW_NORMALISE_WINDOW_MAX) {
    fw_mel_finish_frame(fe, newest, (float *)values);
    return FW_OK;
  }
  const uint32_t bytes = frame_bytes_of(config);
  memcpy(values, (const uint8_t *)fe->frames + newest * bytes, bytes);
  return FW_OK;
}

fw_status_t fw_frontend_write_window(const fw_frontend_t *fe, void *model_input, fw_dtype_t dtype, float scale,
                                     int32_t zero_point) {
  if (fe->frame_count < fe->config->window_frames) return FW_E_STATE;
  if (IS(fe->config, FW_FRONTEND_MEL)) {
    return fw_mel_write_window(fe, model_input, dtype, scale, zero_point);
  }
  if (IS(fe->config, FW_FRONTEND_MEL_FIXED)) {
    return fw_mel_fixed_write_window(fe, model_input, dtype, scale, zero_point);
  }
  if (IS(fe->config, FW_FRONTEND_MICRO)) {
    return fw_micro_write_window(fe, model_input, dtype);
  }
  if (IS(fe->config, FW_FRONTEND_SENSOR)) {
    return fw_sensor_write_window(fe, model_input, dtype, scale, zero_point);
  }
  return FW_E_UNKNOWN;
}

uint32_t fw_frontend_process(fw_frontend_t *fe, const int16_t *samples, uint32_t count, void *frames,
                             uint32_t max_frames) {
  uint8_t *out = (uint8_t *)frames;
  uint32_t done = 0;
  const uint32_t frame_bytes = frame_bytes_of(fe->config);
  fw_frontend_reset(fe);
  while (count > 0u) {
    int ready = 0;
    const uint32_t taken = fw_frontend_push(fe, samples, count, &ready);
    samples += taken;
    count -= taken;
    if (ready) {
      if (done < max_frames) (void)fw_frontend_read_frame(fe, out + done * frame_bytes);
      done++;
    }
  }
  return done;
}
