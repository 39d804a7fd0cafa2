/* The learned state as a body of a record (fw_store.h): head, class table, statistics, replay, guard, generator.
 *
 * Version 4, little-endian, each array padded to words:
 *
 *     model[16]: the first bytes of the model's SHA-256
 *     uint16 features, classes, replay_per_class, guard_count, loss, running_statistics, guard_seen, rollbacks
 *     uint32 generator, updates, statistics_count, pull_row; float reject_below;
 *     uint32 adapters, matrix, reserved
 *     float weights[classes][features], bias[classes]
 *     float scales[adapters], biases[adapters]                      parameters of adapters
 *     float mean[features], gain[features], variance[features]      only with running_statistics
 *     fw_learner_class_t table[classes]
 *     int8 replay[classes][replay_per_class][row]      row: features, with adapters FW_LEARNER_ADAPTED_ROW
 *     int8 guard[guard_count][row]; uint16 guard_labels[guard_count]
 *     float values[guard_count][classes + 1]                        only of a regression: outputs wanted, error allowed
 *     float recursive[matrix]                                       its matrix of recursive least squares
 *
 * Version 3 had no guard of regressions and no matrix, which starts anew. Version 2 had no adapters. Version 1 ended
 * its header at pull_row and had no guard, whose fields were 0. A record may have been written with other numbers of
 * replay and guard embeddings than this build has, and with fewer classes; or without adapters, which then start at the
 * factory's. */
#ifndef FW_LEARNER_RECORD_H
#define FW_LEARNER_RECORD_H

#include "fw_learner.h"
#include "fw_store.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FW_RECORD_VERSION = 4, FW_RECORD_HEADER_BYTES = 64, FW_RECORD_MODEL_BYTES = 16, FW_RECORD_PARTS = 12 };

/* Bytes of the largest body that a configuration has; of a regression fw_record_bytes() has more. */
#define FW_RECORD_BYTES(features, classes, replay, guard, running, channels)                                      \
  (64u + 4u * FW_LEARNER_HEAD_FLOATS(features, classes) + 8u * (channels) + ((running) ? 12u * (features) : 0u) + \
   (uint32_t)sizeof(fw_learner_class_t) * (classes) +                                                             \
   FW_LEARNER_PADDED(((channels) ? FW_LEARNER_ADAPTED_ROW(features) : (features)) * (classes) * (replay)) +       \
   FW_LEARNER_PADDED(((channels) ? FW_LEARNER_ADAPTED_ROW(features) : (features)) * (guard)) +                    \
   FW_LEARNER_PADDED(2u * (guard)))

uint32_t fw_record_bytes(const fw_learner_config_t *config);

typedef struct {
  uint8_t model[FW_RECORD_MODEL_BYTES];
  uint16_t features, classes, replay_per_class, guard_count, loss, running_statistics, guard_seen, rollbacks;
  uint32_t generator, updates, statistics_count, pull_row;
  float reject_below;
  uint32_t adapters;
  uint32_t matrix;
  uint32_t reserved;
} fw_record_header_t;

/* Fills `header` and `parts` (FW_RECORD_PARTS) with where the state lies; returns how many parts. Until they are saved
 * nothing but fw_learner_classify() and fw_learner_teach() may be called. `model`: SHA-256 of the model. */
uint32_t fw_record_parts(const fw_learner_t *learner, const uint8_t *model, fw_record_header_t *header,
                         fw_store_part_t *parts);

/* Takes over a body (aligned to 4 bytes). FW_E_STATE: busy; FW_E_UNKNOWN: a version of the future; FW_E_ARGUMENT: it is
 * of another model; FW_E_SPACE: it has more classes than there is room for, or
 * other adapters; FW_E_FORMAT: it contradicts itself, or a
 * value is not finite. Then nothing has changed. */
fw_status_t fw_record_restore(fw_learner_t *learner, const uint8_t *model, uint32_t version, const void *body,
                              uint32_t bytes);

#ifdef __cplusplus
}
#endif

#endif
