/* Heads and their changes as bytes; pytool/fieldwren/fleet/wire.py says what each byte is. */
#ifndef FW_EXCHANGE_H
#define FW_EXCHANGE_H

#include <stdint.h>

#include "fw_status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { FW_EXCHANGE_FLOAT32 = 0, FW_EXCHANGE_FLOAT16 = 1, FW_EXCHANGE_INT8 = 2 } fw_exchange_encoding_t;

enum { FW_VECTOR_HEADER = 12, FW_EXCHANGE_BLOCK = 64 };

/* Bytes of the longest vector of `count` parameters. */
#define FW_VECTOR_BYTES(count) ((uint32_t)FW_VECTOR_HEADER + 4u * (uint32_t)(count))

/* Which parameters of a head travel: `count` of them from `first` on, with `hole` left out at `hole_at`. */
typedef struct {
  uint32_t first;
  uint32_t hole_at;
  uint32_t hole;
  uint32_t count;
} fw_shared_t;

/* Where the i-th parameter that travels lies in a head. */
static inline uint32_t fw_shared_index(const fw_shared_t *shared, uint32_t i) {
  const uint32_t at = i + shared->first;
  return at >= shared->hole_at ? at + shared->hole : at;
}

/* Checks a vector without decoding it. FW_E_FORMAT: its bytes make no sense, or a value is not finite; else `*count`
 * is its parameters. */
fw_status_t fw_exchange_check(const uint8_t *vector, uint32_t bytes, uint32_t *count);

/* base[i] + vector -> head[i] for the parameters that travel; the vector has been checked and has shared->count. */
void fw_exchange_apply(const uint8_t *vector, const float *base, float *head, const fw_shared_t *shared);

/* Writes the largest `share` (above 0, at most 1) of `change`, finite values, as a vector of at most
 * FW_VECTOR_BYTES(shared->count) bytes, and leaves in `change` what it does not say. Returns its bytes. */
uint32_t fw_exchange_encode(float *change, const fw_shared_t *shared, fw_exchange_encoding_t encoding, float share,
                            uint8_t *vector);

#ifdef __cplusplus
}
#endif

#endif
