#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "fw_store.h"
#include "runtime/crc32.h"

enum { MARK_AT = 0, VOID_AT = 4, MAGIC_AT = 8, KIND_AT = 12, SEQUENCE_AT = 16, BYTES_AT = 20 };

static const uint32_t ERASED = 0xFFFFFFFFu;
static const uint32_t MARK = 0x6B6E6C62u + FW_STORE_FORMAT; /* "blnk" */
static const uint32_t VOID = 0u;
static const uint32_t MAGIC = 0x74737766u;  /* "fwst" */
static const uint32_t COMMIT = 0x656E6F64u; /* "done", with the CRC */

static uint32_t slot_bytes(const fw_store_t *s) {
  return s->slot_pages * s->flash.page_bytes;
}

/* `base`: bytes from the first page to the record. */
static uint32_t word_at(const fw_store_t *s, uint32_t base, uint32_t at) {
  uint32_t word;
  memcpy(&word, s->flash.bytes + base + at, sizeof word);
  return word;
}

static fw_status_t write_word(const fw_store_t *s, uint32_t base, uint32_t at, uint32_t word) {
  const fw_status_t status = fw_flash_write(base + at, word);
  if (status != FW_OK) return status;
  return word_at(s, base, at) == word ? FW_OK : FW_E_STATE;
}

static uint32_t kind_of(const fw_store_t *s, uint32_t base) {
  return word_at(s, base, KIND_AT) & 0xFFFFu;
}

static bool is_whole(const fw_store_t *s, uint32_t base) {
  const uint32_t bytes = word_at(s, base, BYTES_AT);
  const uint32_t room = s->flash.pages * s->flash.page_bytes - base - FW_STORE_HEADER_BYTES - FW_STORE_TAIL_BYTES;
  if (word_at(s, base, MARK_AT) != MARK || word_at(s, base, VOID_AT) != ERASED || word_at(s, base, MAGIC_AT) != MAGIC ||
      kind_of(s, base) < FW_STORE_STATE || kind_of(s, base) > FW_STORE_WIPED || bytes % 4u != 0u || bytes > room) {
    return false;
  }
  const uint32_t end = FW_STORE_HEADER_BYTES + bytes;
  const uint32_t crc = fw_crc32(0, s->flash.bytes + base + MAGIC_AT, end - MAGIC_AT);
  return word_at(s, base, end) == crc && word_at(s, base, end + 4u) == (crc ^ COMMIT);
}

/* The whole record with the highest sequence number below `below`, or FW_STORE_NONE. Every page may begin one: an
 * older firmware's slots may have been of another size. */
static uint32_t newest_below(const fw_store_t *s, uint32_t below) {
  const uint32_t page_bytes = s->flash.page_bytes;
  for (uint32_t limit = below;;) {
    uint32_t highest = 0;
    for (uint32_t page = 0; page < s->flash.pages; ++page) {
      const uint32_t sequence = word_at(s, page * page_bytes, SEQUENCE_AT);
      if (word_at(s, page * page_bytes, MAGIC_AT) == MAGIC && sequence < limit && sequence > highest) {
        highest = sequence;
      }
    }
    if (highest == 0u) return FW_STORE_NONE;
    /* A save that was given up may have left the same number. */
    for (uint32_t page = 0; page < s->flash.pages; ++page) {
      const uint32_t base = page * page_bytes;
      if (word_at(s, base, SEQUENCE_AT) == highest && is_whole(s, base)) return base;
    }
    limit = highest;
  }
}

const void *fw_store_image(const fw_store_t *s, uint32_t *bytes) {
  if (s->newest == FW_STORE_NONE || kind_of(s, s->newest) != FW_STORE_STATE) return NULL;
  *bytes = FW_STORE_IMAGE_BYTES(word_at(s, s->newest, BYTES_AT));
  return s->flash.bytes + s->newest + MAGIC_AT;
}

const uint8_t *fw_store_parse(const void *image, uint32_t count, uint32_t *bytes, uint32_t *version) {
  uint32_t words[(FW_STORE_HEADER_BYTES - MAGIC_AT) / 4u];
  uint32_t tail[2];
  if (count < FW_STORE_IMAGE_BYTES(0u)) return NULL;
  memcpy(words, image, sizeof words);
  *bytes = count - FW_STORE_IMAGE_BYTES(0u);
  *version = words[1] >> 16;
  memcpy(tail, (const uint8_t *)image + sizeof words + *bytes, sizeof tail);
  const bool is_sound = words[0] == MAGIC && (words[1] & 0xFFFFu) == FW_STORE_STATE && words[3] == *bytes &&
                        tail[0] == fw_crc32(0, image, (uint32_t)sizeof words + *bytes) && tail[1] == (tail[0] ^ COMMIT);
  return is_sound ? (const uint8_t *)image + sizeof words : NULL;
}

