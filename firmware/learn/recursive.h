/* Recursive least squares for a regression's head: what gradient descent needs thousands of samples for, because the
 * features of a backbone go together, it finds in about as many as there are features. */
#ifndef FW_RECURSIVE_H
#define FW_RECURSIVE_H

#include "fw_learner.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(FW_RECURSIVE)

static inline bool fw_recursive_is_used(const fw_learner_config_t *config) {
  return config->forgetting > 0.0f;
}

/* The matrix of a learner that knows nothing yet. */
void fw_recursive_reset(fw_learner_t *learner);

/* One update of the head; `y` holds output minus target, `z` the standardised embedding. */
void fw_recursive_update(fw_learner_t *learner);

/* The update stays: the matrix takes part in it. */
void fw_recursive_keep(fw_learner_t *learner);

/* The matrix, its lower triangle row after row: FW_LEARNER_MATRIX_FLOATS(). */
float *fw_recursive_matrix(const fw_learner_t *learner);

#else

static inline bool fw_recursive_is_used(const fw_learner_config_t *config) {
  (void)config;
  return false;
}

static inline void fw_recursive_reset(fw_learner_t *learner) {
  (void)learner;
}

static inline void fw_recursive_update(fw_learner_t *learner) {
  (void)learner;
}

static inline void fw_recursive_keep(fw_learner_t *learner) {
  (void)learner;
}

static inline float *fw_recursive_matrix(const fw_learner_t *learner) {
  (void)learner;
  return 0;
}

#endif

#ifdef __cplusplus
}
#endif

#endif
