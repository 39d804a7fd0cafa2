/* Static memory of the one model in an image; include it in exactly one file. */
#ifndef FW_MEMORY_H
#define FW_MEMORY_H

#include <stdint.h>

#include "model.h"

/* Never of size zero, which C does not have. */
static uint8_t arena[FW_MODEL_ARENA_BYTES + 1u] __attribute__((aligned(16)));
#if FW_MODEL_STATE_BYTES
static uint8_t state[FW_MODEL_STATE_BYTES] __attribute__((aligned(16)));
#else
#define state ((void *)0)
#endif

#endif
