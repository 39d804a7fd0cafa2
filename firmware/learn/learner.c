#include "learn/learner.h"

#include <string.h>

#include "fw_float.h"
#include "fw_math.h"
#include "learn/adapters.h"
#include "learn/head.h"
#include "learn/recursive.h"

enum { SEED = 0x2545F491, REPLAY_LIMIT = 255, PASSES_LIMIT = 1000, GUARD_LIMIT = 4096 };

/* Weight of the factory's statistics against embeddings taught here, and the smallest variance (int8 units squared). */
static const uint32_t FACTORY_STATISTICS = 256;
static const float SMALLEST_VARIANCE = 0.25f;

/* False for NaN. */
static bool within(float value, float least, float most) {
  return value >= least && value <= most;
}

static bool all_within(const float *values, uint32_t count, float magnitude) {
  for (uint32_t i = 0; i < count; ++i) {
    if (!within(values[i], -magnitude, magnitude)) return false;
  }
  return true;
}

/* So many lessons of one label in a row halve the weight of the next: an evening in one room must not be all there is.
 */
static const float STREAK = 4.0f;

static const float LARGEST = 1e6f; /* of a weight, mean or gain that the factory may bring */

FW_COLD uint32_t fw_learner_bytes(const fw_learner_config_t *c) {
  const uint16_t counts[] = {c->features, c->classes_most, c->replay_per_class};
  static const uint16_t most_counts[] = {FW_LEARNER_FEATURES_LIMIT, FW_LEARNER_CLASSES_LIMIT, REPLAY_LIMIT};
  const float values[] = {c->rate, c->momentum, c->pull * (float)c->classes_most, c->imprint, c->reject_below};
  static const float most_values[] = {1.0f, 0.99f, 0.1f, 1.0f, 1.0f};
  bool is_sound = c->guard_samples <= GUARD_LIMIT && c->loss <= FW_LOSS_SQUARED && c->rate >= 1e-9f &&
                  fw_adapters_are_sound(&c->adapters, c->features);
  for (uint32_t i = 0; i < 3; ++i) is_sound = is_sound && counts[i] >= 1 && counts[i] <= most_counts[i];
  for (uint32_t i = 0; i < 5; ++i) is_sound = is_sound && within(values[i], 0.0f, most_values[i]);
  if (c->forgetting != 0.0f) {
    is_sound = is_sound && fw_recursive_is_used(c) && c->loss == FW_LOSS_SQUARED && within(c->forgetting, 0.9f, 1.0f);
  }
  if (!is_sound) return 0;
  const uint32_t matrix = fw_recursive_is_used(c) ? FW_LEARNER_RECURSIVE_BYTES(c->features) : 0u;
  return matrix + FW_LEARNER_ADAPTED_BYTES(c->features, c->classes_most, c->replay_per_class, c->guard_samples,
                                           c->running_statistics, c->loss == FW_LOSS_SQUARED, fw_adapters_channels(c));
}

uint32_t fw_learner_row_bytes(const fw_learner_config_t *c) {
  return fw_adapters_channels(c) ? FW_LEARNER_ADAPTED_ROW(c->features) : c->features;
}

uint32_t fw_learner_floats(const fw_learner_config_t *c) {
  return FW_LEARNER_HEAD_FLOATS(c->features, c->classes_most) + 2u * fw_adapters_channels(c);
}

FW_COLD static bool is_factory_sound(const fw_learner_config_t *c, const fw_learner_factory_t *f) {
  if (f->classes < 1 || f->classes > c->classes_most || f->guard_count > c->guard_samples) return false;
  for (uint32_t i = 0; i < f->classes; ++i) {
    if (f->replay_stored[i] > c->replay_per_class) return false;
  }
  return all_within(f->head, FW_LEARNER_HEAD_FLOATS(c->features, f->classes), LARGEST) &&
         all_within(f->mean, c->features, LARGEST) && all_within(f->gain, c->features, LARGEST);
}

