#include "learn/script.h"

#include <string.h>

#include "fw_float.h"
#include "learn/adapters.h"
#include "learn/learner.h"

/* The next `bytes` of a block, or NULL when it is too short. */
static const uint8_t *next(const uint8_t **at, uint32_t *left, uint32_t bytes) {
  const uint32_t padded = FW_LEARNER_PADDED(bytes);
  if (*left < padded) return 0;
  const uint8_t *const found = *at;
  *at += padded;
  *left -= padded;
  return found;
}

uint32_t fw_script_payload(uint32_t row_bytes) {
  return FW_LEARNER_PADDED(row_bytes > FW_LEARNER_NAME_BYTES ? row_bytes : FW_LEARNER_NAME_BYTES);
}

fw_status_t fw_script_factory(const void *block, uint32_t bytes, fw_learner_config_t *config, fw_learner_factory_t *f) {
  const uint8_t *at = block;
  uint32_t left = bytes;
  const uint8_t *const configuration = next(&at, &left, sizeof *config);
  const uint8_t *const counts = next(&at, &left, 4);
  if (!configuration || !counts) return FW_E_FORMAT;
  memcpy(config, configuration, sizeof *config);
  memcpy(&f->classes, counts, 2);
  memcpy(&f->guard_count, counts + 2, 2);
  if (fw_learner_bytes(config) == 0 || f->classes > config->classes_most) return FW_E_FORMAT;
  const uint32_t features = config->features;
  const uint32_t row = fw_learner_row_bytes(config);
  f->head = (const float *)(const void *)next(&at, &left, 4u * FW_LEARNER_HEAD_FLOATS(features, f->classes));
  f->mean = (const float *)(const void *)next(&at, &left, 4u * features);
  f->gain = (const float *)(const void *)next(&at, &left, 4u * features);
  f->names = (const char *)next(&at, &left, (uint32_t)FW_LEARNER_NAME_BYTES * f->classes);
  f->replay = (const int8_t *)next(&at, &left, (uint32_t)f->classes * config->replay_per_class * row);
  f->replay_stored = next(&at, &left, f->classes);
  f->guard = (const int8_t *)next(&at, &left, f->guard_count * row);
  f->guard_labels = (const uint16_t *)(const void *)next(&at, &left, 2u * f->guard_count);
  return f->guard_labels && left == 0 ? FW_OK : FW_E_FORMAT;
}

static fw_status_t take_targets(fw_learner_t *l, uint32_t first, const uint8_t *payload) {
  const uint32_t room = fw_script_payload(fw_learner_row_bytes(&l->config)) / (uint32_t)sizeof(float);
  if (l->target == 0 || first >= l->classes) return FW_E_ARGUMENT;
  const uint32_t left = l->classes - first;
  memcpy(l->target + first, payload, sizeof(float) * (left < room ? left : room));
  return FW_OK;
}

fw_reply_t fw_script_apply(fw_learner_t *l, const fw_record_t *record, const uint8_t *payload) {
  const int8_t *const embedding = (const int8_t *)payload;
  fw_reply_t reply = {FW_OK, 0, 0, 0.0f};
  switch (record->kind) {
    case FW_RECORD_RESET:
      fw_learner_reset(l);
      break;
    case FW_RECORD_TEACH:
      reply.status = fw_learner_teach(l, embedding, record->argument);
      break;
    case FW_RECORD_PRACTISE:
      reply.status = fw_learner_practise(l, record->argument);
      break;
    case FW_RECORD_CLASSIFY: {
      const fw_learner_answer_t answer = fw_learner_classify(l, embedding);
      reply.label = answer.label;
      reply.accepted = answer.accepted;
      reply.confidence = answer.confidence;
      break;
    }
    case FW_RECORD_ADD:
      reply.status = fw_learner_add_class(l, (const char *)payload, &reply.label);
      break;
    case FW_RECORD_REMOVE:
      reply.status = fw_learner_remove_class(l, record->argument);
      break;
    case FW_RECORD_GUARD:
      reply.status = fw_learner_guard(l, embedding, record->argument);
      break;
    case FW_RECORD_TARGETS:
      reply.status = take_targets(l, record->argument, payload);
      break;
    case FW_RECORD_VALUES:
      reply.status = fw_learner_teach_values(l, embedding, l->target);
      break;
    default:
      reply.status = FW_E_UNKNOWN;
      break;
  }
  return reply;
}

uint32_t fw_script_head(const fw_learner_t *l, float *head) {
  const uint32_t weights = (uint32_t)l->classes * l->config.features;
  memcpy(head, l->head, sizeof(float) * weights);
  memcpy(head + weights, l->head + (uint32_t)l->config.classes_most * l->config.features, sizeof(float) * l->classes);
  const uint32_t parameters = 2u * fw_adapters_channels(&l->config);
  memcpy(head + weights + l->classes, l->head + fw_learner_floats(&l->config) - parameters, sizeof(float) * parameters);
  return weights + l->classes + parameters;
}

fw_status_t fw_script_run(const void *block, uint32_t block_bytes, const uint8_t *records, uint32_t count, void *memory,
                          uint32_t memory_bytes, fw_reply_t *replies, float *head, uint32_t result[3]) {
  fw_learner_config_t config;
  fw_learner_factory_t factory;
  fw_learner_t learner;
  fw_status_t status = fw_script_factory(block, block_bytes, &config, &factory);
  if (status == FW_OK) status = fw_learner_open(&learner, &config, &factory, memory, memory_bytes);
  if (status != FW_OK) return status;
  const uint32_t payload = fw_script_payload(fw_learner_row_bytes(&config));
  for (uint32_t i = 0; i < count; ++i) {
    fw_record_t record;
    memcpy(&record, records, sizeof record);
    replies[i] = fw_script_apply(&learner, &record, records + sizeof record);
    while (fw_learner_poll(&learner) != FW_LEARNER_IDLE) {
    }
    records += sizeof record + payload;
  }
  result[0] = learner.updates;
  result[1] = learner.rollbacks;
  result[2] = fw_script_head(&learner, head);
  return FW_OK;
}
