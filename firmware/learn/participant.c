#include "learn/participant.h"

#include <string.h>

#include "fw_float.h"
#include "learn/adapters.h"
#include "learn/head.h"
#include "learn/learner.h"
#include "runtime/crc32.h"

enum { TASK_MAGIC = 0x5446, UPDATE_MAGIC = 0x5546 };
enum { STATUS_OK = 0, STATUS_REFUSED = 1, STATUS_FAULT = 2 };
enum { LOCAL_WEIGHTS = 1, LOCAL_BIASES = 2, LOCAL_ADAPTERS = 4 };
static const uint32_t INFINITE = 0x7F800000u;

/* The header of a task as it travels, after its first 4 bytes. */
typedef struct {
  uint32_t model;
  uint32_t sequence;
  uint32_t base;
  uint32_t version;
  uint32_t seed;
  uint16_t steps;
  uint16_t query_steps;
  float rate;
  float momentum;
  float kept_share;
} task_t;

static uint32_t head_floats(const fw_learner_t *l) {
  return FW_LEARNER_HEAD_FLOATS(l->config.features, l->factory.classes);
}

static float *take(uint8_t **at, uint32_t floats) {
  float *const taken = (float *)(void *)*at;
  *at += 4u * floats;
  return taken;
}

fw_status_t fw_participant_open(fw_participant_t *p, fw_learner_t *learner, void *memory, uint32_t bytes) {
  const fw_learner_factory_t *const factory = &learner->factory;
  const uint32_t features = learner->config.features;
  const uint32_t head = head_floats(learner);
  const uint32_t channels = fw_adapters_channels(&learner->config);
  const uint32_t count = FW_PARTICIPANT_COUNT(features, factory->classes, channels);
  if (learner->config.loss == FW_LOSS_SQUARED || factory->classes < 2) return FW_E_STATE;
  if (bytes < FW_PARTICIPANT_BYTES(count)) return FW_E_SPACE;
  memset(p, 0, sizeof *p);
  p->learner = learner;
  p->count = count;
  uint8_t *at = memory;
  p->held = take(&at, count);
  p->residual = take(&at, count);
  p->head = take(&at, count);
  p->velocity = take(&at, count);
  p->answer = at;
  memset(p->held, 0, sizeof(float) * count);
  memcpy(p->held, factory->head, sizeof(float) * head);
  memset(p->residual, 0, sizeof(float) * count);
  p->model = fw_crc32(0, factory->head, 4u * head);
  p->model = fw_crc32(p->model, factory->mean, 4u * features);
  p->model = fw_crc32(p->model, factory->gain, 4u * features);
  if (channels) p->model = fw_crc32(p->model, &learner->config.adapters, sizeof learner->config.adapters);
  return FW_OK;
}

static void mix(uint32_t *x) {
  *x ^= *x >> 16;
  *x *= 0x7FEB352Du;
  *x ^= *x >> 15;
  *x *= 0x846CA68Bu;
  *x ^= *x >> 16;
}

/* The place of `turn` in a permutation of 0 .. count - 1 that `seed` chooses: a permutation of the next power of two,
 * walked along its cycle until it is back inside, which takes two steps on average and `count` at most. */
static uint32_t permuted(uint32_t turn, uint32_t count, uint32_t seed) {
  uint32_t bits = 1;
  while (1u << bits < count) ++bits;
  const uint32_t mask = (1u << bits) - 1u;
  uint32_t key = seed;
  mix(&key);
  uint32_t x = turn;
  do {
    for (uint32_t round = 0; round < 3; ++round) { /* odd factors and shifted sums can be undone: nothing collides */
      x = (x * (key | 1u) + (key >> 7)) & mask;
      x ^= x >> (bits / 2 + 1);
      x = (x * 0x2C1B3C6Du + (key >> 13)) & mask;
      x ^= x >> (bits / 2 + 1);
    }
  } while (x >= count);
  return x;
}

/* The `index`-th row taught or kept here, in order of class and row. */
static const int8_t *sample(fw_learner_t *l, uint32_t index, uint32_t *label) {
  for (uint32_t c = 0; c < l->classes; ++c) {
    const fw_learner_class_t *const entry = &l->table[c];
    if (entry->anchor == FW_LEARNER_NO_ANCHOR) continue;
    if (index < entry->own) {
      *label = entry->anchor;
      return fw_learner_replay_row(l, c, index);
    }
    index -= entry->own;
  }
  return 0;
}

static uint32_t samples_of(const fw_learner_t *l) {
  uint32_t count = 0;
  for (uint32_t c = 0; c < l->classes; ++c) {
    if (l->table[c].anchor != FW_LEARNER_NO_ANCHOR) count += l->table[c].own;
  }
  return count;
}

