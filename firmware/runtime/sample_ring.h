/* A ring between one producer (an interrupt, or another core) and one consumer (the task that polls): no
 * locks.
 *
 * Elements are PCM samples or rows of sensor values. Each side writes only its own index, after the data. */
#ifndef FW_RUNTIME_SAMPLE_RING_H
#define FW_RUNTIME_SAMPLE_RING_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  uint8_t *memory;
  uint32_t slot_count; /* one slot is always empty, which tells full from empty */
  uint32_t element_bytes;
  uint32_t head; /* next slot to write; the producer's */
  uint32_t tail; /* next slot to read; the consumer's */
} fw_sample_ring_t;

/* Bytes of memory for `elements` elements. */
#define FW_SAMPLE_RING_BYTES(elements, element_bytes) (((elements) + 1u) * (element_bytes))

/* `memory` is aligned for the element's type; it holds memory_bytes / element_bytes - 1 elements. */
void fw_sample_ring_init(fw_sample_ring_t *ring, void *memory, uint32_t memory_bytes, uint32_t element_bytes);

/* Producer: how many elements fit now. */
uint32_t fw_sample_ring_room(const fw_sample_ring_t *ring);

/* Producer: copies up to `count` elements in. Returns how many fitted. */
uint32_t fw_sample_ring_push(fw_sample_ring_t *ring, const void *elements, uint32_t count);

/* Consumer: how many elements wait. */
uint32_t fw_sample_ring_count(const fw_sample_ring_t *ring);

/* Consumer: points *elements at the oldest ones that lie together in memory. Returns how many;
 * fw_sample_ring_drop() frees. */
uint32_t fw_sample_ring_peek(const fw_sample_ring_t *ring, const void **elements);
void fw_sample_ring_drop(fw_sample_ring_t *ring, uint32_t count);

#ifdef __cplusplus
}
#endif

#endif
