/* Guard samples: updates that make them worse are taken back. */
#include <string.h>

#include "fw_float.h"
#include "learn/learner.h"

FW_COLD bool fw_learner_check_next(fw_learner_t *l, uint32_t round) {
  const uint16_t label = l->guard_labels[l->guard_at];
  const fw_learner_answer_t answer =
      fw_learner_classify_row(l, l->guard + (uint32_t)l->guard_at * fw_learner_row(&l->config));
  if (l->target) {
    const float *const wanted = l->target + (l->guard_at + 1u) * (l->classes + 1u);
    if (fw_learner_error(l, wanted) <= wanted[l->classes]) ++l->correct[1]; /* false for NaN */
  } else if (label == FW_LEARNER_NEGATIVE) {
    /* Without a threshold nothing is ever rejected, and negatives say nothing. */
    if (answer.accepted && l->reject_below > 0.0f) ++l->false_accepts[round];
  } else if (answer.label == label) {
    ++l->correct[round];
  }
  return ++l->guard_at >= l->guard_count;
}

FW_COLD void fw_learner_guard_lesson(fw_learner_t *l) {
  const uint32_t bytes = fw_learner_row(&l->config);
  const uint32_t floats = l->classes + 1u;
  if (l->config.guard_samples == 0) return;
  const uint32_t index = l->guard_seen % l->config.guard_samples;
  l->guard_seen = (uint16_t)(index + 1u);
  if (l->guard_count <= index) ++l->guard_count;
  memcpy(l->guard + index * bytes, l->pending, bytes);
  memcpy(l->target + l->guard_seen * floats, l->target, sizeof(float) * floats);
}

FW_COLD fw_status_t fw_learner_guard(fw_learner_t *l, const int8_t *row, uint16_t label) {
  const uint32_t bytes = fw_learner_row(&l->config);
  if (label != FW_LEARNER_NEGATIVE && label >= fw_learner_labels(l)) return FW_E_ARGUMENT;
  if (l->phase != FW_PHASE_IDLE || l->config.guard_samples == 0 || l->target) return FW_E_STATE;
  uint32_t index = l->guard_count;
  if (l->guard_seen < 0xFFFFu) ++l->guard_seen;
  if (l->guard_count < l->config.guard_samples) {
    ++l->guard_count;
  } else {
    index = fw_learner_random(l) % l->guard_seen;
    if (index >= l->guard_count) return FW_OK;
  }
  memcpy(l->guard + index * bytes, row, bytes);
  l->guard_labels[index] = label;
  return FW_OK;
}

FW_COLD fw_status_t fw_learner_calibrate(fw_learner_t *l, uint16_t allowed) {
  if (l->phase != FW_PHASE_IDLE || l->target) return FW_E_STATE;
  const uint32_t bytes = fw_learner_row(&l->config);
  float threshold = 2.0f; /* above every probability */
  float next = 0.0f;
  uint32_t negatives = 0;
  for (uint32_t i = 0; i < l->guard_count; ++i) negatives += l->guard_labels[i] == FW_LEARNER_NEGATIVE;
  if (negatives == 0) return FW_E_STATE;
  /* Confidences in falling order, without memory to sort them in: the largest one below the last. */
  for (uint32_t accepted = 0; accepted <= allowed && threshold > 0.0f; threshold = next) {
    uint32_t equal = 0;
    next = 0.0f;
    for (uint32_t i = 0; i < l->guard_count; ++i) {
      if (l->guard_labels[i] != FW_LEARNER_NEGATIVE) continue;
      const float confidence = fw_learner_classify_row(l, l->guard + i * bytes).confidence;
      if (confidence >= threshold || confidence < next) continue;
      equal = confidence > next ? 1u : equal + 1u;
      next = confidence;
    }
    accepted += equal;
  }
  /* Answers must reach the threshold: just above the first negative that may not. */
  const float above = threshold + threshold * 1e-6f;
  l->reject_below = above < 1.0f ? above : 1.0f;
  return FW_OK;
}
