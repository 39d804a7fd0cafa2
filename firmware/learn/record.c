#include "learn/record.h"

#include <stddef.h>
#include <string.h>

#include "fw_float.h"
#include "learn/adapters.h"
#include "learn/learner.h"
#include "learn/recursive.h"

enum { FW_RECORD_HEADER_1_BYTES = 48 };

static const float LARGEST = 1e6f; /* of a weight or statistic */

/* Of the matrix of recursive least squares that records hold; FW_RECORD_NO_MATRIX is for flash that is too small. */
#if defined(FW_RECORD_NO_MATRIX)
enum { HAS_MATRIX = 0 };
#else
enum { HAS_MATRIX = 1 };
#endif

static uint32_t matrix_floats(const fw_learner_config_t *c) {
  return HAS_MATRIX && fw_recursive_is_used(c) ? FW_LEARNER_MATRIX_FLOATS(c->features) : 0u;
}

/* Bytes of what `count` guard samples of a regression should have been. */
static uint32_t guard_values_bytes(uint32_t loss, uint32_t classes, uint32_t count) {
  return loss == FW_LOSS_SQUARED ? 4u * (classes + 1u) * count : 0u;
}

uint32_t fw_record_bytes(const fw_learner_config_t *c) {
  return guard_values_bytes(c->loss, c->classes_most, c->guard_samples) + 4u * matrix_floats(c) +
         FW_RECORD_BYTES(c->features, c->classes_most, c->replay_per_class, c->guard_samples, c->running_statistics,
                         fw_adapters_channels(c));
}

static void add(fw_store_part_t *parts, uint32_t *count, const void *bytes, uint32_t size) {
  if (size == 0u) return;
  parts[*count].bytes = bytes;
  parts[*count].count = size;
  ++*count;
}

static float *parameters_of(const fw_learner_t *l) {
  return l->head + FW_LEARNER_HEAD_FLOATS(l->config.features, l->config.classes_most);
}

uint32_t fw_record_parts(const fw_learner_t *l, const uint8_t *model, fw_record_header_t *h, fw_store_part_t *parts) {
  const uint32_t features = l->config.features;
  const uint32_t row = fw_learner_row_bytes(&l->config);
  uint32_t count = 0;
  memset(h, 0, sizeof *h);
  memcpy(h->model, model, sizeof h->model);
  h->features = l->config.features;
  h->classes = l->classes;
  h->replay_per_class = l->config.replay_per_class;
  h->guard_count = l->guard_count;
  h->loss = l->config.loss;
  h->running_statistics = l->statistics != NULL;
  h->guard_seen = l->guard_seen;
  h->rollbacks = l->rollbacks;
  h->generator = l->generator;
  h->updates = l->updates;
  h->statistics_count = l->statistics_count;
  h->pull_row = l->pull_row;
  h->reject_below = l->reject_below;
  h->adapters = fw_adapters_channels(&l->config);
  h->matrix = matrix_floats(&l->config);
  add(parts, &count, h, sizeof *h);
  add(parts, &count, l->head, 4u * features * l->classes);
  add(parts, &count, l->head + (uint32_t)l->config.classes_most * features, 4u * l->classes);
  add(parts, &count, parameters_of(l), 8u * h->adapters);
  if (l->statistics != NULL) add(parts, &count, l->statistics, 12u * features);
  add(parts, &count, l->table, (uint32_t)sizeof(fw_learner_class_t) * l->classes);
  add(parts, &count, l->replay, row * l->classes * l->config.replay_per_class);
  add(parts, &count, l->guard, row * l->guard_count);
  add(parts, &count, l->guard_labels, 2u * l->guard_count);
  if (l->target != NULL) { /* behind those of the lesson */
    add(parts, &count, l->target + l->classes + 1u, guard_values_bytes(h->loss, l->classes, l->guard_count));
  }
  if (h->matrix) add(parts, &count, fw_recursive_matrix(l), 4u * h->matrix);
  return count;
}

/* ---- reading ---- */

/* A body's arrays, where they lie. */
typedef struct {
  fw_record_header_t header;
  const float *head, *bias, *adapters, *statistics, *guard_values, *matrix;
  uint32_t row; /* bytes of a stored embedding */
  const fw_learner_class_t *table;
  const int8_t *replay, *guard;
  const uint16_t *guard_labels;
} body_t;

static const void *take(const uint8_t **at, uint32_t *left, uint32_t bytes) {
  const uint32_t padded = FW_LEARNER_PADDED(bytes);
  if (*left < padded) return NULL;
  const void *const found = *at;
  *at += padded;
  *left -= padded;
  return found;
}

