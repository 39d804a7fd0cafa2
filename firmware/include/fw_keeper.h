/* A learner together with the flash that keeps what it has learned.
 *
 *     fw_learner_open(&learner, …);
 *     fw_keeper_open(&keeper, &learner, fw_model.sha256);   // the last saved state, the one before, or the factory's
 *     fw_learner_teach(&learner, embedding, 3);
 *     while (fw_keeper_poll(&keeper) != FW_KEEPER_IDLE) {}  // in place of fw_learner_poll()
 *     fw_keeper_save(&keeper);                              // and polls again
 *
 * Between two polls the learner may be taught. Its classes and guard may only be changed while !fw_keeper_is_busy(),
 * and fw_keeper_changed() must be told. */
#ifndef FW_KEEPER_H
#define FW_KEEPER_H

#include "fw_learner.h"
#include "fw_store.h"
#include "learn/record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  FW_KEEPER_IDLE = 0,
  FW_KEEPER_BUSY,        /* a step was made */
  FW_KEEPER_ACCEPTED,    /* what was taught last is learned */
  FW_KEEPER_ROLLED_BACK, /* it made the guard samples worse, and is undone */
  FW_KEEPER_FAULT,       /* weights were no longer finite: the factory head is back */
  FW_KEEPER_SAVED,
  FW_KEEPER_NOT_SAVED /* flash does not keep what is written to it; a later save tries other pages */
} fw_keeper_event_t;

/* What the learner began with. */
typedef enum { FW_ORIGIN_FACTORY = 0, FW_ORIGIN_SAVED = 1, FW_ORIGIN_PREVIOUS = 2 } fw_origin_t;

typedef struct {
  fw_learner_t *learner;
  const uint8_t *model; /* SHA-256 */
  fw_store_t store;
  fw_record_header_t header; /* of the record being saved */
  uint8_t origin;            /* fw_origin_t */
  uint8_t has_store;
  uint8_t unsaved; /* the state is not that of the newest record */
} fw_keeper_t;

/* Loads what was saved; a record that does not fit this model or build is passed over. FW_E_UNKNOWN: the board has no
 * flash for it, FW_E_SPACE: too little: all works, but nothing can be saved. */
fw_status_t fw_keeper_open(fw_keeper_t *keeper, fw_learner_t *learner, const uint8_t *model_sha256);

/* A batch is being learned, or a record being saved. */
int fw_keeper_is_busy(const fw_keeper_t *keeper);

/* The state was changed other than by teaching. */
void fw_keeper_changed(fw_keeper_t *keeper);

/* At most one update, one look at a guard sample, or one step of the store. */
fw_keeper_event_t fw_keeper_poll(fw_keeper_t *keeper);

/* Begins to save the state. FW_E_STATE: busy; FW_E_UNKNOWN: there is no store. */
fw_status_t fw_keeper_save(fw_keeper_t *keeper);

/* Back to the newest record if something was not saved; else to the one before, which is then saved again, so that undo
 * twice is no change. FW_E_STATE: busy; FW_E_UNKNOWN: there is nothing to go back to. */
fw_status_t fw_keeper_undo(fw_keeper_t *keeper);

/* Back to the factory's state; all records are erased. FW_E_STATE: busy. */
fw_status_t fw_keeper_reset(fw_keeper_t *keeper);

/* Takes over a record (fw_store_image(), aligned to 4 bytes) of any device with this model; it still has to be saved.
 * FW_E_FORMAT: damaged; or what fw_record_restore() says. Then nothing has changed. */
fw_status_t fw_keeper_import(fw_keeper_t *keeper, const void *image, uint32_t bytes);

#ifdef __cplusplus
}
#endif

#endif
