/* A device that takes part in a federation: it gets a task, trains a head, and the backbone's adapters if it has them,
 * on the rows that its learner keeps, and answers with the change. pytool/fieldwren/fleet/wire.py has the bytes of both
 * messages.
 *
 *     fw_participant_open(&participant, &learner, memory, sizeof memory);
 *     if (fw_participant_begin(&participant, task, task_bytes) == FW_OK) {
 *       while (fw_participant_poll(&participant)) {}
 *     }
 *     send(participant.answer, participant.answer_bytes);
 *
 * A poll does at most one update. What the learner has learned for its own user stays as it is: a task is worked on in
 * memory of its own, and its head comes in by the link's import. Samples to train on are those that were taught or kept
 * here (fw_learner_keep), in order of class and row; the head as it came is measured with the learner's guard samples.
 */
#ifndef FW_PARTICIPANT_H
#define FW_PARTICIPANT_H

#include <stdbool.h>
#include <stdint.h>

#include "fw_learner.h"
#include "learn/exchange.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FW_TASK_HEADER = 40, FW_UPDATE_HEADER = 20, FW_MESSAGE_CRC = 4 };

/* Parameters of a federation: weights [classes][features] and biases of the factory's classes, then what the adapters
 * have, [channels] scales and [channels] biases. */
#define FW_PARTICIPANT_COUNT(features, classes, channels) \
  (FW_LEARNER_HEAD_FLOATS(features, classes) + 2u * (uint32_t)(channels))

/* Bytes of the longest task and update of `count` parameters. */
#define FW_TASK_BYTES(count)   (FW_TASK_HEADER + FW_VECTOR_BYTES(count) + FW_MESSAGE_CRC)
#define FW_UPDATE_BYTES(count) (FW_UPDATE_HEADER + FW_VECTOR_BYTES(count) + FW_MESSAGE_CRC)

/* Memory of a participant of `count` parameters: those that came, those in training, their velocity, what was not sent
 * yet, and the answer. */
#define FW_PARTICIPANT_BYTES(count) (4u * 4u * (uint32_t)(count) + FW_UPDATE_BYTES(count))

/* What outlasts a task, together with `held` and `residual`: keep all of it to go on after a restart. */
typedef struct {
  uint32_t version;  /* of `held`; 0: the factory head, and adapters that do nothing */
  uint32_t sequence; /* of the last task; 0: there was none */
} fw_participant_state_t;

typedef struct {
  fw_learner_t *learner;
  float *held;     /* [count] the parameters of `state.version` */
  float *residual; /* [count] change that has not been sent */
  float *head;     /* [count] in training */
  float *velocity; /* [count] */
  uint8_t *answer; /* to the last task */
  uint32_t answer_bytes;
  uint32_t answered_crc; /* of the task that `answer` is for */
  uint32_t model;        /* CRC-32 of the factory's head, mean and gain, and of the adapters' configuration */
  uint32_t count;
  fw_participant_state_t state;
  fw_shared_t shared;
  uint32_t samples;
  uint32_t step;
  uint32_t steps; /* with those of the query */
  uint32_t seed;
  float rate;
  float momentum;
  float kept_share;
  uint16_t query_steps;
  uint16_t checked; /* guard samples looked at */
  uint16_t correct;
  uint16_t tested;
  uint8_t encoding;
  uint8_t local;
  bool is_busy;
} fw_participant_t;

/* Starts with the factory head. `memory` is aligned to 4 bytes and stays the participant's. FW_E_SPACE: too few bytes;
 * FW_E_STATE: a regression or a single output, which keep no
 * samples of classes. */
fw_status_t fw_participant_open(fw_participant_t *participant, fw_learner_t *learner, void *memory, uint32_t bytes);

/* Takes a task. FW_OK: polls do the rest, and then `answer` holds `answer_bytes` to send. A task that is refused, and
 * the very same task as last time, are answered at once. FW_E_FORMAT: the bytes are no task, or damaged; FW_E_STATE:
 * busy with another one. Then there is no answer and nothing has changed. */
fw_status_t fw_participant_begin(fw_participant_t *participant, const uint8_t *task, uint32_t bytes);

/* Does at most one update; false once the answer is there. */
bool fw_participant_poll(fw_participant_t *participant);

/* How many guard samples parameters [count] get right; `*tested` of them have a class. */
uint16_t fw_participant_evaluate(fw_participant_t *participant, const float *parameters, uint16_t *tested);

#ifdef __cplusplus
}
#endif

#endif
