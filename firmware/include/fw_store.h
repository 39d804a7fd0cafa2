/* Records in flash that survive the loss of power at any instruction.
 *
 * Flash is cut into slots of as many pages as the largest record needs, at least three. Record after record goes into
 * the next slot of the ring, so all pages wear evenly. A slot:
 *
 *     mark | void | magic | version, kind | sequence | bytes | body … | crc32 | commit
 *
 * Each is a little-endian word, the body is padded to words. `mark` is written when the slot is completely erased,
 * `void` before it is erased again, `commit` last of all: what was interrupted is never taken for something whole. No
 * word is written twice, unless power failed at it.
 *
 *     fw_store_open(&store, RECORD_BYTES);
 *     body = fw_store_record(&store, 0, &bytes);         // the newest, or null
 *     fw_store_save(&store, FW_STORE_STATE, VERSION, parts, count);
 *     while (fw_store_poll(&store) != FW_STORE_IDLE) {}  // parts stay as they are until FW_STORE_SAVED
 *
 * A poll writes at most FW_STORE_WORDS words or erases a slice of one page (fw_flash.h). Behind a record the next slot
 * is erased ahead. */
#ifndef FW_STORE_H
#define FW_STORE_H

#include <stdint.h>

#include "fw_flash.h"
#include "fw_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FW_STORE_FORMAT 1u  /* layout of a slot */
#define FW_STORE_WORDS  32u /* written in one poll */
#define FW_STORE_PARTS  12u
#define FW_STORE_SLOTS  3u /* at least */

#define FW_STORE_HEADER_BYTES 24u
#define FW_STORE_TAIL_BYTES   8u

/* Bytes that a slot must have for a body of `bytes`. */
#define FW_STORE_SLOT_BYTES(bytes) (FW_STORE_HEADER_BYTES + (((bytes) + 3u) & ~3u) + FW_STORE_TAIL_BYTES)

/* A record on its own, from `magic` to `commit`: for taking it to another device. */
#define FW_STORE_IMAGE_BYTES(bytes) (FW_STORE_SLOT_BYTES(bytes) - 8u)

typedef enum {
  FW_STORE_STATE = 1, /* a body */
  FW_STORE_EMPTY = 2, /* none: the state that nothing was ever saved */
  FW_STORE_WIPED = 3  /* likewise, and everything older is erased */
} fw_store_kind_t;

typedef enum {
  FW_STORE_IDLE = 0,
  FW_STORE_BUSY,  /* a step was made, and there is more to do */
  FW_STORE_SAVED, /* the record is committed: from now on it is the newest */
  FW_STORE_FAILED /* flash does not keep what was written; the newest is still the one before */
} fw_store_event_t;

/* A piece of a body; each is padded to words. */
typedef struct {
  const void *bytes;
  uint32_t count;
} fw_store_part_t;

/* Private. */
typedef struct {
  fw_flash_t flash;
  uint32_t slot_pages;
  uint32_t slots;
  uint32_t newest;   /* bytes from the first page, or FW_STORE_NONE */
  uint32_t previous; /* likewise */
  uint32_t next;     /* slot that is written next */
  uint32_t sequence; /* of the newest record; 0: none */
  uint32_t page;     /* of the slot that is being prepared */
  uint32_t prepared; /* slots behind the newest that are known to be erased */
  uint32_t wanted;   /* slots that are to be */
  uint32_t part;
  uint32_t offset; /* bytes in that part */
  uint32_t at;     /* bytes of the slot that are written */
  uint32_t crc;
  uint32_t saves; /* since fw_store_open() */
  fw_store_part_t parts[FW_STORE_PARTS];
  uint32_t part_count;
  uint32_t body_bytes;
  uint16_t kind;
  uint16_t version;
  uint8_t saving;
  uint8_t erasing;
} fw_store_t;

#define FW_STORE_NONE 0xFFFFFFFFu

/* Looks for records. FW_E_UNKNOWN: the board has no flash for them; FW_E_SPACE: it has not even three slots for bodies
 * of `body_bytes`. */
fw_status_t fw_store_open(fw_store_t *store, uint32_t body_bytes);

/* The body of the newest record (`age` 0) or of the one before it (1), and its kind and version. Null if there is none;
 * one that is empty has kind FW_STORE_EMPTY or FW_STORE_WIPED and 0 bytes. It stays where it is until the next save. */
const uint8_t *fw_store_record(const fw_store_t *store, uint32_t age, uint32_t *bytes, uint32_t *kind,
                               uint32_t *version);

/* The newest record as it lies in flash; null if there is none or it is empty. It stays until the next but one is
 * saved. */
const void *fw_store_image(const fw_store_t *store, uint32_t *bytes);

/* The body in an image of `count` bytes and its version; null if the image is damaged, or holds no state. */
const uint8_t *fw_store_parse(const void *image, uint32_t count, uint32_t *bytes, uint32_t *version);

/* Begins to save a record. FW_E_STATE: one is being saved, or the store is not open; FW_E_SPACE: it is larger than a
 * slot; FW_E_ARGUMENT: too many parts. */
fw_status_t fw_store_save(fw_store_t *store, fw_store_kind_t kind, uint32_t version, const fw_store_part_t *parts,
                          uint32_t part_count);

/* Makes one step of what there is to do. */
fw_store_event_t fw_store_poll(fw_store_t *store);

#ifdef __cplusplus
}
#endif

#endif
