/* Ring of received bytes: one writer (the interrupt), one reader (the main program), no locks.
 * The indices run freely and wrap by themselves; the size must be a power of two. */
#ifndef FW_RING_H
#define FW_RING_H

#include <stdint.h>

#include "fw_board.h" /* a board with little RAM chooses FW_RING_BYTES */

#ifndef FW_RING_BYTES
#define FW_RING_BYTES 1024u
#endif

#if (FW_RING_BYTES & (FW_RING_BYTES - 1u)) != 0
#error "FW_RING_BYTES must be a power of two"
#endif

typedef struct {
  volatile uint32_t written; /* changed by the interrupt only */
  volatile uint32_t taken;   /* changed by the reader only */
  uint8_t bytes[FW_RING_BYTES];
} fw_ring_t;

static inline uint32_t fw_ring_used(const fw_ring_t *ring) {
  return ring->written - ring->taken;
}

/* A byte that finds the ring full is lost, as on any serial line; the link's checksums notice. */
static inline void fw_ring_put(fw_ring_t *ring, uint8_t byte) {
  const uint32_t written = ring->written;
  if (written - ring->taken < FW_RING_BYTES) {
    ring->bytes[written & (FW_RING_BYTES - 1u)] = byte;
    __asm__ volatile("" ::: "memory"); /* the byte is there before the index says so */
    ring->written = written + 1u;
  }
}

static inline uint32_t fw_ring_take(fw_ring_t *ring, uint8_t *bytes, uint32_t size) {
  uint32_t taken = ring->taken;
  const uint32_t available = ring->written - taken;
  const uint32_t count = size < available ? size : available;
  for (uint32_t i = 0; i < count; i++) {
    bytes[i] = ring->bytes[taken & (FW_RING_BYTES - 1u)];
    taken++;
  }
  __asm__ volatile("" ::: "memory"); /* the bytes are read before their room is given back */
  ring->taken = taken;
  return count;
}

#endif