FW_COLD static uint8_t *take(uint8_t **at, uint32_t bytes) {
  uint8_t *const taken = *at;
  *at += FW_LEARNER_PADDED(bytes);
  return taken;
}

FW_COLD fw_status_t fw_learner_start(fw_learner_t *l, const fw_learner_config_t *config,
                                     const fw_learner_factory_t *factory, void *memory, uint32_t bytes) {
  const uint32_t needed = fw_learner_bytes(config);
  if (needed == 0 || !is_factory_sound(config, factory)) return FW_E_ARGUMENT;
  if (bytes < needed) return FW_E_SPACE;
  memset(l, 0, sizeof *l);
  l->config = *config;
  l->factory = *factory;
  const uint32_t features = config->features;
  const uint32_t row = fw_learner_row_bytes(config);
  const uint32_t head = 4u * fw_learner_floats(config);
  uint8_t *at = memory;
  l->head = (float *)(void *)take(&at, head);
  l->velocity = (float *)(void *)take(&at, head);
  if (config->guard_samples) l->before = (float *)(void *)take(&at, head);
  l->z = (float *)(void *)take(&at, 4u * features);
  l->y = (float *)(void *)take(&at, 4u * config->classes_most);
  l->mean = factory->mean;
  l->gain = factory->gain;
  if (config->running_statistics) {
    l->statistics = (float *)(void *)take(&at, 12u * features);
    l->mean = l->statistics;
    l->gain = l->statistics + features;
  }
  if (config->loss == FW_LOSS_SQUARED) l->target = (float *)(void *)take(&at, 4u * config->classes_most);
  if (fw_recursive_is_used(config)) (void)take(&at, FW_LEARNER_RECURSIVE_BYTES(features));
  l->table = (fw_learner_class_t *)(void *)take(&at, (uint32_t)sizeof(fw_learner_class_t) * config->classes_most);
  l->guard_labels = (uint16_t *)(void *)take(&at, 2u * config->guard_samples);
  l->replay = (int8_t *)at;
  l->guard = l->replay + row * config->classes_most * config->replay_per_class;
  l->pending = l->guard + row * config->guard_samples;
  fw_learner_reset(l);
  return FW_OK;
}

FW_COLD fw_status_t fw_learner_open(fw_learner_t *learner, const fw_learner_config_t *config,
                                    const fw_learner_factory_t *factory, void *memory, uint32_t bytes) {
  const fw_status_t status = fw_learner_self_test();
  return status != FW_OK ? status : fw_learner_start(learner, config, factory, memory, bytes);
}

FW_COLD static void factory_head(fw_learner_t *l) {
  const uint32_t features = l->config.features;
  const uint32_t stride = l->config.classes_most;
  memset(l->velocity, 0, sizeof(float) * fw_learner_floats(&l->config));
  fw_adapters_reset(l);
  for (uint32_t c = 0; c < l->classes; ++c) {
    float *const row = l->head + c * features;
    const uint32_t anchor = l->table[c].anchor;
    if (anchor == FW_LEARNER_NO_ANCHOR) {
      memset(row, 0, sizeof(float) * features);
      l->head[stride * features + c] = 0.0f;
    } else {
      memcpy(row, l->factory.head + anchor * features, sizeof(float) * features);
      l->head[stride * features + c] = l->factory.head[(uint32_t)l->factory.classes * features + anchor];
    }
  }
}

FW_COLD static void factory_statistics(fw_learner_t *l) {
  l->statistics_count = FACTORY_STATISTICS;
  const uint32_t features = l->config.features;
  float *const mean = l->statistics;
  for (uint32_t f = 0; mean && f < features; ++f) {
    const float gain = l->factory.gain[f];
    mean[f] = l->factory.mean[f];
    mean[features + f] = gain;
    mean[2u * features + f] = gain == 0.0f ? 0.0f : 1.0f / (gain * gain);
  }
}

