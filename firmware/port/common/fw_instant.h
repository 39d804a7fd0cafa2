/* An instant to the instruction, from a counter that advances once in FW_INSTRUCTIONS_PER_TICK (N)
 * instructions.
 *
 * The counter is read at once and then again every N + 1 instructions. Each reading finds it one further, and
 * one phase closer to its next edge; the reading that finds it two further lies exactly on an edge. */
#ifndef FW_INSTANT_H
#define FW_INSTANT_H

#include <stdint.h>

typedef struct {
  uint32_t first; /* the first reading: this instant is meant when it ends a measurement */
  uint32_t edge;  /* the reading on the edge: this instant is meant when it begins one */
} fw_instant_t;

/* Filled by fw_instant_begin() and fw_instant_end(), which are written in assembly: they know their
 * instructions. */
extern fw_instant_t fw_begun, fw_ended;

#endif
