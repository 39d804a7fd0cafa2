/* A classifier's last layer that keeps learning on the device.
 *
 * The model's backbone turns an input into an int8 embedding; the learner owns the layer behind it: float32 weights in
 * RAM that start as the model's own (the factory head). All memory is one block that the caller gives:
 *
 *     static uint32_t memory[FW_LEARNER_BYTES(64, 12, 8, 0, 0, 0) / 4];
 *     fw_learner_open(&learner, &config, &factory, memory, sizeof memory);
 *     fw_learner_teach(&learner, embedding, 3);
 *     while (fw_learner_poll(&learner) != FW_LEARNER_IDLE) {}
 *
 * A poll does at most one update, so that audio never waits for longer than that. The weights after any sequence of
 * calls are the same bits on every target. */
#ifndef FW_LEARNER_H
#define FW_LEARNER_H

#include <stdbool.h>
#include <stdint.h>

#include "fw_status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  FW_LEARNER_NAME_BYTES = 20,      /* a class's name with its final zero */
  FW_LEARNER_NEGATIVE = 0xFFFF,    /* label of a guard sample that belongs to no class */
  FW_LEARNER_NO_ANCHOR = 0xFF,     /* a class that the factory head does not have */
  FW_LEARNER_CLASSES_LIMIT = 128,  /* classes of one learner at most */
  FW_LEARNER_FEATURES_LIMIT = 4096 /* features of one learner at most */
};

typedef enum {
  FW_LOSS_SOFTMAX = 0,  /* cross-entropy over classes that exclude each other */
  FW_LOSS_LOGISTIC = 1, /* one yes/no decision per output; a single output: label 0 is no, label 1 yes */
  FW_LOSS_SQUARED = 2   /* regression: half the squared error */
} fw_loss_t;

/* Adapters: a scale and a bias for each channel of the backbone's last layer, learned with the head (fw_adapters.h;
 * docs/learning.md). Only in builds with FW_ADAPTERS. */
typedef struct {
  uint16_t channels;  /* of that layer; 0: no adapters */
  uint16_t positions; /* pixels of it that the embedding is the mean of; 0: the embedding is its output itself */
  int16_t zero_point; /* of the embedding */
  int16_t floor;      /* what that layer's rectifier gives for everything below 0 */
  float rate;         /* their step, as a multiple of the head's; 0 to 10 */
  float scale_unit;   /* what a parameter of 1 adds to a scale of 1; 0.001 to 1 */
  float bias_unit;    /* ... and to a bias of 0, in int8 units of the embedding; 0.01 to 64 */
  float ratio;        /* int8 units of the embedding that one of the layer's output is */
} fw_adapter_config_t;

/* Fixed when the firmware is built. */
typedef struct {
  uint16_t features;           /* length of an embedding */
  uint16_t classes_most;       /* outputs of the model and classes that people may add */
  uint16_t replay_per_class;   /* embeddings kept of each class, 1 to 255 */
  uint16_t guard_samples;      /* embeddings that updates are checked with; 0: no guard and no rollback */
  uint16_t loss;               /* fw_loss_t */
  uint16_t running_statistics; /* 1: mean and gain follow what is taught; 0: they stay those of the factory */
  uint16_t replays_per_sample; /* updates with stored embeddings after each taught one */
  uint16_t guard_loss;         /* guard samples, and false accepts, that may be lost before a batch is rolled back; of
                                  regressions, those that may become worse than they were before they were taught */
  float rate;                  /* step of gradient descent, above 0 and at most 1 */
  float momentum;              /* 0 to 0.99 */
  float pull;                  /* share of the way back to the factory head, per update; 0 to 0.1 */
  float imprint;               /* a new class's first weights: this times the mean norm of the others; 0 to 1 */
  float reject_below;          /* confidence under which an answer is "none of them"; 0: never */
  fw_adapter_config_t adapters;
  float forgetting; /* regressions: 0: gradient descent; 0.9 to 1: recursive least squares, what was learned counts this
                       much after each sample. Only in builds with FW_RECURSIVE. */
} fw_learner_config_t;

/* What the model brings; lies in flash, and must stay there as long as the learner is used. */
typedef struct {
  const float *head;            /* [classes][features] weights for standardised embeddings, then [classes] biases */
  const float *mean;            /* [features], in int8 units */
  const float *gain;            /* [features], one over the standard deviation */
  const char *names;            /* [classes][FW_LEARNER_NAME_BYTES] */
  const int8_t *replay;         /* [classes][replay_per_class of the configuration][row: fw_learner_row_bytes()] */
  const uint8_t *replay_stored; /* [classes] how many of them are there */
  const int8_t *guard;          /* [guard_count][row] */
  const uint16_t *guard_labels; /* [guard_count] class, or FW_LEARNER_NEGATIVE */
  uint16_t guard_count;         /* at most guard_samples */
  uint16_t classes;             /* rows of `head` */
} fw_learner_factory_t;