/* Probabilities of the factory's classes in the learner's working space; false if one is not finite. */
static bool outputs(fw_participant_t *p, const float *head, const int8_t *row) {
  fw_learner_t *const l = p->learner;
  const uint32_t features = l->config.features;
  const uint32_t classes = l->factory.classes;
  if (fw_adapters_channels(&l->config)) {
    fw_adapters_standardise(l, head + head_floats(l), row);
  } else {
    fw_head_standardise(row, l->mean, l->gain, l->z, features);
  }
  fw_head_forward(head, l->z, l->y, classes, classes, features);
  for (uint32_t c = 0; c < classes; ++c) {
    if (!(l->y[c] >= -3e38f && l->y[c] <= 3e38f)) return false;
  }
  fw_head_activate(l->y, classes, (fw_loss_t)l->config.loss);
  return true;
}

static uint32_t most_probable(const fw_learner_t *l) {
  uint32_t best = 0;
  for (uint32_t c = 1; c < l->factory.classes; ++c) {
    if (l->y[c] > l->y[best]) best = c;
  }
  return best;
}

/* Looks at one guard sample: 1 right, 0 wrong, -1 none of the factory's classes. */
static int check(fw_participant_t *p, const float *head, uint32_t index) {
  fw_learner_t *const l = p->learner;
  const uint16_t label = l->guard_labels[index];
  if (label >= l->classes || l->table[label].anchor == FW_LEARNER_NO_ANCHOR) return -1;
  return outputs(p, head, l->guard + index * fw_learner_row_bytes(&l->config)) &&
         most_probable(l) == l->table[label].anchor;
}

uint16_t fw_participant_evaluate(fw_participant_t *p, const float *head, uint16_t *tested) {
  uint16_t correct = 0;
  *tested = 0;
  for (uint32_t i = 0; i < p->learner->guard_count; ++i) {
    const int answer = check(p, head, i);
    if (answer >= 0) ++*tested;
    if (answer > 0) ++correct;
  }
  return correct;
}

/* What travels when some parts stay: weights, then biases, then adapters. */
static fw_shared_t shared_of(const fw_participant_t *p, uint8_t local) {
  const uint32_t head = head_floats(p->learner);
  const uint32_t biases = p->learner->factory.classes;
  const uint32_t weights = head - biases;
  fw_shared_t shared = {0, p->count, 0, p->count};
  if (local & LOCAL_ADAPTERS) shared.count = head;
  if (local & LOCAL_BIASES) {
    shared.hole_at = weights;
    shared.hole = biases;
    shared.count -= biases;
  }
  if (local & LOCAL_WEIGHTS) { /* behind a hole at `weights` there is nothing to skip but the hole */
    shared.first = weights;
    shared.count -= weights;
  }
  return shared;
}

static void answer(fw_participant_t *p, uint8_t status) {
  const uint16_t magic = UPDATE_MAGIC;
  const uint8_t kind[2] = {status, 0};
  memcpy(p->answer, &magic, 2);
  memcpy(p->answer + 2, kind, 2);
  memcpy(p->answer + 4, &p->model, 4);
  memcpy(p->answer + 8, &p->state.sequence, 4);
  memcpy(p->answer + 12, &p->samples, 4);
  memcpy(p->answer + 16, &p->correct, 2);
  memcpy(p->answer + 18, &p->tested, 2);
  const fw_shared_t nothing = {0, 0, 0, 0};
  uint32_t bytes = FW_UPDATE_HEADER;
  bytes += fw_exchange_encode(p->head, status == STATUS_OK ? &p->shared : &nothing, (fw_exchange_encoding_t)p->encoding,
                              p->kept_share, p->answer + bytes);
  const uint32_t crc = fw_crc32(0, p->answer, bytes);
  memcpy(p->answer + bytes, &crc, 4);
  p->answer_bytes = bytes + FW_MESSAGE_CRC;
  p->is_busy = false;
}

static bool within(float value, float least, float most) {
  return value >= least && value <= most;
}

static bool is_possible(const fw_participant_t *p, const task_t *task, uint32_t count) {
  return task->model == p->model && (task->base == 0 || task->base == p->state.version) && count == p->shared.count &&
         task->steps > 0 && within(task->rate, 1e-9f, 1.0f) && within(task->momentum, 0.0f, 0.99f) &&
         within(task->kept_share, 1e-9f, 1.0f);
}

/* The parameters that travel; what stays here stays. */
static void back_to_factory(fw_participant_t *p) {
  const uint32_t head = head_floats(p->learner);
  for (uint32_t i = 0; i < p->shared.count; ++i) {
    const uint32_t at = fw_shared_index(&p->shared, i);
    p->held[at] = at < head ? p->learner->factory.head[at] : 0.0f;
  }
}