FW_COLD void fw_learner_reset(fw_learner_t *l) {
  const fw_learner_factory_t *const factory = &l->factory;
  const uint32_t row = fw_learner_row_bytes(&l->config);
  l->classes = factory->classes;
  memset(l->head, 0, fw_learner_bytes(&l->config)); /* all of the memory, so that equal states are equal bytes */
  for (uint32_t c = 0; c < factory->classes; ++c) {
    fw_learner_class_t *const entry = &l->table[c];
    memcpy(entry->name, factory->names + c * FW_LEARNER_NAME_BYTES, FW_LEARNER_NAME_BYTES - 1);
    entry->anchor = (uint8_t)c;
    entry->stored = factory->replay_stored[c];
    const uint32_t block = row * l->config.replay_per_class;
    memcpy(l->replay + c * block, factory->replay + c * block, row * entry->stored);
  }
  factory_head(l);
  if (fw_recursive_is_used(&l->config)) fw_recursive_reset(l);
  factory_statistics(l);
  l->guard_count = factory->guard_count;
  l->guard_seen = factory->guard_count;
  if (l->guard_count) {
    memcpy(l->guard, factory->guard, row * l->guard_count);
    memcpy(l->guard_labels, factory->guard_labels, sizeof(uint16_t) * l->guard_count);
  }
  l->reject_below = l->config.reject_below;
  l->generator = SEED;
  l->pull_row = 0;
  l->label = FW_LEARNER_NEGATIVE;
  l->streak = 0;
  l->phase = FW_PHASE_IDLE;
}

uint32_t fw_learner_random(fw_learner_t *l) {
  uint32_t x = l->generator;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  l->generator = x;
  return x;
}

uint16_t fw_learner_labels(const fw_learner_t *l) {
  return l->config.loss == FW_LOSS_LOGISTIC && l->factory.classes == 1 ? 2 : l->classes;
}

int8_t *fw_learner_replay_row(fw_learner_t *l, uint32_t label, uint32_t index) {
  return l->replay + (label * l->config.replay_per_class + index) * fw_learner_row_bytes(&l->config);
}

/* Outputs for what is in `z`. */
static bool outputs(fw_learner_t *l) {
  const uint32_t features = l->config.features;
  fw_head_forward(l->head, l->z, l->y, l->classes, l->config.classes_most, features);
  const bool is_finite = all_within(l->y, l->classes, 3e38f);
  if (is_finite) fw_head_activate(l->y, l->classes, (fw_loss_t)l->config.loss);
  return is_finite;
}

bool fw_learner_outputs(fw_learner_t *l, const int8_t *embedding) {
  fw_head_standardise(embedding, l->mean, l->gain, l->z, l->config.features);
  return outputs(l);
}

#if defined(FW_ADAPTERS)
bool fw_learner_row_outputs(fw_learner_t *l, const int8_t *row) {
  if (l->config.adapters.channels == 0) return fw_learner_outputs(l, row);
  fw_adapters_standardise(l, fw_adapters_parameters(l), row);
  return outputs(l);
}
#endif

static fw_learner_answer_t answer_of(const fw_learner_t *l, bool is_finite) {
  fw_learner_answer_t answer = {0, false, 0.0f};
  if (!is_finite) return answer;
  answer.confidence = l->y[0];
  if (fw_learner_labels(l) > l->classes) {
    answer.label = l->y[0] > 0.5f;
    answer.confidence = answer.label ? l->y[0] : 1.0f - l->y[0];
  } else if (l->config.loss != FW_LOSS_SQUARED) {
    for (uint16_t c = 1; c < l->classes; ++c) {
      const bool is_known = l->table[c].taught > 0 || l->table[c].anchor != FW_LEARNER_NO_ANCHOR;
      if (is_known && l->y[c] > answer.confidence) {
        answer.label = c;
        answer.confidence = l->y[c];
      }
    }
  }
  answer.accepted = l->config.loss == FW_LOSS_SQUARED || answer.confidence >= l->reject_below;
  return answer;
}

FW_COLD fw_learner_answer_t fw_learner_classify(fw_learner_t *l, const int8_t *embedding) {
  return answer_of(l, fw_learner_outputs(l, embedding));
}

