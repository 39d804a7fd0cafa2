/* What the learner asks of adapters (fw_adapters.h); without FW_ADAPTERS nothing of them is built. */
#ifndef FW_LEARN_ADAPTERS_H
#define FW_LEARN_ADAPTERS_H

#include "fw_adapters.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Who trains: the learner itself, or a federation's task beside it. */
typedef struct {
  const float *head; /* weights [classes][features] that the learner's `y` was computed with */
  float *parameters; /* of the adapters */
  float *velocity;
  uint32_t classes;
  float momentum;
  float pull; /* share of the way back to neutral, per step */
} fw_adapters_training_t;

#if defined(FW_ADAPTERS)

/* Channels that have adapters; 0: there are none. */
static inline uint32_t fw_adapters_channels(const fw_learner_config_t *config) {
  return config->adapters.channels;
}

bool fw_adapters_are_sound(const fw_adapter_config_t *config, uint32_t features);

/* True if stored parameters, [channels] scales and [channels] biases, lie within the limits that learning keeps. */
bool fw_adapters_are_within(const fw_adapter_config_t *config, const float *parameters);

/* Puts parameters that lie outside of those limits onto them. */
void fw_adapters_confine(const fw_adapter_config_t *config, float *parameters);

/* Back to scales of 1 and biases of 0. */
void fw_adapters_reset(fw_learner_t *learner);

/* Feature `f` of a row as the backbone would give it with what its adapters have learned, in int8 units. */
float fw_adapters_feature(const fw_learner_t *learner, const int8_t *row, uint32_t f);

/* The learner's `z` for a row: what the backbone would give with `parameters`, standardised. */
void fw_adapters_standardise(fw_learner_t *learner, const float *parameters, const int8_t *row);

/* One step of gradient descent. `y` holds probability minus target. */
void fw_adapters_descend(fw_learner_t *learner, const fw_adapters_training_t *training, const int8_t *row, float rate);

#else

static inline uint32_t fw_adapters_channels(const fw_learner_config_t *config) {
  (void)config;
  return 0;
}

static inline bool fw_adapters_are_sound(const fw_adapter_config_t *config, uint32_t features) {
  (void)features;
  return config->channels == 0;
}

static inline bool fw_adapters_are_within(const fw_adapter_config_t *config, const float *parameters) {
  (void)config;
  (void)parameters;
  return true;
}

static inline void fw_adapters_confine(const fw_adapter_config_t *config, float *parameters) {
  (void)config;
  (void)parameters;
}

static inline void fw_adapters_reset(fw_learner_t *learner) {
  (void)learner;
}

static inline float fw_adapters_feature(const fw_learner_t *learner, const int8_t *row, uint32_t f) {
  (void)learner;
  return (float)row[f];
}

static inline void fw_adapters_standardise(fw_learner_t *learner, const float *parameters, const int8_t *row) {
  (void)learner;
  (void)parameters;
  (void)row;
}

static inline void fw_adapters_descend(fw_learner_t *learner, const fw_adapters_training_t *training, const int8_t *row,
                                       float rate) {
  (void)learner;
  (void)training;
  (void)row;
  (void)rate;
}

#endif

#ifdef __cplusplus
}
#endif

#endif
