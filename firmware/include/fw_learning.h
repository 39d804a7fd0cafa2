/* The part of an app that learns: the head behind the model's embedding, the samples that labels are about, and the
 * store that keeps it all.
 *
 * The app (fw_app.h) shows it every embedding and polls it. Labels come from the link (docs/link.md), from a rule over
 * sensor rows, from buttons (fw_buttons.h), or from code of your own:
 *
 *     if (someone_is_there) fw_learning_teach(app_memory.learning, FW_SAMPLE_NEWEST, 2);
 *
 * Call it from the app's task, not from an interrupt. Classes have two numbers: `class` counts the learner's table,
 * which closes its gaps; `label` is the detector's, and stays: the model's own classes keep theirs, added ones follow.
 */
#ifndef FW_LEARNING_H
#define FW_LEARNING_H

#include "fw_keeper.h"
#include "fw_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Embeddings that are kept. */
typedef enum {
  FW_SAMPLE_NEWEST = 0,   /* of the newest inference */
  FW_SAMPLE_DETECTED = 1, /* of the newest detection */
  FW_SAMPLE_MISSED = 2,   /* of the newest near miss since then */
  FW_SAMPLE_KINDS = 3
} fw_sample_kind_t;

/* A near miss: the likeliest inference of a stretch in which a posterior lay above half its threshold, and that ended
 * without a detection. Its embedding is kept, and may be labelled later. */
typedef struct {
  uint32_t t_ms;
  uint16_t label; /* the likeliest */
  uint16_t posterior_q15;
} fw_miss_t;

/* A weak label for every so many rows: a class while a column is above a value, another one while it is not. */
typedef struct {
  uint32_t every; /* inferences from one label to the next; 0: there is no rule */
  uint32_t column;
  float above;
  uint16_t then_class;      /* of the model's own */
  uint16_t otherwise_class; /* likewise */
} fw_label_rule_t;

/* Where the model's state has the tables of the layer with adapters (fw_adapters.h), bytes from its start. */
typedef struct {
  uint32_t bias;
  uint32_t multiplier;
  uint32_t shift;
} fw_adapter_places_t;

typedef struct {
  const void *factory; /* a factory block (learn/script.h), aligned to 4 bytes */
  uint32_t factory_bytes;
  void *memory; /* FW_LEARNER_BYTES(), aligned to 4 bytes */
  uint32_t memory_bytes;
  int8_t *samples;        /* [FW_SAMPLE_KINDS + misses_most][fw_learner_row_bytes()] */
  fw_miss_t *misses;      /* [misses_most], or null */
  uint32_t misses_most;   /* newest near misses that are kept; 0: none */
  uint32_t save_wait_ms;  /* what is learned is saved by itself when so long nothing was taught … */
  uint32_t save_every_ms; /* … and the last save is so long ago. 0: never by itself */
  fw_label_rule_t rule;
  fw_adapter_places_t adapters;
  float *targets; /* [FW_SAMPLE_KINDS][outputs], of a learner whose outputs are values (FW_LOSS_SQUARED); else null */
} fw_learning_config_t;

typedef struct {
  const fw_learning_config_t *config;
  fw_learner_config_t learner_config;
  fw_learner_factory_t factory;
  fw_learner_t learner;
  fw_keeper_t keeper;
  const int8_t *map; /* output of the layer with adapters, in the arena; NULL: there is none */
  uint32_t now_ms;
  uint32_t changed_ms; /* when something was taught last */
  uint32_t saved_ms;
  uint32_t rule_count; /* inferences since the rule's last label */
  uint32_t teachings;
  fw_keeper_event_t last; /* how the last one ended: ACCEPTED, ROLLED_BACK, FAULT; IDLE: there was none */
  float rule_value;
  uint16_t detected; /* label of FW_SAMPLE_DETECTED */
  fw_miss_t near;    /* the likeliest of the stretch that goes on; posterior 0: there is none */
  uint32_t misses;   /* since the app's start */
  uint8_t has[FW_SAMPLE_KINDS];
  uint8_t has_target[FW_SAMPLE_KINDS]; /* it is known what its outputs should have been */
  uint8_t store_failed;
  uint8_t held;    /* a federation's task trains on the samples: nothing is taught meanwhile */
  uint8_t refused; /* the self-test failed: this build computes other bits than all others, and learns nothing */
} fw_learning_t;

