#include "link/answers.h"

#include <string.h>

void fw_answers_init(fw_answers_t *answers, fw_answer_t *slots, uint32_t slot_count) {
  answers->slots = slots;
  answers->slot_count = slot_count;
  fw_answers_reset(answers);
}

void fw_answers_reset(fw_answers_t *answers) {
  answers->next = 0;
  answers->last_sequence = 0;
  for (uint32_t i = 0; i < answers->slot_count; i++) answers->slots[i].sequence = 0;
}

fw_answers_result_t fw_answers_find(const fw_answers_t *answers, uint32_t sequence, uint32_t crc,
                                    const fw_answer_t **answer) {
  if (sequence > answers->last_sequence) return FW_ANSWERS_NEW;
  for (uint32_t i = 0; i < answers->slot_count; i++) {
    if (answers->slots[i].sequence != sequence) continue;
    if (answers->slots[i].crc != crc) return FW_ANSWERS_CONFLICT;
    *answer = &answers->slots[i];
    return FW_ANSWERS_REPEATED;
  }
  return FW_ANSWERS_STALE;
}

void fw_answers_keep(fw_answers_t *answers, uint32_t sequence, uint32_t crc, const char *line, uint32_t count) {
  fw_answer_t *slot = &answers->slots[answers->next];
  slot->sequence = sequence;
  slot->crc = crc;
  slot->count = count;
  memcpy(slot->line, line, count);
  answers->last_sequence = sequence;
  answers->next = answers->next + 1u == answers->slot_count ? 0u : answers->next + 1u;
}
