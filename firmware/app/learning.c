#include <stddef.h>
#include <string.h>

#include "fw_adapters.h"
#include "fw_float.h"
#include "fw_learning.h"
#include "fw_model.h"
#include "learn/learner.h"
#include "learn/script.h"
#include "runtime/posterior.h"

fw_status_t fw_learning_open(fw_learning_t *g, const fw_learning_config_t *config, const uint8_t *model_sha256) {
  memset(g, 0, sizeof *g);
  g->config = config;
  fw_status_t status = fw_script_factory(config->factory, config->factory_bytes, &g->learner_config, &g->factory);
  if (status != FW_OK) return status;
  status = fw_learner_open(&g->learner, &g->learner_config, &g->factory, config->memory, config->memory_bytes);
  if (status == FW_E_STATE) {
    g->refused = 1;
    status = fw_learner_start(&g->learner, &g->learner_config, &g->factory, config->memory, config->memory_bytes);
  }
  if (status != FW_OK) return status;
  (void)fw_keeper_open(&g->keeper, &g->learner, model_sha256);
  return FW_OK;
}

void fw_learning_restart(fw_learning_t *g) {
  memset(g->has, 0, sizeof g->has);
  memset(g->has_target, 0, sizeof g->has_target);
  g->near.posterior_q15 = 0;
  g->misses = 0;
  g->rule_count = 0;
  g->rule_value = 0.0f;
}

/* ---- classes and labels ---- */

uint32_t fw_learning_labels(const fw_learning_t *g) {
  return fw_learner_labels(&g->learner) > g->learner.classes ? 2u : g->learner_config.classes_most;
}

static bool is_pair(const fw_learning_t *g) {
  return fw_learner_labels(&g->learner) > g->learner.classes;
}

uint32_t fw_learning_label(const fw_learning_t *g, uint32_t class_number) {
  const fw_learner_class_t *const table = g->learner.table;
  if (is_pair(g)) return class_number;
  if (table[class_number].anchor != FW_LEARNER_NO_ANCHOR) return table[class_number].anchor;
  uint32_t label = g->factory.classes;
  for (uint32_t c = 0; c < class_number; ++c) label += table[c].anchor == FW_LEARNER_NO_ANCHOR;
  return label;
}

uint32_t fw_learning_class(const fw_learning_t *g, uint32_t label) {
  if (is_pair(g)) return label < 2u ? label : FW_LEARNER_NEGATIVE;
  for (uint32_t c = 0; c < g->learner.classes; ++c) {
    if (fw_learning_label(g, c) == label) return c;
  }
  return FW_LEARNER_NEGATIVE;
}

const char *fw_learning_name(const fw_learning_t *g, uint32_t label) {
  const uint32_t class_number = fw_learning_class(g, label);
  return class_number == FW_LEARNER_NEGATIVE || is_pair(g) || fw_learning_has_values(g)
             ? ""
             : g->learner.table[class_number].name;
}

/* ---- samples ---- */

static int8_t *sample(const fw_learning_t *g, fw_sample_kind_t kind) {
  return g->config->samples + (uint32_t)kind * fw_learner_row_bytes(&g->learner_config);
}

static float *target(const fw_learning_t *g, fw_sample_kind_t kind) {
  return g->config->targets + (uint32_t)kind * g->factory.classes;
}

static void keep(fw_learning_t *g, fw_sample_kind_t kind) {
  memcpy(sample(g, kind), sample(g, FW_SAMPLE_NEWEST), fw_learner_row_bytes(&g->learner_config));
  g->has[kind] = 1;
  g->has_target[kind] = g->has_target[FW_SAMPLE_NEWEST];
  if (g->has_target[kind] != 0u) {
    memcpy(target(g, kind), target(g, FW_SAMPLE_NEWEST), sizeof(float) * g->factory.classes);
  }
}

/* A class that was added and never taught is nobody's answer: its share goes to the others. */
static float known_share(const fw_learner_t *l) {
  float share = 1.0f;
  if (l->config.loss != FW_LOSS_SOFTMAX) return share;
  for (uint32_t c = 0; c < l->classes; ++c) {
    if (l->table[c].anchor == FW_LEARNER_NO_ANCHOR && l->table[c].taught == 0u) share -= l->y[c];
  }
  return share > 1e-6f ? share : 1.0f;
}

static void note_sample(fw_learning_t *g, const int8_t *embedding) {
#if defined(FW_ADAPTERS)
  if (g->map != NULL) {
    fw_adapters_row(&g->learner, embedding, g->map, sample(g, FW_SAMPLE_NEWEST));
    return;
  }
#endif
  memcpy(sample(g, FW_SAMPLE_NEWEST), embedding, g->learner_config.features);
}

