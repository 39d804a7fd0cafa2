/* CIRCULAR_BUFFER: the last inputs, the oldest first. Reference: TFLM circular_buffer.cc. */
#ifndef FW_CIRCULAR_BUFFER_H
#define FW_CIRCULAR_BUFFER_H

#include <string.h>

#include "kernels/fw_kernel.h"

typedef struct {
  int32_t slots;
  int32_t depth;
  int32_t period; /* inferences for each time that what follows runs */
} fw_circular_buffer_params_t;

/* Drops the oldest of `slots` inputs of `buffer` and appends `input` [depth]. cycle[0] counts down to the next time
 * that what follows runs, cycle[1] is 1 until then. */
FW_KERNEL_BODY void fw_circular_buffer_body(const fw_circular_buffer_params_t *p, const int8_t *input, int8_t *buffer,
                                            int32_t *cycle) {
  const int32_t kept = (p->slots - 1) * p->depth;
  memmove(buffer, buffer + p->depth, (uint32_t)kept);
  memcpy(buffer + kept, input, (uint32_t)p->depth);
  cycle[0] -= 1;
  cycle[1] = cycle[0] > 0;
  if (!cycle[1]) cycle[0] = p->period;
}

#endif
