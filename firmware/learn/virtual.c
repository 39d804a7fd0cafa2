#include "learn/virtual.h"

#include <string.h>

#include "fw_float.h"
#include "learn/learner.h"
#include "learn/script.h"

/* A learner without the factory's own embeddings: the samples are all it has. */
static fw_status_t open_device(fw_learner_t *learner, fw_participant_t *participant, const void *block,
                               uint32_t block_bytes, const fw_virtual_samples_t *samples, void *memory,
                               uint32_t memory_bytes) {
  fw_learner_config_t config;
  fw_learner_factory_t factory;
  fw_status_t status = fw_script_factory(block, block_bytes, &config, &factory);
  if (status != FW_OK) return status;
  const uint32_t needed = fw_learner_bytes(&config);
  status = fw_learner_start(learner, &config, &factory, memory, memory_bytes);
  if (status != FW_OK) return status;
  uint8_t *const rest = (uint8_t *)memory + needed;
  status = fw_participant_open(participant, learner, rest, memory_bytes - needed);
  const uint32_t row = fw_learner_row_bytes(&config);
  for (uint32_t i = 0; status == FW_OK && i < samples->taught_count; ++i) {
    status = fw_learner_keep(learner, samples->taught + i * row, samples->taught_labels[i]);
  }
  for (uint32_t i = 0; status == FW_OK && i < samples->test_count; ++i) {
    status = fw_learner_guard(learner, samples->tests + i * row, samples->test_labels[i]);
  }
  return status;
}

fw_status_t fw_virtual_adapt(const void *block, uint32_t block_bytes, const fw_virtual_samples_t *samples, void *memory,
                             uint32_t memory_bytes, fw_participant_state_t *state, float *held, float *residual,
                             const uint8_t *task, uint32_t task_bytes, uint8_t *answer, uint32_t *answer_bytes) {
  fw_learner_t learner;
  fw_participant_t p;
  fw_status_t status = open_device(&learner, &p, block, block_bytes, samples, memory, memory_bytes);
  if (status != FW_OK) return status;
  const uint32_t bytes = 4u * p.count;
  if (state) {
    p.state = *state;
    memcpy(p.held, held, bytes);
    memcpy(p.residual, residual, bytes);
  }
  status = fw_participant_begin(&p, task, task_bytes);
  if (status != FW_OK) return status;
  while (fw_participant_poll(&p)) {
  }
  memcpy(answer, p.answer, p.answer_bytes);
  *answer_bytes = p.answer_bytes;
  if (state) {
    *state = p.state;
    memcpy(held, p.held, bytes);
    memcpy(residual, p.residual, bytes);
  }
  return FW_OK;
}

int32_t fw_virtual_evaluate(const void *block, uint32_t block_bytes, const fw_virtual_samples_t *samples, void *memory,
                            uint32_t memory_bytes, const float *head) {
  fw_learner_t learner;
  fw_participant_t p;
  uint16_t tested;
  const fw_status_t status = open_device(&learner, &p, block, block_bytes, samples, memory, memory_bytes);
  return status == FW_OK ? fw_participant_evaluate(&p, head, &tested) : status;
}