typedef struct {
  char name[FW_LEARNER_NAME_BYTES];
  uint16_t taught; /* embeddings taught since the factory reset, at most 65535 are counted */
  uint8_t own;     /* replay[0 .. own) were taught here */
  uint8_t stored;  /* replay[own .. stored) came with the model */
  uint8_t anchor;  /* row of the factory head, or FW_LEARNER_NO_ANCHOR */
  uint8_t reserved[3];
} fw_learner_class_t;

/* Bytes of memory a learner needs: of the head and its velocity, of replay, of class table and working space; with a
 * guard also of its embeddings and the head to go back to. A multiple of 4. */
#define FW_LEARNER_HEAD_FLOATS(features, classes) (((uint32_t)(features) + 1u) * (uint32_t)(classes))
#define FW_LEARNER_PADDED(bytes)                  (((uint32_t)(bytes) + 3u) & ~3u)
#define FW_LEARNER_BYTES(features, classes, replay, guard, running, squared) \
  FW_LEARNER_ADAPTED_BYTES(features, classes, replay, guard, running, squared, 0u)
/* With adapters each embedding is stored with half as many bytes again: how much of each feature was active. */
#define FW_LEARNER_ADAPTED_ROW(features) ((features) + ((features) + 1u) / 2u)
#define FW_LEARNER_ADAPTED_BYTES(features, classes, replay, guard, running, squared, channels)                     \
  (4u * (FW_LEARNER_HEAD_FLOATS(features, classes) + 2u * (channels)) * ((guard) ? 3u : 2u) +                      \
   4u * ((features) + (classes)) + ((running) ? 12u * (features) : 0u) +                                           \
   ((squared) ? FW_LEARNER_VALUES_BYTES(classes, guard) : 0u) + (uint32_t)sizeof(fw_learner_class_t) * (classes) + \
   FW_LEARNER_PADDED(((channels) ? FW_LEARNER_ADAPTED_ROW(features) : (features)) *                                \
                     ((uint32_t)(classes) * (replay) + (guard) + 1u)) +                                            \
   FW_LEARNER_PADDED(2u * (guard)))

/* Of regressions: what the outputs of a lesson, and of each guard sample, should have been, and the error up to which
 * that is no worse than it was. */
#define FW_LEARNER_VALUES_BYTES(classes, guard) (4u * ((uint32_t)(classes) + 1u) * ((uint32_t)(guard) + 1u))

/* Bytes more with recursive least squares, for its matrix and the step of a lesson. */
#define FW_LEARNER_MATRIX_FLOATS(features)   (((uint32_t)(features) + 1u) * ((uint32_t)(features) + 2u) / 2u)
#define FW_LEARNER_RECURSIVE_BYTES(features) (4u * (FW_LEARNER_MATRIX_FLOATS(features) + (uint32_t)(features) + 2u))

/* What a poll has done. */
typedef enum {
  FW_LEARNER_IDLE = 0,        /* nothing is left to do */
  FW_LEARNER_UPDATED = 1,     /* one update of the weights */
  FW_LEARNER_CHECKED = 2,     /* one guard sample was looked at */
  FW_LEARNER_ACCEPTED = 3,    /* the batch is finished and stays */
  FW_LEARNER_ROLLED_BACK = 4, /* the batch made the guard samples worse: the head from before is back */
  FW_LEARNER_FAULT = 5        /* weights were no longer finite: the factory head is back */
} fw_learner_event_t;

typedef struct {
  uint16_t label;   /* the most probable class */
  bool accepted;    /* false: the confidence is below `reject_below` */
  float confidence; /* its probability; of a regression, its value */
} fw_learner_answer_t;

/* Private: read it through the functions below. What is read most often stands where a Thumb instruction of two bytes
 * reaches it: bytes first, then half words, then words. */
typedef struct {
  uint8_t phase;
  uint8_t task;
  uint8_t pull_row;
  uint8_t is_balanced;
  uint16_t classes;
  uint16_t guard_count;
  uint16_t guard_seen;
  uint16_t label;
  uint16_t streak; /* lessons of that label before the present one, without another */
  uint16_t rounds;
  uint16_t guard_at;
  uint16_t correct[2];
  uint16_t false_accepts[2];
  uint16_t rollbacks;
  fw_learner_config_t config;
  float *head; /* weights, biases, parameters of adapters: scales, then biases */
  float *z;
  float *y;
  fw_learner_class_t *table;
  int8_t *replay;
  int8_t *pending; /* the embedding being taught */
  float *target;   /* of regressions, with those of the guard; behind them the matrix of recursive least squares */
  int8_t *guard;
  uint16_t *guard_labels;
  float *velocity;
  float *before; /* head at the start of a batch */
  uint32_t step;
  uint32_t steps; /* updates of the batch */
  uint32_t generator;
  uint32_t updates;
  uint32_t statistics_count;
  const float *mean; /* the factory's, or those that run */
  const float *gain;
  float *statistics; /* that run: mean, gain, variance */
  float reject_below;
  fw_learner_factory_t factory;
} fw_learner_t;

