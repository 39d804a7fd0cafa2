#include "runtime/detector.h"

#include <stddef.h>
#include <string.h>

enum { COUNT_MOST = 65535 };

static int config_is_valid(const fw_detector_config_t *config) {
  if (config->class_count == 0u || config->class_count >= FW_NO_LABEL) return 0;
  if (config->class_count == 1u && config->mode != FW_DETECT_EVENTS) return 0;
  if (config->smoothing == 0u || config->smoothing > COUNT_MOST) return 0;
  if (config->minimum_count == 0u || config->minimum_count > config->smoothing) return 0;
  if (config->mode > FW_DETECT_EVERY || config->refractory_ms >= 0x80000000u) return 0;
  for (uint32_t i = 0; i < config->class_count; i++) {
    if (config->thresholds_q15[i] > FW_Q15_ONE) return 0;
  }
  return 1;
}

fw_status_t fw_detector_init(fw_detector_t *detector, const fw_detector_config_t *config, void *memory,
                             uint32_t memory_bytes) {
  const uint32_t classes = config->class_count;
  uint8_t *next = (uint8_t *)memory;
  if (!config_is_valid(config)) return FW_E_ARGUMENT;
  if (memory_bytes < FW_DETECTOR_BYTES((uint64_t)classes, config->smoothing)) return FW_E_SPACE;
  detector->config = config;
  detector->sums = (uint32_t *)memory;
  next += classes * sizeof(uint32_t);
  detector->history = (uint16_t *)(void *)next;
  next += classes * config->smoothing * sizeof(uint16_t);
  detector->thresholds_q15 = (uint16_t *)(void *)next;
  next += classes * sizeof(uint16_t);
  detector->fired = next;
  memcpy(detector->thresholds_q15, config->thresholds_q15, classes * sizeof(uint16_t));
  fw_detector_reset(detector);
  return FW_OK;
}

void fw_detector_reset(fw_detector_t *detector) {
  const uint32_t classes = detector->config->class_count;
  memset(detector->sums, 0, classes * sizeof(uint32_t));
  memset(detector->history, 0, classes * detector->config->smoothing * sizeof(uint16_t));
  memset(detector->fired, 0, classes);
  detector->count = 0;
  detector->next = 0;
  detector->last_ms = 0;
  detector->has_last = 0;
  detector->state = FW_NO_LABEL;
}

fw_status_t fw_detector_set_threshold(fw_detector_t *detector, uint32_t label, uint32_t threshold_q15) {
  if (label >= detector->config->class_count || threshold_q15 > FW_Q15_ONE) return FW_E_ARGUMENT;
  detector->thresholds_q15[label] = (uint16_t)threshold_q15;
  return FW_OK;
}

uint32_t fw_detector_smoothed(const fw_detector_t *detector, uint32_t label) {
  return detector->count == 0u ? 0u : (detector->sums[label] + detector->count / 2u) / detector->count;
}

/* The sums stay exact: at most 65535 inferences of at most 65535 each. */
static void remember(fw_detector_t *detector, const uint16_t *posteriors_q15) {
  const uint32_t classes = detector->config->class_count;
  uint16_t *row = detector->history + (size_t)detector->next * classes;
  for (uint32_t i = 0; i < classes; i++) {
    detector->sums[i] += posteriors_q15[i];
    detector->sums[i] -= row[i]; /* the oldest, or 0 while the history fills */
    row[i] = posteriors_q15[i];
  }
  detector->next = detector->next + 1u == detector->config->smoothing ? 0u : detector->next + 1u;
  if (detector->count < detector->config->smoothing) detector->count++;
}

static uint32_t top_class(const fw_detector_t *detector) {
  uint32_t top = 0;
  for (uint32_t i = 1; i < detector->config->class_count; i++) {
    if (detector->sums[i] > detector->sums[top]) top = i;
  }
  return top;
}

/* Whether `top` is high enough, and long enough after the last time. */
static int qualifies(const fw_detector_t *detector, uint32_t top, uint32_t t_ms) {
  if (detector->count < detector->config->minimum_count) return 0;
  if (fw_detector_smoothed(detector, top) < detector->thresholds_q15[top]) return 0;
  return detector->has_last == 0u || t_ms - detector->last_ms >= detector->config->refractory_ms;
}

static void mark(fw_detector_t *detector, uint32_t t_ms) {
  detector->last_ms = t_ms;
  detector->has_last = 1;
}

static void release(fw_detector_t *detector) {
  for (uint32_t i = 0; i < detector->config->class_count; i++) {
    const uint32_t smoothed = fw_detector_smoothed(detector, i);
    if (smoothed == 0u || smoothed + detector->config->release_q15 < detector->thresholds_q15[i]) {
      detector->fired[i] = 0;
    }
  }
}

static int event(fw_detector_t *detector, uint32_t top, uint32_t t_ms) {
  release(detector);
  if (detector->config->background[top] != 0u || detector->fired[top] != 0u) return 0;
  if (!qualifies(detector, top, t_ms)) return 0;
  detector->fired[top] = 1;
  mark(detector, t_ms);
  return 1;
}

static int state_changed(fw_detector_t *detector, uint32_t top, uint32_t t_ms) {
  const int is_first = detector->config->mode == FW_DETECT_EVERY && detector->state == FW_NO_LABEL;
  if (top == detector->state || !(is_first || qualifies(detector, top, t_ms))) return 0;
  detector->state = (uint16_t)top;
  mark(detector, t_ms);
  return 1;
}

int fw_detector_push(fw_detector_t *detector, const uint16_t *posteriors_q15, uint32_t t_ms,
                     fw_detection_t *detection) {
  uint32_t label;
  int reported;
  remember(detector, posteriors_q15);
  label = top_class(detector);
  if (detector->config->mode == FW_DETECT_EVENTS) {
    reported = event(detector, label, t_ms);
  } else {
    reported = state_changed(detector, label, t_ms);
    if (detector->config->mode == FW_DETECT_EVERY) {
      label = detector->state;
      reported = 1;
    }
    reported = reported && detector->config->background[label] == 0u;
  }
  if (!reported) return 0;
  detection->t_ms = t_ms;
  detection->label = (uint16_t)label;
  detection->confidence_q15 = (uint16_t)fw_detector_smoothed(detector, label);
  return 1;
}