FW_COLD fw_learner_answer_t fw_learner_classify_row(fw_learner_t *l, const int8_t *row) {
  return answer_of(l, fw_learner_row_outputs(l, row));
}

FW_COLD static void begin(fw_learner_t *l, uint8_t task, uint32_t steps) {
  l->task = task;
  l->step = 0;
  l->steps = steps;
  uint32_t taught = 0;
  for (uint32_t c = 0; c < l->classes; ++c) taught += l->table[c].own > 0;
  l->is_balanced = taught > 1;
  l->guard_at = 0;
  l->correct[0] = l->correct[1] = 0;
  l->false_accepts[0] = l->false_accepts[1] = 0;
  const bool is_guarded = l->guard_count > 0 && l->config.loss != FW_LOSS_SQUARED;
  l->phase = is_guarded ? FW_PHASE_BEFORE : FW_PHASE_TRAIN;
  if (is_guarded) memcpy(l->before, l->head, sizeof(float) * fw_learner_floats(&l->config));
}

FW_COLD fw_status_t fw_learner_teach(fw_learner_t *l, const int8_t *row, uint16_t label) {
  if (label >= fw_learner_labels(l)) return FW_E_ARGUMENT;
  if (l->phase != FW_PHASE_IDLE || l->config.loss == FW_LOSS_SQUARED) return FW_E_STATE;
  memcpy(l->pending, row, fw_learner_row_bytes(&l->config));
  const bool is_added = label < l->classes && l->table[label].anchor == FW_LEARNER_NO_ANCHOR;
  if (label != l->label || is_added) {
    l->streak = 0;
  } else if (l->streak < 0xFFFFu) {
    ++l->streak;
  }
  l->label = label;
  begin(l, FW_TASK_TEACH, 1u + l->config.replays_per_sample);
  return FW_OK;
}

FW_COLD fw_status_t fw_learner_teach_values(fw_learner_t *l, const int8_t *row, const float *targets) {
  if (l->phase != FW_PHASE_IDLE || l->config.loss != FW_LOSS_SQUARED) return FW_E_STATE;
  if (!all_within(targets, l->classes, 3e38f)) return FW_E_ARGUMENT;
  memcpy(l->pending, row, fw_learner_row_bytes(&l->config));
  memmove(l->target, targets, sizeof(float) * l->classes); /* they may be there already */
  begin(l, FW_TASK_VALUES, 1);
  return FW_OK;
}

FW_COLD fw_status_t fw_learner_practise(fw_learner_t *l, uint16_t passes) {
  if (passes == 0 || passes > PASSES_LIMIT) return FW_E_ARGUMENT;
  if (l->phase != FW_PHASE_IDLE || l->config.loss == FW_LOSS_SQUARED) return FW_E_STATE;
  l->rounds = 1;
  for (uint32_t c = 0; c < l->classes; ++c) {
    if (l->table[c].own > l->rounds) l->rounds = l->table[c].own;
  }
  begin(l, FW_TASK_PRACTISE, (uint32_t)passes * l->rounds * l->classes);
  return FW_OK;
}

/* A new class starts in the direction of its first embedding, as long as the other classes' rows are on average. */
FW_COLD static void imprint(fw_learner_t *l) {
  const uint32_t features = l->config.features;
  float norms = 0.0f;
  uint32_t rows = 0;
  for (uint32_t c = 0; c < l->classes; ++c) {
    const float *const w = l->head + c * features;
    float square = 0.0f;
    for (uint32_t f = 0; f < features; ++f) square += w[f] * w[f];
    if (square > 0.0f) ++rows;
    norms += fw_sqrtf(square);
  }
  float square = 0.0f;
  for (uint32_t f = 0; f < features; ++f) square += l->z[f] * l->z[f];
  if (rows == 0 || !(square > 0.0f)) return;
  const float scale = l->config.imprint * norms / ((float)rows * fw_sqrtf(square));
  for (uint32_t f = 0; f < features; ++f) l->head[l->label * features + f] = scale * l->z[f];
}