static bool overlaps(const fw_store_t *s, uint32_t slot, uint32_t base) {
  if (base == FW_STORE_NONE) return false;
  const uint32_t end = base + FW_STORE_SLOT_BYTES(word_at(s, base, BYTES_AT));
  return slot * slot_bytes(s) < end && base < (slot + 1u) * slot_bytes(s);
}

/* The slot behind the newest record is next; how many of those that follow are to be erased. */
static void begin_preparing(fw_store_t *s) {
  const bool is_wiped = s->newest != FW_STORE_NONE && kind_of(s, s->newest) == FW_STORE_WIPED;
  s->next = 0;
  if (s->newest != FW_STORE_NONE) {
    const uint32_t last = s->newest + FW_STORE_SLOT_BYTES(word_at(s, s->newest, BYTES_AT)) - 1u;
    s->next = (last / slot_bytes(s) + 1u) % s->slots;
    if (overlaps(s, s->next, s->newest)) s->next = (s->next + 1u) % s->slots;
  }
  s->wanted = is_wiped ? s->slots - 1u : 1u;
  s->prepared = 0;
  s->page = 0;
  s->erasing = 0;
}

fw_status_t fw_store_open(fw_store_t *s, uint32_t body_bytes) {
  memset(s, 0, sizeof *s);
  s->newest = s->previous = FW_STORE_NONE;
  const fw_status_t status = fw_flash_open(&s->flash);
  if (status != FW_OK) return status;
  const uint32_t page = s->flash.page_bytes;
  s->slot_pages = (FW_STORE_SLOT_BYTES(body_bytes) + page - 1u) / page;
  s->slots = s->flash.pages / s->slot_pages;
  if (s->slots < FW_STORE_SLOTS) {
    s->slots = 0;
    return FW_E_SPACE;
  }
  s->newest = newest_below(s, ERASED);
  if (s->newest != FW_STORE_NONE) {
    s->sequence = word_at(s, s->newest, SEQUENCE_AT);
    if (kind_of(s, s->newest) != FW_STORE_WIPED) s->previous = newest_below(s, s->sequence);
  }
  begin_preparing(s);
  return FW_OK;
}

const uint8_t *fw_store_record(const fw_store_t *s, uint32_t age, uint32_t *bytes, uint32_t *kind, uint32_t *version) {
  const uint32_t base = age == 0u ? s->newest : age == 1u ? s->previous : FW_STORE_NONE;
  if (base == FW_STORE_NONE) return NULL;
  *bytes = word_at(s, base, BYTES_AT);
  *kind = kind_of(s, base);
  *version = word_at(s, base, KIND_AT) >> 16;
  return s->flash.bytes + base + FW_STORE_HEADER_BYTES;
}

fw_status_t fw_store_save(fw_store_t *s, fw_store_kind_t kind, uint32_t version, const fw_store_part_t *parts,
                          uint32_t part_count) {
  uint32_t total = 0;
  if (s->slots < FW_STORE_SLOTS || s->saving != 0u) return FW_E_STATE;
  if (part_count > FW_STORE_PARTS) return FW_E_ARGUMENT;
  for (uint32_t i = 0; i < part_count; ++i) {
    total += (parts[i].count + 3u) & ~3u;
  }
  if (FW_STORE_SLOT_BYTES(total) > slot_bytes(s)) return FW_E_SPACE;
  for (uint32_t i = 0; i < part_count; ++i) s->parts[i] = parts[i];
  s->part_count = part_count;
  s->body_bytes = total;
  s->kind = (uint16_t)kind;
  s->version = (uint16_t)version;
  s->part = 0;
  s->offset = 0;
  s->at = MAGIC_AT;
  s->crc = 0;
  s->saving = 1;
  return FW_OK;
}

/* ---- steps ---- */

static bool is_blank(const fw_store_t *s, uint32_t base, uint32_t page) {
  const uint32_t first = page * s->flash.page_bytes;
  for (uint32_t at = first == 0u ? VOID_AT : first; at < first + s->flash.page_bytes; at += 4u) {
    if (word_at(s, base, at) != ERASED) return false;
  }
  return true;
}

