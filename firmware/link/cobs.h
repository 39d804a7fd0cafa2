/* Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999): bytes without 0x00, at most one more per 254.
 */
#ifndef FW_LINK_COBS_H
#define FW_LINK_COBS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Most bytes that `count` bytes can become. */
#define FW_COBS_ENCODED_MAX(count) ((count) + (count) / 254u + 1u)

/* Decodes `count` bytes in place. Returns the decoded length, or -1 if the bytes are not a COBS encoding. */
int32_t fw_cobs_decode(uint8_t *bytes, uint32_t count);

/* An encoder that is fed piece by piece, so that a frame needs no buffer of its own before encoding. */
typedef struct {
  uint8_t *out;
  uint32_t size;
  uint32_t count;      /* bytes of `out` in use, the open code byte included */
  uint32_t code_index; /* where the open code byte is */
  uint8_t code;
  uint8_t overflow; /* set when `out` was too small; the encoding is then worthless */
} fw_cobs_encoder_t;

void fw_cobs_begin(fw_cobs_encoder_t *encoder, uint8_t *out, uint32_t size);
void fw_cobs_put(fw_cobs_encoder_t *encoder, const void *bytes, uint32_t count);

/* Closes the encoding. Returns its length, or 0 if it did not fit. */
uint32_t fw_cobs_end(fw_cobs_encoder_t *encoder);

#ifdef __cplusplus
}
#endif

#endif
