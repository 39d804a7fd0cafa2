/* What the front end hears, as blocks for the host: the newest ones are kept, older ones are overwritten.
 *
 * A block stands for itself, so that one that is lost costs nothing but its own time. PCM: int16, little-endian.
 * IMA ADPCM: as in WAV files of format 0x11: the first sample (int16), the step's index, 0, then two codes a byte, the
 * earlier one in the low half. */
#ifndef FW_RUNTIME_CAPTURE_H
#define FW_RUNTIME_CAPTURE_H

#include <stdint.h>

#include "runtime/ima_adpcm.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { FW_CAPTURE_PCM = 0, FW_CAPTURE_IMA_ADPCM = 1 } fw_capture_encoding_t;

#define FW_CAPTURE_ADPCM_HEADER_BYTES 4u

typedef struct {
  uint8_t *blocks;      /* [block_count * block_bytes]; null: nothing is ever recorded */
  uint32_t block_bytes; /* even, above FW_CAPTURE_ADPCM_HEADER_BYTES */
  uint32_t block_count; /* two at least: one of them is being filled */
  uint32_t encoding;    /* fw_capture_encoding_t */
} fw_capture_memory_t;

typedef struct {
  const fw_capture_memory_t *memory;
  fw_ima_adpcm_t coder;
  uint32_t complete; /* blocks so far; the number of the one that is being filled; wraps */
  uint32_t samples;  /* in that one */
  uint8_t running;
} fw_capture_t;

/* Samples of one block. */
uint32_t fw_capture_block_samples(const fw_capture_memory_t *memory);

/* From now on, block 0 first. `memory` has blocks. */
void fw_capture_start(fw_capture_t *capture, const fw_capture_memory_t *memory);

/* No more; complete blocks can still be read. */
void fw_capture_stop(fw_capture_t *capture);

/* Does nothing unless started. */
void fw_capture_push(fw_capture_t *capture, const int16_t *samples, uint32_t count);

/* The number of the oldest block that is still there, `complete` if there is none. */
uint32_t fw_capture_oldest(const fw_capture_t *capture);

/* The bytes of block `number`, which is oldest … complete - 1; valid until the next push. */
const uint8_t *fw_capture_block(const fw_capture_t *capture, uint32_t number);

#ifdef __cplusplus
}
#endif

#endif