fw_status_t fw_participant_begin(fw_participant_t *p, const uint8_t *message, uint32_t bytes) {
  if (p->is_busy) return FW_E_STATE;
  if (bytes < FW_TASK_HEADER + FW_VECTOR_HEADER + FW_MESSAGE_CRC) return FW_E_FORMAT;
  uint16_t magic;
  uint32_t crc;
  uint32_t count;
  task_t task;
  memcpy(&magic, message, 2);
  memcpy(&crc, message + bytes - FW_MESSAGE_CRC, 4);
  if (magic != TASK_MAGIC || crc != fw_crc32(0, message, bytes - FW_MESSAGE_CRC)) return FW_E_FORMAT;
  const uint8_t encoding = message[2] & 15u;
  const uint8_t local = message[2] >> 4;
  const uint8_t *const vector = message + FW_TASK_HEADER;
  const fw_status_t status = fw_exchange_check(vector, bytes - FW_TASK_HEADER - FW_MESSAGE_CRC, &count);
  if (status != FW_OK || encoding > FW_EXCHANGE_INT8) return FW_E_FORMAT;
  if (p->answer_bytes && crc == p->answered_crc) return FW_OK;
  memcpy(&task, message + 4, sizeof task);
  p->answered_crc = crc;
  p->encoding = encoding;
  p->local = local;
  p->shared = shared_of(p, local);
  p->samples = samples_of(p->learner);
  p->step = 0;
  p->steps = (uint32_t)task.steps + task.query_steps;
  p->query_steps = task.query_steps;
  p->seed = task.seed;
  p->rate = task.rate;
  p->momentum = task.momentum;
  p->kept_share = task.kept_share;
  p->checked = 0;
  p->correct = 0;
  p->tested = 0;
  const bool is_refused = !is_possible(p, &task, count) || p->samples == 0;
  if (task.sequence <= p->state.sequence && !is_refused) { /* another federation: nothing is owed to it */
    memset(p->residual, 0, sizeof(float) * p->count);
  }
  const uint32_t last = p->state.sequence;
  p->state.sequence = task.sequence;
  if (is_refused) {
    answer(p, STATUS_REFUSED);
    p->state.sequence = last; /* the same sequence may come again with a head that can be used */
    return FW_OK;
  }
  p->is_busy = true;
  p->state.version = task.version;
  if (task.base == 0) back_to_factory(p);
  fw_exchange_apply(vector, p->held, p->held, &p->shared);
  memcpy(p->head, p->held, sizeof(float) * p->count);
  memset(p->velocity, 0, sizeof(float) * p->count);
  return FW_OK;
}

/* What to compare the trained head with: the head as it came, or as it was before the query. The answer's memory is
 * free until the answer is written. */
static float *before_query(fw_participant_t *p) {
  return (float *)(void *)(p->answer + FW_UPDATE_HEADER + FW_VECTOR_HEADER);
}

static void finish(fw_participant_t *p) {
  const float *const from = p->query_steps ? before_query(p) : p->held;
  uint32_t next = 0;
  for (uint32_t i = 0; i < p->count; ++i) { /* parameters that stay are kept as they were trained */
    if (next < p->shared.count && fw_shared_index(&p->shared, next) == i) {
      p->head[i] = (p->head[i] - from[i]) + p->residual[i];
      ++next;
    } else {
      p->held[i] = p->head[i];
    }
  }
  for (uint32_t i = 0; i < p->shared.count; ++i) {
    uint32_t bits;
    memcpy(&bits, &p->head[fw_shared_index(&p->shared, i)], sizeof bits);
    if ((bits & INFINITE) == INFINITE) {
      answer(p, STATUS_FAULT);
      return;
    }
  }
  answer(p, STATUS_OK);
  for (uint32_t i = 0; i < p->shared.count; ++i) {
    const uint32_t at = fw_shared_index(&p->shared, i);
    p->residual[at] = p->head[at];
  }
}

bool fw_participant_poll(fw_participant_t *p) {
  if (!p->is_busy) return false;
  fw_learner_t *const l = p->learner;
  if (p->checked < l->guard_count) {
    const int right = check(p, p->held, p->checked++);
    if (right >= 0) ++p->tested;
    if (right > 0) ++p->correct;
    return true;
  }
  if (p->step == p->steps) {
    finish(p);
    return false;
  }
  if (p->query_steps && p->step == p->steps - p->query_steps) {
    memcpy(before_query(p), p->head, sizeof(float) * p->count);
  }
  uint32_t label = 0;
  const uint32_t turn = p->step++;
  const int8_t *const row =
      sample(l, permuted(turn % p->samples, p->samples, p->seed + turn / p->samples * 0x9E3779B9u), &label);
  if (!row || !outputs(p, p->head, row)) {
    answer(p, STATUS_FAULT);
    return false;
  }
  l->y[label] -= 1.0f;
  if (fw_adapters_channels(&l->config)) {
    const uint32_t behind = head_floats(l);
    const fw_adapters_training_t training = {
        p->head, p->head + behind, p->velocity + behind, l->factory.classes, p->momentum, 0.0f};
    fw_adapters_descend(l, &training, row, p->rate);
  }
  fw_head_descend(p->head, p->velocity, l->z, l->y, l->factory.classes, l->factory.classes, l->config.features, p->rate,
                  p->momentum);
  return true;
}