static bool find(body_t *b, uint32_t version, const void *body, uint32_t bytes) {
  const uint32_t header_bytes = version == 1u ? FW_RECORD_HEADER_1_BYTES : FW_RECORD_HEADER_BYTES;
  const uint8_t *at = body;
  uint32_t left = bytes;
  const void *const header = take(&at, &left, header_bytes);
  if (header == NULL) return false;
  memset(b, 0, sizeof *b);
  memcpy(&b->header, header, header_bytes);
  const fw_record_header_t *const h = &b->header;
  const uint32_t features = h->features;
  if (version < 3u) b->header.adapters = 0;
  if (version < 4u) b->header.matrix = 0;
  if (h->adapters > h->features || (h->matrix && h->matrix != FW_LEARNER_MATRIX_FLOATS(features))) return false;
  b->row = h->adapters ? FW_LEARNER_ADAPTED_ROW(features) : features;
  if (h->features > FW_LEARNER_FEATURES_LIMIT || h->classes > FW_LEARNER_CLASSES_LIMIT) return false;
  b->head = take(&at, &left, 4u * features * h->classes);
  b->bias = take(&at, &left, 4u * h->classes);
  b->adapters = take(&at, &left, 8u * h->adapters);
  b->statistics = take(&at, &left, h->running_statistics ? 12u * features : 0u);
  b->table = take(&at, &left, (uint32_t)sizeof(fw_learner_class_t) * h->classes);
  b->replay = take(&at, &left, b->row * h->classes * h->replay_per_class);
  b->guard = take(&at, &left, b->row * h->guard_count);
  b->guard_labels = take(&at, &left, 2u * h->guard_count);
  b->guard_values = take(&at, &left, guard_values_bytes(h->loss, h->classes, h->guard_count));
  b->matrix = take(&at, &left, 4u * h->matrix);
  return b->matrix != NULL && left == 0u;
}

/* False for NaN. */
static bool all_within(const float *values, uint32_t count, float least, float most) {
  for (uint32_t i = 0; i < count; ++i) {
    if (!(values[i] >= least && values[i] <= most)) return false;
  }
  return true;
}

static bool is_table_sound(const fw_learner_t *l, const body_t *b) {
  for (uint32_t c = 0; c < b->header.classes; ++c) {
    const fw_learner_class_t *const entry = &b->table[c];
    if (entry->own > entry->stored || entry->stored > b->header.replay_per_class || entry->name[0] == '\0' ||
        memchr(entry->name, 0, sizeof entry->name) == NULL ||
        (entry->anchor != FW_LEARNER_NO_ANCHOR && entry->anchor >= l->factory.classes)) {
      return false;
    }
    for (uint32_t other = 0; other < c; ++other) {
      if (strcmp(entry->name, b->table[other].name) == 0) return false;
      if (entry->anchor != FW_LEARNER_NO_ANCHOR && entry->anchor == b->table[other].anchor) return false;
    }
  }
  return true;
}

/* What a regression has besides. */
static bool are_values_sound(const fw_learner_t *l, const body_t *b) {
  const fw_record_header_t *const h = &b->header;
  if (h->loss != FW_LOSS_SQUARED) return h->matrix == 0u;
  if (h->classes != l->factory.classes) return false;
  for (uint32_t i = 0; i < h->guard_count; ++i) {
    const float *const values = b->guard_values + i * (h->classes + 1u);
    if (!all_within(values, h->classes, -LARGEST, LARGEST) || !(values[h->classes] >= 0.0f)) return false;
  }
  return all_within(b->matrix, h->matrix, -LARGEST, LARGEST);
}

static bool is_sound(const fw_learner_t *l, const body_t *b) {
  const fw_record_header_t *const h = &b->header;
  const uint32_t features = h->features;
  const uint32_t labels = fw_learner_labels(l) > l->classes ? 2u : h->classes;
  if (h->features != l->config.features || h->loss != l->config.loss || h->classes == 0u || h->generator == 0u ||
      !all_within(&h->reject_below, 1, 0.0f, 1.0f) || !is_table_sound(l, b) ||
      (fw_learner_labels(l) > l->classes && h->classes != 1u) ||
      !all_within(b->head, features * h->classes, -LARGEST, LARGEST) ||
      !all_within(b->bias, h->classes, -LARGEST, LARGEST) ||
      (h->adapters && !fw_adapters_are_within(&l->config.adapters, b->adapters))) {
    return false;
  }
  if (h->running_statistics != 0u && (!all_within(b->statistics, 2u * features, -LARGEST, LARGEST) ||
                                      !all_within(b->statistics + 2u * features, features, 0.0f, LARGEST))) {
    return false;
  }
  for (uint32_t i = 0; i < h->guard_count; ++i) {
    if (b->guard_labels[i] != FW_LEARNER_NEGATIVE && b->guard_labels[i] >= labels) return false;
  }
  return are_values_sound(l, b);
}

