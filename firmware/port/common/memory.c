/* The four functions the compiler itself calls. The C library's small variants copy byte by byte; these copy
 * words where both sides allow it and cost little flash. Only those that are called are linked. */
#include <stddef.h>
#include <stdint.h>

/* Without this the compiler recognises the loops and replaces them by calls of the very functions they
 * implement. */
#pragma GCC optimize("Os", "no-tree-loop-distribute-patterns")

typedef uint32_t __attribute__((may_alias)) word_t;

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  uint8_t *t = to;
  const uint8_t *f = from;
  if ((((uintptr_t)t ^ (uintptr_t)f) & 3u) == 0u) {
    for (; size != 0u && ((uintptr_t)t & 3u) != 0u; size--) *t++ = *f++;
    word_t *tw = (word_t *)(void *)t;
    const word_t *fw = (const word_t *)(const void *)f;
    for (; size >= 16u; size -= 16u, tw += 4, fw += 4) {
      const word_t a = fw[0], b = fw[1], c = fw[2], d = fw[3];
      tw[0] = a, tw[1] = b, tw[2] = c, tw[3] = d;
    }
    for (; size >= 4u; size -= 4u) *tw++ = *fw++;
    t = (uint8_t *)tw;
    f = (const uint8_t *)fw;
  }
  for (; size != 0u; size--) *t++ = *f++;
  return to;
}

void *memmove(void *to, const void *from, size_t size) {
  uint8_t *t = to;
  const uint8_t *f = from;
  if ((uintptr_t)t - (uintptr_t)f >= size) return memcpy(to, from, size);
  while (size != 0u) {
    size--;
    t[size] = f[size];
  }
  return to;
}

void *memset(void *to, int value, size_t size) {
  uint8_t *t = to;
  const uint8_t byte = (uint8_t)value;
  for (; size != 0u && ((uintptr_t)t & 3u) != 0u; size--) *t++ = byte;
  const word_t word = (word_t)byte * 0x01010101u;
  word_t *tw = (word_t *)(void *)t;
  for (; size >= 4u; size -= 4u) *tw++ = word;
  t = (uint8_t *)tw;
  for (; size != 0u; size--) *t++ = byte;
  return to;
}

int memcmp(const void *left, const void *right, size_t size) {
  const uint8_t *l = left;
  const uint8_t *r = right;
  for (size_t i = 0; i < size; i++) {
    if (l[i] != r[i]) return (int)l[i] - (int)r[i];
  }
  return 0;
}
