/* Devices that are only data: simulations run the participant of as many of them as they like, one call a task. */
#ifndef FW_VIRTUAL_H
#define FW_VIRTUAL_H

#include "learn/participant.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A device's own samples; labels are rows of the factory head. */
typedef struct {
  const int8_t *taught; /* [taught_count][fw_learner_row_bytes()], kept in this order */
  const uint16_t *taught_labels;
  const int8_t *tests; /* [test_count][fw_learner_row_bytes()] */
  const uint16_t *test_labels;
  uint32_t taught_count;
  uint32_t test_count;
} fw_virtual_samples_t;

/* Opens the learner of a factory block (learn/script.h) and its participant in `memory`, of fw_learner_bytes() and
 * FW_PARTICIPANT_BYTES(), gives it `samples`, and lets it answer `task`. `state`, `held` and `residual`, if there are
 * any, are what the device remembers from its last task, and are written back. Returns as fw_participant_begin. */
fw_status_t fw_virtual_adapt(const void *block, uint32_t block_bytes, const fw_virtual_samples_t *samples, void *memory,
                             uint32_t memory_bytes, fw_participant_state_t *state, float *held, float *residual,
                             const uint8_t *task, uint32_t task_bytes, uint8_t *answer, uint32_t *answer_bytes);

/* How many of `samples`' tests parameters get right; negative: as fw_participant_open. */
int32_t fw_virtual_evaluate(const void *block, uint32_t block_bytes, const fw_virtual_samples_t *samples, void *memory,
                            uint32_t memory_bytes, const float *head);

#ifdef __cplusplus
}
#endif

#endif