/* A row of the record; of a record without adapters, nothing is known to have been active. */
static void copy_row(const fw_learner_t *l, const body_t *b, int8_t *to, const int8_t *from) {
  memcpy(to, from, b->row);
  memset(to + b->row, 0, fw_learner_row_bytes(&l->config) - b->row);
}

static void apply_replay(fw_learner_t *l, const body_t *b) {
  const uint32_t most = l->config.replay_per_class;
  memcpy(l->table, b->table, sizeof(fw_learner_class_t) * b->header.classes);
  for (uint32_t c = 0; c < b->header.classes; ++c) {
    fw_learner_class_t *const entry = &l->table[c];
    if (entry->stored > most) entry->stored = (uint8_t)most;
    if (entry->own > most) entry->own = (uint8_t)most;
    for (uint32_t i = 0; i < entry->stored; ++i) {
      copy_row(l, b, fw_learner_replay_row(l, c, i), b->replay + (c * b->header.replay_per_class + i) * b->row);
    }
  }
}

static bool is_factory_order(const body_t *b, uint32_t factory_classes) {
  for (uint32_t c = 0; c < factory_classes; ++c) {
    if (c >= b->header.classes || b->table[c].anchor != c) return false;
  }
  return true;
}

static void apply(fw_learner_t *l, const body_t *b, bool has_guard) {
  const fw_record_header_t *const h = &b->header;
  const uint32_t features = l->config.features;
  fw_learner_reset(l); /* everything that the record does not say */
  memset(l->head, 0, sizeof(float) * fw_learner_floats(&l->config));
  memset(l->table, 0, sizeof(fw_learner_class_t) * l->config.classes_most);
  l->classes = h->classes;
  memcpy(l->head, b->head, sizeof(float) * features * h->classes);
  memcpy(l->head + (uint32_t)l->config.classes_most * features, b->bias, sizeof(float) * h->classes);
  if (h->adapters) memcpy(parameters_of(l), b->adapters, 8u * h->adapters);
  if (l->statistics != NULL && h->running_statistics != 0u) {
    memcpy(l->statistics, b->statistics, 3u * sizeof(float) * features);
    l->statistics_count = h->statistics_count;
  }
  apply_replay(l, b);
  if (has_guard) {
    l->guard_count = h->guard_count < l->config.guard_samples ? h->guard_count : l->config.guard_samples;
    /* Of a regression: where the next lesson goes. */
    l->guard_seen = h->guard_seen < l->guard_count && l->target == NULL ? l->guard_count : h->guard_seen;
    const uint32_t row = fw_learner_row_bytes(&l->config);
    for (uint32_t i = 0; i < l->guard_count; ++i) copy_row(l, b, l->guard + i * row, b->guard + i * b->row);
    memcpy(l->guard_labels, b->guard_labels, sizeof(uint16_t) * l->guard_count);
    if (l->target != NULL) {
      memcpy(l->target + l->classes + 1u, b->guard_values, guard_values_bytes(h->loss, h->classes, l->guard_count));
    }
    l->reject_below = h->reject_below;
  } else if (!is_factory_order(b, l->factory.classes)) {
    l->guard_count = 0; /* the factory's guard samples go by numbers that classes no longer have */
  }
  if (h->matrix && fw_recursive_is_used(&l->config)) memcpy(fw_recursive_matrix(l), b->matrix, 4u * h->matrix);
  l->generator = h->generator;
  l->updates = h->updates;
  l->rollbacks = h->rollbacks;
  l->pull_row = (uint8_t)h->pull_row;
}

fw_status_t fw_record_restore(fw_learner_t *l, const uint8_t *model, uint32_t version, const void *body,
                              uint32_t bytes) {
  body_t found;
  if (l->phase != FW_PHASE_IDLE) return FW_E_STATE;
  if (version == 0u || version > FW_RECORD_VERSION) return FW_E_UNKNOWN;
  if (!find(&found, version, body, bytes)) return FW_E_FORMAT;
  if (memcmp(found.header.model, model, sizeof found.header.model) != 0) return FW_E_ARGUMENT;
  if (found.header.classes > l->config.classes_most ||
      (found.header.adapters && found.header.adapters != fw_adapters_channels(&l->config))) {
    return FW_E_SPACE;
  }
  if (!is_sound(l, &found)) return FW_E_FORMAT;
  apply(l, &found, version >= 2u && l->config.guard_samples > 0u);
  return FW_OK;
}