#if defined(FW_ADAPTERS)
void fw_learning_fold(const fw_learning_t *g, void *model_state) {
  const fw_adapter_places_t *const places = &g->config->adapters;
  uint8_t *const state = model_state;
  const fw_adapter_tables_t tables = {(int32_t *)(void *)(state + places->bias),
                                      (int32_t *)(void *)(state + places->multiplier), (int8_t *)state + places->shift};
  fw_model_reset(model_state);
  fw_adapters_fold(&g->learner_config.adapters, fw_adapters_parameters(&g->learner), &tables);
}
#endif

void fw_learning_heard(fw_learning_t *g, const int8_t *embedding) {
  if (embedding != sample(g, FW_SAMPLE_NEWEST)) note_sample(g, embedding);
  g->has[FW_SAMPLE_NEWEST] = 1;
}

void fw_learning_posteriors(fw_learning_t *g, const int8_t *embedding, uint16_t *posteriors_q15) {
  fw_learner_t *const l = &g->learner;
  memset(posteriors_q15, 0, sizeof *posteriors_q15 * fw_learning_labels(g));
  fw_learning_heard(g, embedding);
  const fw_learner_answer_t answer = fw_learner_classify(l, embedding);
  if (!answer.accepted) return;
  if (is_pair(g)) {
    posteriors_q15[1] = fw_posterior_q15(l->y[0]);
    posteriors_q15[0] = (uint16_t)(FW_Q15_ONE - posteriors_q15[1]);
    return;
  }
  const float share = known_share(l);
  for (uint32_t c = 0; c < l->classes; ++c) {
    const bool is_known = l->table[c].anchor != FW_LEARNER_NO_ANCHOR || l->table[c].taught != 0u;
    if (is_known) posteriors_q15[fw_learning_label(g, c)] = fw_posterior_q15(l->y[c] / share);
  }
}

int fw_learning_has_values(const fw_learning_t *g) {
  return g->learner_config.loss == FW_LOSS_SQUARED;
}

const float *fw_learning_values(fw_learning_t *g, const int8_t *embedding) {
  fw_learning_heard(g, embedding);
  (void)fw_learner_classify(&g->learner, embedding);
  return g->learner.y;
}

void fw_learning_target(fw_learning_t *g, const float *values) {
  float *const kept = target(g, FW_SAMPLE_NEWEST);
  g->has_target[FW_SAMPLE_NEWEST] = 1;
  for (uint32_t i = 0; i < g->factory.classes; ++i) {
    kept[i] = values[i];
    if (!(values[i] - values[i] == 0.0f)) g->has_target[FW_SAMPLE_NEWEST] = 0;
  }
}

void fw_learning_target_tensor(fw_learning_t *g, const void *values, const fw_tensor_info_t *tensor) {
  for (uint32_t i = 0; i < g->factory.classes; ++i) {
    target(g, FW_SAMPLE_NEWEST)[i] = fw_tensor_value(values, tensor, i);
  }
  g->has_target[FW_SAMPLE_NEWEST] = 1;
}

void fw_learning_detected(fw_learning_t *g, uint32_t label) {
  keep(g, FW_SAMPLE_DETECTED);
  g->detected = (uint16_t)label;
  g->near.posterior_q15 = 0; /* it was on the way to this */
  g->has[FW_SAMPLE_MISSED] = 0;
}

/* Where near miss `number` lies. */
static int8_t *miss_sample(const fw_learning_t *g, uint32_t number) {
  return g->config->samples +
         (FW_SAMPLE_KINDS + number % g->config->misses_most) * fw_learner_row_bytes(&g->learner_config);
}

void fw_learning_missed(fw_learning_t *g, const fw_miss_t *miss) {
  if (miss->posterior_q15 > g->near.posterior_q15) {
    keep(g, FW_SAMPLE_MISSED);
    g->near = *miss;
  } else if (miss->posterior_q15 == 0u && g->near.posterior_q15 != 0u) {
    if (g->config->misses_most != 0u) {
      memcpy(miss_sample(g, g->misses), sample(g, FW_SAMPLE_MISSED), fw_learner_row_bytes(&g->learner_config));
      g->config->misses[g->misses % g->config->misses_most] = g->near;
      g->misses++;
    }
    g->near.posterior_q15 = 0;
  }
}

int fw_learning_miss(const fw_learning_t *g, uint32_t number, fw_miss_t *miss) {
  if (number >= g->misses || g->misses - number > g->config->misses_most) return 0;
  *miss = g->config->misses[number % g->config->misses_most];
  return 1;
}

/* ---- teaching ---- */

/* `embedding` null: there is none. */
static fw_status_t teach(fw_learning_t *g, const int8_t *embedding, uint32_t class_number) {
  if (class_number >= fw_learner_labels(&g->learner)) return FW_E_ARGUMENT;
  if (embedding == NULL) return FW_E_UNKNOWN;
  if (g->refused != 0u || g->held != 0u) return FW_E_STATE;
  const fw_status_t status = fw_learner_teach(&g->learner, embedding, (uint16_t)class_number);
  if (status == FW_OK) ++g->teachings;
  return status;
}

