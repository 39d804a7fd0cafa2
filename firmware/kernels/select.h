/* SELECT_V2: from one of two tensors, element by element. */
#ifndef FW_SELECT_H
#define FW_SELECT_H

#include "kernels/fw_kernel.h"
#include "kernels/strided_copy.h"

typedef struct {
  int32_t count;
  int32_t element_bytes;
  int32_t condition_stride; /* in elements; 0 where one value serves all, like the next */
  int32_t first_stride;
  int32_t second_stride;
} fw_select_params_t;

FW_KERNEL_BODY void fw_select_body(const fw_select_params_t *p, const uint8_t *condition, const void *first,
                                   const void *second, void *output) {
  for (int32_t i = 0; i < p->count; ++i) {
    const uint8_t *from = condition[i * p->condition_stride]
                              ? (const uint8_t *)first + i * p->first_stride * p->element_bytes
                              : (const uint8_t *)second + i * p->second_stride * p->element_bytes;
    fw_copy_block((uint8_t *)output + i * p->element_bytes, from, p->element_bytes);
  }
}

#endif
