/* A learner driven by records: simulations run the same script on the host and in emulators.
 *
 * A factory block holds, one behind the other and each padded to 4 bytes: fw_learner_config_t, uint16 classes, uint16
 * guard samples, then the arrays of fw_learner_factory_t in its order. A record is fw_record_t and fw_script_payload()
 * bytes: an embedding, or a name. All values are little-endian. */
#ifndef FW_SCRIPT_H
#define FW_SCRIPT_H

#include "fw_learner.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  FW_RECORD_RESET = 1,
  FW_RECORD_TEACH = 2,    /* row; argument: label */
  FW_RECORD_PRACTISE = 3, /* argument: passes */
  FW_RECORD_CLASSIFY = 4, /* embedding */
  FW_RECORD_ADD = 5,      /* name */
  FW_RECORD_REMOVE = 6,   /* argument: label */
  FW_RECORD_GUARD = 7,    /* row; argument: label */
  FW_RECORD_TARGETS = 8, /* float[] for the next FW_RECORD_VALUES: as many as there are outputs, or room in the payload;
                            argument: the first one's number */
  FW_RECORD_VALUES = 9   /* row: taught with these targets */
} fw_record_kind_t;

typedef struct {
  uint16_t kind;
  uint16_t argument;
} fw_record_t;

typedef struct {
  int32_t status; /* fw_status_t */
  uint16_t label; /* classify, add */
  uint16_t accepted;
  float confidence;
} fw_reply_t;

/* Bytes behind each fw_record_t, for rows (fw_learner_row_bytes()) of `row_bytes`. */
uint32_t fw_script_payload(uint32_t row_bytes);

/* Reads a factory block, which must stay where it is and be aligned to 4 bytes. FW_E_FORMAT: `bytes` do not fit its
 * configuration. */
fw_status_t fw_script_factory(const void *block, uint32_t bytes, fw_learner_config_t *config,
                              fw_learner_factory_t *factory);

/* Begins what a record says; polls do the rest. */
fw_reply_t fw_script_apply(fw_learner_t *learner, const fw_record_t *record, const uint8_t *payload);

/* Copies the weights of the classes that there are, [classes][features], then their biases, then the parameters of the
 * adapters, [channels] scales and [channels] biases; returns how many floats. */
uint32_t fw_script_head(const fw_learner_t *learner, float *head);

/* Opens a learner, runs `count` records with all their polls, and copies its head. `result` becomes updates, rollbacks
 * and floats of the head. */
fw_status_t fw_script_run(const void *block, uint32_t block_bytes, const uint8_t *records, uint32_t count, void *memory,
                          uint32_t memory_bytes, fw_reply_t *replies, float *head, uint32_t result[3]);

#ifdef __cplusplus
}
#endif

#endif