/* FW_E_FORMAT: the factory block is damaged; or what fw_learner_open() says. Without flash it works, but saves
 * nothing; where the self-test fails, it classifies and refuses to learn. */
fw_status_t fw_learning_open(fw_learning_t *learning, const fw_learning_config_t *config, const uint8_t *model_sha256);

/* Forgets the samples: the app starts anew. */
void fw_learning_restart(fw_learning_t *learning);

/* Labels of the detector: those of the model and places for others. */
uint32_t fw_learning_labels(const fw_learning_t *learning);

/* The class of a label, or FW_LEARNER_NEGATIVE if it has none now; and the other way round. */
uint32_t fw_learning_class(const fw_learning_t *learning, uint32_t label);
uint32_t fw_learning_label(const fw_learning_t *learning, uint32_t class_number);

/* The name of a label; empty if it has no class. */
const char *fw_learning_name(const fw_learning_t *learning, uint32_t label);

/* Before an inference: what adapters have learned, into the model's state. Only with FW_ADAPTERS. */
void fw_learning_fold(const fw_learning_t *learning, void *model_state);

/* An embedding becomes the newest sample, without an answer. */
void fw_learning_heard(fw_learning_t *learning, const int8_t *embedding);

/* Posteriors of a new embedding, [labels]; all 0 where the answer is "none of them". */
void fw_learning_posteriors(fw_learning_t *learning, const int8_t *embedding, uint16_t *posteriors_q15);

/* Of a learner whose outputs are values, not classes: a regression, or an autoencoder. */
int fw_learning_has_values(const fw_learning_t *learning);

/* The values for a new embedding, [outputs]; they hold until the next call. */
const float *fw_learning_values(fw_learning_t *learning, const int8_t *embedding);

/* What the newest sample's outputs should have been, [outputs]; a value that is not finite: nobody knows. */
void fw_learning_target(fw_learning_t *learning, const float *values);

/* The same from a tensor: an autoencoder's outputs should have been its inputs. */
void fw_learning_target_tensor(fw_learning_t *learning, const void *values, const fw_tensor_info_t *tensor);

/* Teaches a kept sample what its outputs should have been. FW_E_UNKNOWN: there is no such sample, or nobody knows;
 * FW_E_STATE: busy with the last one. Then nothing has changed. */
fw_status_t fw_learning_teach_values(fw_learning_t *learning, fw_sample_kind_t kind);

/* What the detector made of it: a detection, or the likeliest label of those that reached half their thresholds
 * (posterior 0: none did). */
void fw_learning_detected(fw_learning_t *learning, uint32_t label);
void fw_learning_missed(fw_learning_t *learning, const fw_miss_t *miss);

/* Near miss `number`, counted from 0 at the start. Returns 0 if there is none yet, or none any more because misses_most
 * newer ones exist. */
int fw_learning_miss(const fw_learning_t *learning, uint32_t number, fw_miss_t *miss);

/* The inference is over: the rule may label it. */
void fw_learning_inferred(fw_learning_t *learning);

/* A row of sensors, for the rule. */
void fw_learning_row(fw_learning_t *learning, const float *row, uint32_t columns);

/* The clock, for saving. */
void fw_learning_clock(fw_learning_t *learning, uint32_t now_ms);

/* Teaches a kept sample. FW_E_UNKNOWN: there is no such sample; FW_E_ARGUMENT: no such class; FW_E_STATE: busy with the
 * last one. Then nothing has changed. */
fw_status_t fw_learning_teach(fw_learning_t *learning, fw_sample_kind_t kind, uint32_t class_number);

/* Likewise a near miss. */
fw_status_t fw_learning_teach_miss(fw_learning_t *learning, uint32_t number, uint32_t class_number);

/* Changes of the class table, as in fw_learner.h; FW_E_STATE also while a record is being saved. */
fw_status_t fw_learning_add_class(fw_learning_t *learning, const char *name, uint16_t *class_number);
fw_status_t fw_learning_remove_class(fw_learning_t *learning, uint32_t class_number);
fw_status_t fw_learning_rename_class(fw_learning_t *learning, uint32_t class_number, const char *name);

/* At most one update or one step of saving. Returns 0 if there was nothing to do. */
int fw_learning_poll(fw_learning_t *learning);

#ifdef __cplusplus
}
#endif

#endif