/* One page of the slot: looked at, and from the first that is not blank on erased. */
static fw_status_t prepare(fw_store_t *s, uint32_t slot) {
  const uint32_t base = slot * slot_bytes(s);
  if (s->erasing == 0u) {
    const bool is_marked = word_at(s, base, MARK_AT) == MARK;
    if (is_marked && is_blank(s, base, s->page)) {
      ++s->page;
    } else {
      /* Whatever it holds does not count any more, even if the erasure is interrupted. */
      if (is_marked && word_at(s, base, VOID_AT) == ERASED) (void)fw_flash_write(base + VOID_AT, VOID);
      s->erasing = 1;
      s->page = 0;
    }
  } else {
    const int32_t done = fw_flash_erase(slot * s->slot_pages + s->page);
    if (done < 0) return (fw_status_t)done;
    if (done > 0) {
      if ((s->page == 0u && word_at(s, base, MARK_AT) != ERASED) || !is_blank(s, base, s->page)) return FW_E_STATE;
      ++s->page;
    }
  }
  if (s->page < s->slot_pages) return FW_OK;
  if (s->erasing != 0u) {
    const fw_status_t status = write_word(s, base, MARK_AT, MARK);
    if (status != FW_OK) return status;
  }
  s->page = 0;
  s->erasing = 0;
  ++s->prepared;
  return FW_OK;
}

static uint32_t next_body_word(fw_store_t *s) {
  uint32_t word = 0;
  while (s->offset >= s->parts[s->part].count) {
    ++s->part;
    s->offset = 0;
  }
  const fw_store_part_t *const part = &s->parts[s->part];
  const uint32_t left = part->count - s->offset;
  memcpy(&word, (const uint8_t *)part->bytes + s->offset, left < 4u ? left : 4u);
  s->offset += 4u;
  return word;
}

static uint32_t next_word(fw_store_t *s) {
  const uint32_t end = FW_STORE_HEADER_BYTES + s->body_bytes;
  if (s->at == MAGIC_AT) return MAGIC;
  if (s->at == KIND_AT) return (uint32_t)s->version << 16 | s->kind;
  if (s->at == SEQUENCE_AT) return s->sequence + 1u;
  if (s->at == BYTES_AT) return s->body_bytes;
  if (s->at < end) return next_body_word(s);
  return s->at == end ? s->crc : s->crc ^ COMMIT;
}

static fw_store_event_t write_some(fw_store_t *s) {
  const uint32_t base = s->next * slot_bytes(s);
  const uint32_t end = FW_STORE_HEADER_BYTES + s->body_bytes;
  for (uint32_t i = 0; i < FW_STORE_WORDS; ++i) {
    const uint32_t word = next_word(s);
    if (s->at < end) s->crc = fw_crc32(s->crc, &word, sizeof word);
    if (write_word(s, base, s->at, word) != FW_OK) return FW_STORE_FAILED;
    s->at += 4u;
    if (s->at < end + FW_STORE_TAIL_BYTES) continue;
    ++s->sequence;
    ++s->saves;
    s->previous = s->kind == FW_STORE_WIPED ? FW_STORE_NONE : s->newest;
    s->newest = base;
    s->saving = 0;
    begin_preparing(s);
    return FW_STORE_SAVED;
  }
  return FW_STORE_BUSY;
}

/* This slot does not do as it is told: the record is given up, and the next save tries another slot. */
static fw_store_event_t give_up(fw_store_t *s) {
  s->saving = 0;
  for (uint32_t i = 0; i < s->slots; ++i) {
    s->next = (s->next + 1u) % s->slots;
    if (!overlaps(s, s->next, s->newest)) break;
  }
  if (overlaps(s, s->next, s->previous)) s->previous = FW_STORE_NONE;
  s->wanted = 0; /* nothing is erased ahead any more, only when there is something to save */
  s->prepared = 0;
  s->page = 0;
  s->erasing = 0;
  return FW_STORE_FAILED;
}

fw_store_event_t fw_store_poll(fw_store_t *s) {
  if (s->slots < FW_STORE_SLOTS) return FW_STORE_IDLE;
  if (s->saving != 0u && s->wanted == 0u) s->wanted = 1;
  if (s->prepared < s->wanted && (s->saving == 0u || s->prepared == 0u)) {
    return prepare(s, (s->next + s->prepared) % s->slots) == FW_OK ? FW_STORE_BUSY : give_up(s);
  }
  if (s->saving == 0u) return FW_STORE_IDLE;
  const fw_store_event_t event = write_some(s);
  return event == FW_STORE_FAILED ? give_up(s) : event;
}
