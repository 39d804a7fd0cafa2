#include "learn/learner.h"

#include <stddef.h>
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

static uint32_t bits_of(const void *value) {
  uint32_t bits;
  memcpy(&bits, value, sizeof bits);
  return bits;
}

/* False for NaN. */
static bool within(float value, float least, float most) {
  return value >= least && value <= most;
}

/* By their bits, whose order is that of magnitudes, with NaN above all: an FPU has no shorter way, and many cores have
 * no FPU. */
FW_SHARED static bool all_within(const float *values, uint32_t count, float magnitude) {
  for (uint32_t i = 0; i < count; ++i) {
    if ((bits_of(values + i) & 0x7FFFFFFFu) > bits_of(&magnitude)) return false;
  }
  return true;
}

/* So many lessons of one label in a row halve the weight of the next: an evening in one room must not be all there is.
 */
static const float STREAK = 4.0f;

static const float LARGEST = 1e6f; /* of a weight, mean or gain that the factory may bring, and of a value to learn */

/* Times the squared error that it had before it was taught: a value of the guard that became worse. */
static const float WORSE = 4.0f;

FW_COLD uint32_t fw_learner_bytes(const fw_learner_config_t *c) {
  /* From `rate` on. Floats from 0 on are in the order of their bits; negative ones and NaN lie above all of them. */
  static const float most[] = {1.0f, 0.99f, 0.1f, 1.0f, 1.0f};
  static const float least = 1e-9f;
  const uint8_t *const values = (const uint8_t *)c + offsetof(fw_learner_config_t, rate);
  bool is_sound = c->features - 1u < FW_LEARNER_FEATURES_LIMIT && c->classes_most - 1u < FW_LEARNER_CLASSES_LIMIT &&
                  c->replay_per_class - 1u < REPLAY_LIMIT && c->guard_samples <= GUARD_LIMIT &&
                  c->loss <= FW_LOSS_SQUARED && bits_of(&c->rate) >= bits_of(&least) &&
                  c->pull * (float)c->classes_most <= 0.1f && fw_adapters_are_sound(&c->adapters, c->features);
  for (uint32_t i = 0; i < sizeof most / sizeof *most; ++i) {
    is_sound = is_sound && bits_of(values + 4u * i) <= bits_of(&most[i]);
  }
  if (c->forgetting != 0.0f) {
    is_sound = is_sound && fw_recursive_is_used(c) && c->loss == FW_LOSS_SQUARED && within(c->forgetting, 0.9f, 1.0f);
  }
  if (!is_sound) return 0;
  const uint32_t matrix = fw_recursive_is_used(c) ? FW_LEARNER_RECURSIVE_BYTES(c->features) : 0u;
  return matrix + FW_LEARNER_ADAPTED_BYTES(c->features, c->classes_most, c->replay_per_class, c->guard_samples,
                                           c->running_statistics, c->loss == FW_LOSS_SQUARED, fw_adapters_channels(c));
}

uint32_t fw_learner_row_bytes(const fw_learner_config_t *c) {
  return fw_learner_row(c);
}

uint32_t fw_learner_floats(const fw_learner_config_t *c) {
  return FW_LEARNER_HEAD_FLOATS(c->features, c->classes_most) + 2u * fw_adapters_channels(c);
}

