#include "runtime/sample_ring.h"

#include <string.h>

/* The index that the other side writes is read with acquire, the own one written with release: data before
 * index. */
#if defined(__GNUC__)
static uint32_t load(const uint32_t *index) {
  return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}
static void store(uint32_t *index, uint32_t value) {
  __atomic_store_n(index, value, __ATOMIC_RELEASE);
}
#elif defined(_MSC_VER)
static uint32_t load(const uint32_t *index) {
  return *(const volatile uint32_t *)index; /* acquire and release by /volatile:ms, the default on x86 and x64 */
}
static void store(uint32_t *index, uint32_t value) {
  *(volatile uint32_t *)index = value;
}
#else
#error "runtime/sample_ring.c needs acquire loads and release stores of this compiler"
#endif

static uint32_t advance(const fw_sample_ring_t *ring, uint32_t index, uint32_t count) {
  const uint32_t to_end = ring->slot_count - index;
  return count < to_end ? index + count : count - to_end;
}

static uint32_t distance(const fw_sample_ring_t *ring, uint32_t from, uint32_t to) {
  return to >= from ? to - from : to + ring->slot_count - from;
}

void fw_sample_ring_init(fw_sample_ring_t *ring, void *memory, uint32_t memory_bytes, uint32_t element_bytes) {
  ring->memory = (uint8_t *)memory;
  ring->slot_count = memory_bytes / element_bytes;
  ring->element_bytes = element_bytes;
  ring->head = 0;
  ring->tail = 0;
}

uint32_t fw_sample_ring_room(const fw_sample_ring_t *ring) {
  return ring->slot_count - 1u - distance(ring, load(&ring->tail), ring->head);
}

uint32_t fw_sample_ring_push(fw_sample_ring_t *ring, const void *elements, uint32_t count) {
  const uint8_t *next = (const uint8_t *)elements;
  const uint32_t room = fw_sample_ring_room(ring);
  const uint32_t taken = count < room ? count : room;
  const uint32_t to_end = ring->slot_count - ring->head;
  const uint32_t first = taken < to_end ? taken : to_end;
  memcpy(ring->memory + ring->head * ring->element_bytes, next, first * ring->element_bytes);
  memcpy(ring->memory, next + first * ring->element_bytes, (taken - first) * ring->element_bytes);
  store(&ring->head, advance(ring, ring->head, taken));
  return taken;
}

uint32_t fw_sample_ring_count(const fw_sample_ring_t *ring) {
  return distance(ring, ring->tail, load(&ring->head));
}

uint32_t fw_sample_ring_peek(const fw_sample_ring_t *ring, const void **elements) {
  const uint32_t count = fw_sample_ring_count(ring);
  const uint32_t to_end = ring->slot_count - ring->tail;
  *elements = ring->memory + ring->tail * ring->element_bytes;
  return count < to_end ? count : to_end;
}

void fw_sample_ring_drop(fw_sample_ring_t *ring, uint32_t count) {
  store(&ring->tail, advance(ring, ring->tail, count));
}
