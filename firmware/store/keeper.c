#include <stddef.h>
#include <string.h>

#include "fw_keeper.h"
#include "learn/learner.h"

/* The state of a record of this age: FW_E_UNKNOWN if there is none. */
static fw_status_t load(fw_keeper_t *k, uint32_t age) {
  uint32_t bytes;
  uint32_t kind;
  uint32_t version;
  const uint8_t *const body = fw_store_record(&k->store, age, &bytes, &kind, &version);
  if (body == NULL) return FW_E_UNKNOWN;
  if (kind == FW_STORE_STATE) return fw_record_restore(k->learner, k->model, version, body, bytes);
  fw_learner_reset(k->learner);
  return FW_OK;
}

static uint32_t kind_of(const fw_keeper_t *k, uint32_t age) {
  uint32_t bytes;
  uint32_t kind = 0;
  uint32_t version;
  (void)fw_store_record(&k->store, age, &bytes, &kind, &version);
  return kind;
}

fw_status_t fw_keeper_open(fw_keeper_t *k, fw_learner_t *learner, const uint8_t *model_sha256) {
  memset(k, 0, sizeof *k);
  k->learner = learner;
  k->model = model_sha256;
  const fw_status_t status = fw_store_open(&k->store, fw_record_bytes(&learner->config));
  k->has_store = status == FW_OK;
  if (status != FW_OK) return status;
  for (uint32_t age = 0; age <= 1u; ++age) {
    if (load(k, age) != FW_OK) continue;
    if (kind_of(k, age) == FW_STORE_STATE) k->origin = age == 0u ? FW_ORIGIN_SAVED : FW_ORIGIN_PREVIOUS;
    k->unsaved = age != 0u;
    break;
  }
  return FW_OK;
}

int fw_keeper_is_busy(const fw_keeper_t *k) {
  return k->store.saving != 0u || k->learner->phase != FW_PHASE_IDLE;
}

void fw_keeper_changed(fw_keeper_t *k) {
  k->unsaved = 1;
}

static fw_keeper_event_t store_event(fw_keeper_t *k) {
  switch (fw_store_poll(&k->store)) {
    case FW_STORE_IDLE:
      return FW_KEEPER_IDLE;
    case FW_STORE_SAVED:
      return FW_KEEPER_SAVED;
    case FW_STORE_FAILED:
      k->unsaved = 1;
      return FW_KEEPER_NOT_SAVED;
    default:
      return FW_KEEPER_BUSY;
  }
}

fw_keeper_event_t fw_keeper_poll(fw_keeper_t *k) {
  /* What is being saved must stand still. */
  if (k->store.saving != 0u || k->learner->phase == FW_PHASE_IDLE) return store_event(k);
  switch (fw_learner_poll(k->learner)) {
    case FW_LEARNER_ACCEPTED:
      k->unsaved = 1;
      return FW_KEEPER_ACCEPTED;
    case FW_LEARNER_ROLLED_BACK:
      return FW_KEEPER_ROLLED_BACK;
    case FW_LEARNER_FAULT:
      k->unsaved = 1;
      return FW_KEEPER_FAULT;
    default:
      return FW_KEEPER_BUSY;
  }
}

static fw_status_t save(fw_keeper_t *k, fw_store_kind_t kind) {
  fw_store_part_t parts[FW_RECORD_PARTS];
  uint32_t count = 0;
  if (kind == FW_STORE_STATE) count = fw_record_parts(k->learner, k->model, &k->header, parts);
  k->unsaved = 0;
  return fw_store_save(&k->store, kind, FW_RECORD_VERSION, parts, count);
}

fw_status_t fw_keeper_save(fw_keeper_t *k) {
  if (k->has_store == 0u) return FW_E_UNKNOWN;
  return fw_keeper_is_busy(k) ? FW_E_STATE : save(k, FW_STORE_STATE);
}

fw_status_t fw_keeper_undo(fw_keeper_t *k) {
  const uint32_t newest = kind_of(k, 0);
  if (fw_keeper_is_busy(k)) return FW_E_STATE;
  if (k->unsaved != 0u) {
    k->unsaved = 0;
    if (load(k, 0) != FW_OK) fw_learner_reset(k->learner);
    return FW_OK;
  }
  if (newest == 0u || newest == FW_STORE_WIPED) return FW_E_UNKNOWN;
  const uint32_t before = kind_of(k, 1);
  /* Behind the very first record lies the factory's state. */
  if (before == 0u && k->store.sequence != 1u) return FW_E_UNKNOWN;
  if (before == FW_STORE_STATE) {
    const fw_status_t status = load(k, 1);
    return status == FW_OK ? save(k, FW_STORE_STATE) : status;
  }
  fw_learner_reset(k->learner);
  return save(k, FW_STORE_EMPTY);
}

fw_status_t fw_keeper_reset(fw_keeper_t *k) {
  if (fw_keeper_is_busy(k)) return FW_E_STATE;
  fw_learner_reset(k->learner);
  k->unsaved = 0;
  return k->has_store ? save(k, FW_STORE_WIPED) : FW_OK;
}

fw_status_t fw_keeper_import(fw_keeper_t *k, const void *image, uint32_t count) {
  uint32_t bytes;
  uint32_t version;
  if (fw_keeper_is_busy(k)) return FW_E_STATE;
  const uint8_t *const body = fw_store_parse(image, count, &bytes, &version);
  if (body == NULL) return FW_E_FORMAT;
  const fw_status_t status = fw_record_restore(k->learner, k->model, version, body, bytes);
  if (status == FW_OK) k->unsaved = 1;
  return status;
}