FW_COLD static bool is_factory_sound(const fw_learner_config_t *c, const fw_learner_factory_t *f) {
  const uint32_t guard_most = c->loss == FW_LOSS_SQUARED ? 0 : c->guard_samples; /* values have theirs from lessons */
  if (f->classes < 1 || f->classes > c->classes_most || f->guard_count > guard_most) return false;
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
  const uint32_t row = fw_learner_row(config);
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
  if (config->loss == FW_LOSS_SQUARED) {
    l->target = (float *)(void *)take(&at, FW_LEARNER_VALUES_BYTES(config->classes_most, config->guard_samples));
  }
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
  const uint32_t bytes = (uint32_t)sizeof(float) * fw_learner_floats(&l->config);
  float *const bias = l->head + (uint32_t)l->config.classes_most * features;
  const float *const factory_bias = l->factory.head + (uint32_t)l->factory.classes * features;
  memset(l->velocity, 0, bytes);
  memset(l->head, 0, bytes); /* also classes without an anchor, and the parameters of adapters */
  for (uint32_t c = 0; c < l->classes; ++c) {
    const uint32_t anchor = l->table[c].anchor;
    if (anchor == FW_LEARNER_NO_ANCHOR) continue;
    memcpy(l->head + c * features, l->factory.head + anchor * features, sizeof(float) * features);
    memcpy(bias + c, factory_bias + anchor, sizeof(float));
  }
  if (fw_recursive_is_used(&l->config)) fw_recursive_reset(l);
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
  const uint32_t row = fw_learner_row(&l->config);
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

FW_SHARED uint32_t fw_learner_random(fw_learner_t *l) {
  uint32_t x = l->generator;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  l->generator = x;
  return x;
}

FW_SHARED bool fw_learner_is_pair(const fw_learner_t *l) {
  return l->config.loss == FW_LOSS_LOGISTIC && l->factory.classes == 1;
}

uint16_t fw_learner_labels(const fw_learner_t *l) {
  return fw_learner_is_pair(l) ? 2 : l->classes;
}

int8_t *fw_learner_replay_row(fw_learner_t *l, uint32_t label, uint32_t index) {
  return l->replay + (label * l->config.replay_per_class + index) * fw_learner_row(&l->config);
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
  if (fw_learner_is_pair(l)) {
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
  l->correct[0] = task == FW_TASK_VALUES ? l->guard_count : 0;
  l->correct[1] = 0;
  l->false_accepts[0] = l->false_accepts[1] = 0;
  /* Guard samples of values know how wrong they were. */
  l->phase = l->guard_count > 0 && task != FW_TASK_VALUES ? FW_PHASE_BEFORE : FW_PHASE_TRAIN;
  if (l->guard_count > 0) memcpy(l->before, l->head, sizeof(float) * fw_learner_floats(&l->config));
}

/* Takes a row for what comes next; false while busy, or where the outputs are not of this sort. */
FW_SHARED static bool take_row(fw_learner_t *l, const int8_t *row, bool has_values) {
  if (l->phase != FW_PHASE_IDLE || (l->target != 0) != has_values) return false;
  memcpy(l->pending, row, fw_learner_row(&l->config));
  return true;
}

FW_COLD fw_status_t fw_learner_teach(fw_learner_t *l, const int8_t *row, uint16_t label) {
  if (label >= fw_learner_labels(l)) return FW_E_ARGUMENT;
  if (!take_row(l, row, false)) return FW_E_STATE;
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
  if (!take_row(l, row, true)) return FW_E_STATE;
  if (!all_within(targets, l->classes, LARGEST)) return FW_E_ARGUMENT;
  memmove(l->target, targets, sizeof(float) * l->classes); /* they may be there already */
  begin(l, FW_TASK_VALUES, 1);
  return FW_OK;
}

FW_COLD fw_status_t fw_learner_practise(fw_learner_t *l, uint16_t passes) {
  if (passes == 0 || passes > PASSES_LIMIT) return FW_E_ARGUMENT;
  if (l->phase != FW_PHASE_IDLE || l->target) return FW_E_STATE;
  l->rounds = 1;
  for (uint32_t c = 0; c < l->classes; ++c) {
    if (l->table[c].own > l->rounds) l->rounds = l->table[c].own;
  }
  begin(l, FW_TASK_PRACTISE, (uint32_t)passes * l->rounds * l->classes);
  return FW_OK;
}

/* `start` and the squares of a vector's values. */
FW_SHARED static float with_squares(float start, const float *values, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) start += values[i] * values[i];
  return start;
}

/* A new class starts in the direction of its first embedding, as long as the other classes' rows are on average. */
FW_COLD static void imprint(fw_learner_t *l) {
  const uint32_t features = l->config.features;
  float norms = 0.0f;
  uint32_t rows = 0;
  for (uint32_t c = 0; c < l->classes; ++c) {
    const float square = with_squares(0.0f, l->head + c * features, features);
    if (square > 0.0f) ++rows;
    norms += fw_sqrtf(square);
  }
  const float square = with_squares(0.0f, l->z, features);
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
  const float *const factory_bias = l->factory.head + (uint32_t)l->factory.classes * features;
  /* Each row has its turn once in `classes` updates. */
  fw_head_pull(l->head + row * features, l->head + (uint32_t)l->config.classes_most * features + row,
               l->factory.head + anchor * features, factory_bias[anchor], features, l->config.pull * (float)l->classes);
}

float fw_learner_error(fw_learner_t *l, const float *wanted) {
  for (uint32_t c = 0; c < l->classes; ++c) l->y[c] -= wanted[c];
  return with_squares(0.0f, l->y, l->classes);
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
    rate = rate / (1.0f + rate * with_squares(1.0f, l->z, features));
    l->target[l->classes] = WORSE * fw_learner_error(l, l->target);
  } else if (fw_learner_is_pair(l)) {
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
  const uint32_t row = fw_learner_row(&l->config);
  const uint32_t most = l->config.replay_per_class;
  int8_t *const rows = fw_learner_replay_row(l, l->label, 0);
  if (entry->taught < 0xFFFFu) ++entry->taught;
  uint32_t index = entry->own;
  if (entry->own < most) {
    if (entry->stored < most) {
      memcpy(rows + entry->stored * row, rows + index * row, row);
      ++entry->stored;
    }
    ++entry->own;
  } else {
    index = fw_learner_random(l) % entry->taught;
    if (index >= most) return;
  }
  memcpy(rows + index * row, l->pending, row);
}

FW_COLD fw_status_t fw_learner_keep(fw_learner_t *l, const int8_t *row, uint16_t label) {
  if (label >= l->classes || l->table[label].anchor == FW_LEARNER_NO_ANCHOR) return FW_E_ARGUMENT;
  if (!take_row(l, row, false)) return FW_E_STATE;
  l->label = label;
  keep_pending(l);
  return FW_OK;
}

/* A batch may not cost more than the configuration allows. */
static bool is_worse(const fw_learner_t *l) {
  return l->correct[1] + l->config.guard_loss < l->correct[0] ||
         l->false_accepts[0] + l->config.guard_loss < l->false_accepts[1];
}

FW_COLD static fw_learner_event_t finish(fw_learner_t *l) {
  l->phase = FW_PHASE_IDLE;
  if (l->task == FW_TASK_VALUES) fw_learner_guard_lesson(l);
  if (!is_worse(l)) {
    if (l->task == FW_TASK_TEACH) keep_pending(l);
    if (l->task == FW_TASK_VALUES && fw_recursive_is_used(&l->config)) fw_recursive_keep(l);
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
      l->phase = FW_PHASE_AFTER;
      l->guard_at = 0;
      return l->guard_count ? FW_LEARNER_CHECKED : finish(l); /* without a guard nothing is worse */
    }
    case FW_PHASE_AFTER:
      return fw_learner_check_next(l, 1) ? finish(l) : FW_LEARNER_CHECKED;
    default:
      return FW_LEARNER_IDLE;
  }
}