/* Welford's update of mean and variance. */
FW_COLD static void follow_statistics(fw_learner_t *l, const int8_t *row) {
  const uint32_t features = l->config.features;
  if (l->statistics_count < 0xFFFFu) ++l->statistics_count;
  const float share = 1.0f / (float)l->statistics_count;
  float *at = l->statistics;
  for (uint32_t f = 0; f < features; ++f, ++at) {
    const float value = fw_adapters_feature(l, row, f);
    const float distance = value - at[0];
    at[0] += share * distance;
    at[2u * features] += share * (distance * (value - at[0]) - at[2u * features]);
    const float variance = at[2u * features];
    at[features] = 1.0f / fw_sqrtf(variance > SMALLEST_VARIANCE ? variance : SMALLEST_VARIANCE);
  }
}

static void pull_back(fw_learner_t *l) {
  if (l->pull_row >= l->classes) l->pull_row = 0;
  const uint32_t row = l->pull_row++;
  const uint32_t anchor = l->table[row].anchor;
  if (anchor == FW_LEARNER_NO_ANCHOR) return;
  const uint32_t features = l->config.features;
  const float *const head = l->factory.head;
  /* Each row has its turn once in `classes` updates. */
  fw_head_pull(l->head, row, l->config.classes_most, features, head + anchor * features,
               head[(uint32_t)l->factory.classes * features + anchor], l->config.pull * (float)l->classes);
}

static fw_learner_event_t update(fw_learner_t *l, const int8_t *row, uint16_t label) {
  if (!fw_learner_row_outputs(l, row)) {
    factory_head(l);
    l->phase = FW_PHASE_IDLE;
    return FW_LEARNER_FAULT;
  }
  const uint32_t features = l->config.features;
  float rate = l->config.rate;
  if (l->task == FW_TASK_TEACH || !l->is_balanced) rate = rate * STREAK / (STREAK + (float)l->streak);
  if (l->config.loss == FW_LOSS_SQUARED) {
    /* The step of an implicit update: whatever the rate, it never goes past the target. */
    float square = 1.0f;
    for (uint32_t f = 0; f < features; ++f) square += l->z[f] * l->z[f];
    rate = rate / (1.0f + rate * square);
    for (uint32_t c = 0; c < l->classes; ++c) l->y[c] -= l->target[c];
  } else if (fw_learner_labels(l) > l->classes) {
    l->y[0] -= (float)label;
  } else {
    l->y[label] -= 1.0f;
  }
  if (fw_adapters_channels(&l->config)) {
    const uint32_t behind = FW_LEARNER_HEAD_FLOATS(features, l->config.classes_most);
    const fw_adapters_training_t own = {l->head,    l->head + behind,   l->velocity + behind,
                                        l->classes, l->config.momentum, l->config.pull};
    fw_adapters_descend(l, &own, row, rate);
  }
  if (fw_recursive_is_used(&l->config)) {
    fw_recursive_update(l);
    ++l->updates;
    return FW_LEARNER_UPDATED;
  }
  fw_head_descend(l->head, l->velocity, l->z, l->y, l->classes, l->config.classes_most, features, rate,
                  l->config.momentum);
  if (l->config.pull > 0.0f) pull_back(l);
  ++l->updates;
  return FW_LEARNER_UPDATED;
}

/* The stored embedding of a turn of practising: only what was taught here, where there is any; NULL if there is none.
 */
static const int8_t *practice_row(fw_learner_t *l, uint32_t label, uint32_t turn) {
  const fw_learner_class_t *const entry = &l->table[label];
  const uint32_t count = entry->own && l->is_balanced ? entry->own : entry->stored;
  return count ? fw_learner_replay_row(l, label, turn % count) : 0;
}

