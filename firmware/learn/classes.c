/* The class table: classes may be added, removed and renamed while the device runs. */
#include <string.h>

#include "fw_float.h"
#include "learn/learner.h"

/* A name of 1 to FW_LEARNER_NAME_BYTES - 1 bytes that no class has. */
FW_COLD static bool is_new_name(const fw_learner_t *l, const char *name) {
  uint32_t length = 0;
  while (length < FW_LEARNER_NAME_BYTES && name[length]) ++length;
  if (length == 0 || length >= FW_LEARNER_NAME_BYTES) return false;
  for (uint32_t c = 0; c < l->classes; ++c) {
    if (strcmp(l->table[c].name, name) == 0) return false;
  }
  return true;
}

/* `name` has been found to fit. The rest is zero, so that equal tables are equal bytes. */
FW_COLD static void set_name(fw_learner_class_t *entry, const char *name) {
  memset(entry->name, 0, sizeof entry->name);
  memcpy(entry->name, name, strlen(name));
}

FW_COLD static bool is_changeable(const fw_learner_t *l) {
  return l->phase == FW_PHASE_IDLE && !l->target && !fw_learner_is_pair(l);
}

FW_COLD fw_status_t fw_learner_add_class(fw_learner_t *l, const char *name, uint16_t *label) {
  if (!is_changeable(l)) return FW_E_STATE;
  if (!is_new_name(l, name)) return FW_E_ARGUMENT;
  if (l->classes >= l->config.classes_most) return FW_E_SPACE;
  /* Rows behind the last class are zero, in the head and in its velocity. */
  const uint32_t c = l->classes++;
  fw_learner_class_t *const entry = &l->table[c];
  memset(entry, 0, sizeof *entry);
  set_name(entry, name);
  entry->anchor = FW_LEARNER_NO_ANCHOR;
  *label = (uint16_t)c;
  return FW_OK;
}

FW_COLD static void remove_row(fw_learner_t *l, float *matrix, uint32_t c) {
  const uint32_t features = l->config.features;
  const uint32_t behind = (uint32_t)l->classes - c - 1u;
  float *const bias = matrix + (uint32_t)l->config.classes_most * features;
  memmove(matrix + c * features, matrix + (c + 1u) * features, sizeof(float) * features * behind);
  memmove(bias + c, bias + c + 1, sizeof(float) * behind);
  memset(matrix + (c + behind) * features, 0, sizeof(float) * features);
  bias[c + behind] = 0.0f;
}

FW_COLD static void remove_guard_samples(fw_learner_t *l, uint32_t c) {
  const uint32_t row = fw_learner_row(&l->config);
  uint32_t kept = 0;
  for (uint32_t i = 0; i < l->guard_count; ++i) {
    const uint16_t label = l->guard_labels[i];
    if (label == c) continue;
    if (kept != i) memcpy(l->guard + kept * row, l->guard + i * row, row);
    l->guard_labels[kept++] = label != FW_LEARNER_NEGATIVE && label > c ? (uint16_t)(label - 1) : label;
  }
  l->guard_count = (uint16_t)kept;
}

FW_COLD fw_status_t fw_learner_remove_class(fw_learner_t *l, uint16_t label) {
  if (!is_changeable(l)) return FW_E_STATE;
  if (label >= l->classes || l->classes == 1) return FW_E_ARGUMENT;
  const uint32_t behind = (uint32_t)l->classes - label - 1u;
  const uint32_t block = (uint32_t)l->config.replay_per_class * fw_learner_row(&l->config);
  remove_row(l, l->head, label);
  remove_row(l, l->velocity, label);
  memmove(&l->table[label], &l->table[label + 1], sizeof(fw_learner_class_t) * behind);
  memmove(l->replay + label * block, l->replay + (label + 1u) * block, block * behind);
  remove_guard_samples(l, label);
  --l->classes;
  return FW_OK;
}

FW_COLD fw_status_t fw_learner_rename_class(fw_learner_t *l, uint16_t label, const char *name) {
  if (l->phase != FW_PHASE_IDLE) return FW_E_STATE;
  if (label >= l->classes || !is_new_name(l, name)) return FW_E_ARGUMENT;
  set_name(&l->table[label], name);
  return FW_OK;
}
