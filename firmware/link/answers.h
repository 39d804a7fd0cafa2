/* Exactly once: what was answered to the last commands that change state, so that a repetition gets the same
 * answer and is not executed again. */
#ifndef FW_LINK_ANSWERS_H
#define FW_LINK_ANSWERS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Longest answer to a command that changes state, '\n' included. */
#define FW_ANSWER_BYTES 160u

typedef struct {
  uint32_t sequence; /* 0: empty */
  uint32_t crc;      /* of the command */
  uint32_t count;
  char line[FW_ANSWER_BYTES];
} fw_answer_t;

typedef struct {
  fw_answer_t *slots;
  uint32_t slot_count;
  uint32_t next;          /* slot to overwrite */
  uint32_t last_sequence; /* highest that was executed; 0: none */
} fw_answers_t;

typedef enum {
  FW_ANSWERS_NEW = 0,  /* not seen in this session: execute, answer, remember */
  FW_ANSWERS_REPEATED, /* *answer is what was said */
  FW_ANSWERS_STALE,    /* older than what is remembered, or overtaken: never execute */
  FW_ANSWERS_CONFLICT  /* the same sequence number was used for another command */
} fw_answers_result_t;

/* `slots` (at least one) belong to the memory from now on. */
void fw_answers_init(fw_answers_t *answers, fw_answer_t *slots, uint32_t slot_count);

/* A new session: sequence numbers begin again. */
void fw_answers_reset(fw_answers_t *answers);

fw_answers_result_t fw_answers_find(const fw_answers_t *answers, uint32_t sequence, uint32_t crc,
                                    const fw_answer_t **answer);

/* Keeps the `count` <= FW_ANSWER_BYTES bytes of an answer in place of the oldest one. */
void fw_answers_keep(fw_answers_t *answers, uint32_t sequence, uint32_t crc, const char *line, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