FW_COLD static fw_learner_event_t train(fw_learner_t *l) {
  /* When practice goes once around all classes without an embedding, there is none: no poll looks for longer. */
  const uint32_t most = l->task == FW_TASK_PRACTISE ? l->classes : l->steps;
  for (uint32_t looked = 0; l->step < l->steps && looked < most; ++looked) {
    const uint32_t step = l->step++;
    if (l->task != FW_TASK_PRACTISE && step == 0) {
      if (l->statistics) follow_statistics(l, l->pending);
      if (l->task == FW_TASK_TEACH && l->label < l->classes && l->table[l->label].taught == 0 &&
          l->table[l->label].anchor == FW_LEARNER_NO_ANCHOR && l->config.imprint > 0.0f &&
          fw_learner_row_outputs(l, l->pending)) {
        imprint(l);
      }
      return update(l, l->pending, l->label);
    }
    uint32_t label = step % l->classes;
    uint32_t turn = step / l->classes;
    if (l->task == FW_TASK_TEACH) {
      label = fw_learner_random(l) % l->classes;
      turn = fw_learner_random(l);
    }
    const int8_t *const row = practice_row(l, label, turn);
    if (row) return update(l, row, (uint16_t)label);
  }
  l->step = l->steps;
  return FW_LEARNER_IDLE;
}

/* Puts the taught embedding in front of the factory's, over one of them if there is no room; once all are taught here,
 * over a random one with the probability that keeps them a fair sample. */
FW_COLD static void keep_pending(fw_learner_t *l) {
  if (l->label >= l->classes) return;
  fw_learner_class_t *const entry = &l->table[l->label];
  const uint32_t row = fw_learner_row_bytes(&l->config);
  const uint32_t most = l->config.replay_per_class;
  if (entry->taught < 0xFFFFu) ++entry->taught;
  uint32_t index = entry->own;
  if (entry->own < most) {
    if (entry->stored < most) {
      memcpy(fw_learner_replay_row(l, l->label, entry->stored), fw_learner_replay_row(l, l->label, index), row);
      ++entry->stored;
    }
    ++entry->own;
  } else {
    index = fw_learner_random(l) % entry->taught;
    if (index >= most) return;
  }
  memcpy(fw_learner_replay_row(l, l->label, index), l->pending, row);
}

FW_COLD fw_status_t fw_learner_keep(fw_learner_t *l, const int8_t *row, uint16_t label) {
  if (label >= l->classes || l->table[label].anchor == FW_LEARNER_NO_ANCHOR) return FW_E_ARGUMENT;
  if (l->phase != FW_PHASE_IDLE || l->config.loss == FW_LOSS_SQUARED) return FW_E_STATE;
  memcpy(l->pending, row, fw_learner_row_bytes(&l->config));
  l->label = label;
  keep_pending(l);
  return FW_OK;
}

FW_COLD static fw_learner_event_t finish(fw_learner_t *l, bool is_kept) {
  l->phase = FW_PHASE_IDLE;
  if (is_kept) {
    if (l->task == FW_TASK_TEACH) keep_pending(l);
    return FW_LEARNER_ACCEPTED;
  }
  const uint32_t floats = fw_learner_floats(&l->config);
  memcpy(l->head, l->before, sizeof(float) * floats);
  memset(l->velocity, 0, sizeof(float) * floats);
  if (l->rollbacks < 0xFFFFu) ++l->rollbacks;
  return FW_LEARNER_ROLLED_BACK;
}

FW_COLD fw_learner_event_t fw_learner_poll(fw_learner_t *l) {
  switch (l->phase) {
    case FW_PHASE_BEFORE:
      if (fw_learner_check_next(l, 0)) l->phase = FW_PHASE_TRAIN;
      return FW_LEARNER_CHECKED;
    case FW_PHASE_TRAIN: {
      const fw_learner_event_t event = train(l);
      if (event != FW_LEARNER_IDLE) return event;
      if (l->guard_count == 0 || l->config.loss == FW_LOSS_SQUARED) return finish(l, true);
      l->phase = FW_PHASE_AFTER;
      l->guard_at = 0;
      return FW_LEARNER_CHECKED;
    }
    case FW_PHASE_AFTER:
      if (!fw_learner_check_next(l, 1)) return FW_LEARNER_CHECKED;
      return finish(l, !fw_learner_is_worse(l));
    default:
      return FW_LEARNER_IDLE;
  }
}
