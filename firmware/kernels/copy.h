/* Copies bytes: outputs that are also constants, inputs or state. */
#ifndef FW_COPY_H
#define FW_COPY_H

#include <string.h>

#include "kernels/fw_kernel.h"

typedef struct {
  int32_t bytes;
} fw_copy_params_t;

FW_KERNEL_BODY void fw_copy_body(const fw_copy_params_t *p, const void *input, void *output) {
  memmove(output, input, (size_t)p->bytes);
}

#endif