/* Bytes that a configuration needs; 0 if a value of it is out of range. */
uint32_t fw_learner_bytes(const fw_learner_config_t *config);

/* Bytes of a row, which is what lessons are given and stored as: the embedding; with adapters, what
 * fw_adapters_row() makes of it. */
uint32_t fw_learner_row_bytes(const fw_learner_config_t *config);

/* Runs the self-test, then starts with the factory head. `memory` is aligned to 4 bytes and stays the learner's.
 * FW_E_ARGUMENT: a value out of range or not finite; FW_E_SPACE: `bytes` are too few; FW_E_STATE: the self-test failed,
 * this build computes other bits than all others and must not learn. */
fw_status_t fw_learner_open(fw_learner_t *learner, const fw_learner_config_t *config,
                            const fw_learner_factory_t *factory, void *memory, uint32_t bytes);

/* A short known sequence of updates compared with its known result: FW_OK or FW_E_STATE. */
fw_status_t fw_learner_self_test(void);

/* Back to the factory head, classes, replay and guard; updates and rollbacks are still counted. */
void fw_learner_reset(fw_learner_t *learner);

/* Which class an embedding is, as the backbone gives it; never an added one that has not been taught. Changes nothing
 * but working space. */
fw_learner_answer_t fw_learner_classify(fw_learner_t *learner, const int8_t *embedding);

/* The same for a row: as the backbone would give it with what the adapters have learned by now. */
fw_learner_answer_t fw_learner_classify_row(fw_learner_t *learner, const int8_t *row);

/* Takes a row and its class; polls do the rest, and keep it for replay unless the guard refuses the batch.
 * FW_E_ARGUMENT: no such class; FW_E_STATE: still busy with the last one, or a regression. Then nothing has changed. */
fw_status_t fw_learner_teach(fw_learner_t *learner, const int8_t *row, uint16_t label);

/* Stores a row of a class of the factory for practice and for federated training, without any update.
 * FW_E_ARGUMENT: no such class, or an added one; FW_E_STATE: busy, or a regression. */
fw_status_t fw_learner_keep(fw_learner_t *learner, const int8_t *row, uint16_t label);

/* Takes a row and the outputs wanted, `targets[classes]`. Its guard are the newest such lessons, accepted or not: one
 * that contradicts them is taken back, and a world that has changed is believed once most of them say so.
 * FW_E_ARGUMENT: a target is not finite, or beyond a million; FW_E_STATE: busy, or no regression. */
fw_status_t fw_learner_teach_values(fw_learner_t *learner, const int8_t *row, const float *targets);

/* Goes `passes` times over what is stored, one embedding of every class in turn; classes that have been taught use only
 * what was taught. FW_E_ARGUMENT: passes is 0 or above 1000; FW_E_STATE: busy, or a regression. */
fw_status_t fw_learner_practise(fw_learner_t *learner, uint16_t passes);

/* Does at most one update and says what it did. */
fw_learner_event_t fw_learner_poll(fw_learner_t *learner);

/* Puts a row among the guard samples (`label` a class or FW_LEARNER_NEGATIVE); when they are full, over a random
 * one, so that they stay a fair sample. FW_E_ARGUMENT: no such class; FW_E_STATE: busy, there is no guard, or a
 * regression. */
fw_status_t fw_learner_guard(fw_learner_t *learner, const int8_t *row, uint16_t label);

/* Sets the confidence below which answers are rejected, so that at most `allowed` of the guard's negatives are
 * accepted. FW_E_STATE: busy, a regression, or there are no negatives. */
fw_status_t fw_learner_calibrate(fw_learner_t *learner, uint16_t allowed);

/* Adds a class; `*label` becomes its number. It starts at zero and is imprinted by the first embedding taught.
 * FW_E_ARGUMENT: the name is empty, too long or taken; FW_E_SPACE: the table is full; FW_E_STATE: busy, or its outputs
 * are no classes. */
fw_status_t fw_learner_add_class(fw_learner_t *learner, const char *name, uint16_t *label);

/* Removes a class, its replay and guard samples; the ones behind it move up. FW_E_ARGUMENT: no such class, or it is the
 * last one; FW_E_STATE: as above. */
fw_status_t fw_learner_remove_class(fw_learner_t *learner, uint16_t label);

/* FW_E_ARGUMENT: no such class, or the name is empty, too long or taken; FW_E_STATE: busy. */
fw_status_t fw_learner_rename_class(fw_learner_t *learner, uint16_t label, const char *name);

#ifdef __cplusplus
}
#endif

#endif
