/* What the parts of the learner share. */
#ifndef FW_LEARNER_PARTS_H
#define FW_LEARNER_PARTS_H

#include "learn/adapters.h"

/* What runs once a lesson or less is built for size, whatever the rest is built for. */
#if defined(__GNUC__)
#define FW_COLD   __attribute__((cold))
#define FW_SHARED __attribute__((cold, noinline)) /* one copy, however small */
#else
#define FW_COLD
#define FW_SHARED
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum { FW_PHASE_IDLE = 0, FW_PHASE_BEFORE = 1, FW_PHASE_TRAIN = 2, FW_PHASE_AFTER = 3 };
enum { FW_TASK_TEACH = 0, FW_TASK_PRACTISE = 1, FW_TASK_VALUES = 2 };

/* As fw_learner_open, without the self-test. */
fw_status_t fw_learner_start(fw_learner_t *learner, const fw_learner_config_t *config,
                             const fw_learner_factory_t *factory, void *memory, uint32_t bytes);

/* xorshift32: the next value of the learner's generator. */
uint32_t fw_learner_random(fw_learner_t *learner);

/* A single logistic output: label 0 is no, label 1 yes. */
bool fw_learner_is_pair(const fw_learner_t *learner);

/* Labels that exist: one more than outputs where a single logistic output says yes or no. */
uint16_t fw_learner_labels(const fw_learner_t *learner);

/* Outputs for an embedding in `y`, probabilities of classes or values; false if one of them is not finite. */
bool fw_learner_outputs(fw_learner_t *learner, const int8_t *embedding);

/* The same for a stored row. */
#if defined(FW_ADAPTERS)
bool fw_learner_row_outputs(fw_learner_t *learner, const int8_t *row);
#else
static inline bool fw_learner_row_outputs(fw_learner_t *learner, const int8_t *row) {
  return fw_learner_outputs(learner, row);
}
#endif

/* Floats of head, velocity and copy of the head: weights and biases, and the parameters of adapters. */
uint32_t fw_learner_floats(const fw_learner_config_t *config);

/* Of what is in `y`: the sum of the squared differences from `wanted`; they take the place of the outputs. */
FW_SHARED float fw_learner_error(fw_learner_t *learner, const float *wanted);

/* fw_learner_row_bytes(), of which most builds know that it is `features`. */
static inline uint32_t fw_learner_row(const fw_learner_config_t *config) {
  return fw_adapters_channels(config) ? FW_LEARNER_ADAPTED_ROW(config->features) : config->features;
}

int8_t *fw_learner_replay_row(fw_learner_t *learner, uint32_t label, uint32_t index);

/* Looks at one guard sample; true when that was the last one. `round` is 0 before and 1 after a batch. */
bool fw_learner_check_next(fw_learner_t *learner, uint32_t round);

/* Puts the lesson in values among the guard samples, over the oldest. */
void fw_learner_guard_lesson(fw_learner_t *learner);

#ifdef __cplusplus
}
#endif

#endif