fw_status_t fw_learning_teach_values(fw_learning_t *g, fw_sample_kind_t kind) {
  if (g->has[kind] == 0u || g->has_target[kind] == 0u) return FW_E_UNKNOWN;
  if (g->refused != 0u) return FW_E_STATE;
  const fw_status_t status = fw_learner_teach_values(&g->learner, sample(g, kind), target(g, kind));
  if (status == FW_OK) ++g->teachings;
  return status;
}

fw_status_t fw_learning_teach(fw_learning_t *g, fw_sample_kind_t kind, uint32_t class_number) {
  return teach(g, g->has[kind] != 0u ? sample(g, kind) : NULL, class_number);
}

fw_status_t fw_learning_teach_miss(fw_learning_t *g, uint32_t number, uint32_t class_number) {
  fw_miss_t miss;
  return teach(g, fw_learning_miss(g, number, &miss) ? miss_sample(g, number) : NULL, class_number);
}

void fw_learning_row(fw_learning_t *g, const float *row, uint32_t columns) {
  if (g->config->rule.every != 0u && g->config->rule.column < columns) g->rule_value = row[g->config->rule.column];
}

/* The rule labels the newest sample, at most once for each. */
static void apply_rule(fw_learning_t *g) {
  const fw_label_rule_t *const rule = &g->config->rule;
  const float value = g->rule_value;
  if (rule->every == 0u || ++g->rule_count < rule->every || !(value - value == 0.0f)) return; /* NaN: missing */
  const uint32_t label = value > rule->above ? rule->then_class : rule->otherwise_class;
  const uint32_t class_number = fw_learning_class(g, label);
  if (class_number != FW_LEARNER_NEGATIVE && fw_learning_teach(g, FW_SAMPLE_NEWEST, class_number) == FW_OK) {
    g->rule_count = 0;
  }
}

void fw_learning_inferred(fw_learning_t *g) {
  apply_rule(g);
}

static fw_status_t changed(fw_learning_t *g, fw_status_t status) {
  if (status == FW_OK) fw_keeper_changed(&g->keeper);
  if (status == FW_OK) g->changed_ms = g->now_ms;
  return status;
}

fw_status_t fw_learning_add_class(fw_learning_t *g, const char *name, uint16_t *class_number) {
  const fw_learner_t *const l = &g->learner;
  uint32_t added = 0;
  if (fw_keeper_is_busy(&g->keeper)) return FW_E_STATE;
  /* Labels of removed classes are not given away again, so that they mean what they did. */
  for (uint32_t c = 0; c < l->classes; ++c) added += l->table[c].anchor == FW_LEARNER_NO_ANCHOR;
  if (!is_pair(g) && g->factory.classes + added >= l->config.classes_most) return FW_E_SPACE;
  return changed(g, fw_learner_add_class(&g->learner, name, class_number));
}

fw_status_t fw_learning_remove_class(fw_learning_t *g, uint32_t class_number) {
  if (fw_keeper_is_busy(&g->keeper)) return FW_E_STATE;
  return changed(g, fw_learner_remove_class(&g->learner, (uint16_t)class_number));
}

fw_status_t fw_learning_rename_class(fw_learning_t *g, uint32_t class_number, const char *name) {
  if (fw_keeper_is_busy(&g->keeper)) return FW_E_STATE;
  return changed(g, fw_learner_rename_class(&g->learner, (uint16_t)class_number, name));
}

/* ---- time ---- */

void fw_learning_clock(fw_learning_t *g, uint32_t now_ms) {
  g->now_ms = now_ms;
  if (g->config->save_every_ms == 0u || g->keeper.unsaved == 0u || fw_keeper_is_busy(&g->keeper)) return;
  if (now_ms - g->changed_ms < g->config->save_wait_ms || now_ms - g->saved_ms < g->config->save_every_ms) return;
  g->saved_ms = now_ms;
  (void)fw_keeper_save(&g->keeper);
}

int fw_learning_poll(fw_learning_t *g) {
  const fw_keeper_event_t event = fw_keeper_poll(&g->keeper);
  switch (event) {
    case FW_KEEPER_ACCEPTED:
    case FW_KEEPER_ROLLED_BACK:
    case FW_KEEPER_FAULT:
      g->last = event;
      g->changed_ms = g->now_ms;
      break;
    case FW_KEEPER_SAVED:
      g->saved_ms = g->now_ms;
      g->store_failed = 0;
      break;
    case FW_KEEPER_NOT_SAVED:
      g->store_failed = 1;
      break;
    default:
      break;
  }
  return event != FW_KEEPER_IDLE;
}
