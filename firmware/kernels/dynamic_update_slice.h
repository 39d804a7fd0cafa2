/* DYNAMIC_UPDATE_SLICE: writes a box of elements over a tensor, at a place that is read at run time. */
#ifndef FW_DYNAMIC_UPDATE_SLICE_H
#define FW_DYNAMIC_UPDATE_SLICE_H

#include <string.h>

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

/* Five dimensions, missing ones in front with extents of 1. */
typedef struct {
  int32_t rank; /* of the tensors, and the number of indices */
  int32_t element_bytes;
  int32_t size0;
  int32_t size1;
  int32_t size2;
  int32_t size3;
  int32_t size4;
  int32_t extent0;
  int32_t extent1;
  int32_t extent2;
  int32_t extent3;
  int32_t extent4;
} fw_dynamic_update_slice_params_t;

/* output already holds the tensor; indices [rank] are clamped so that the box lies inside it. */
FW_KERNEL_BODY void fw_dynamic_update_slice_body(const fw_dynamic_update_slice_params_t *p, const void *update,
                                                 const int32_t *indices, void *output) {
  const int32_t sizes[5] = {p->size0, p->size1, p->size2, p->size3, p->size4};
  const int32_t extents[5] = {p->extent0, p->extent1, p->extent2, p->extent3, p->extent4};
  int32_t first[5] = {0, 0, 0, 0, 0};
  for (int32_t d = 5 - p->rank; d < 5; ++d) {
    first[d] = fw_clamp(indices[d - (5 - p->rank)], 0, sizes[d] - extents[d]);
  }
  const int32_t run = extents[4] * p->element_bytes;
  const uint8_t *from = update;
  for (int32_t a = 0; a < extents[0]; ++a) {
    for (int32_t b = 0; b < extents[1]; ++b) {
      for (int32_t c = 0; c < extents[2]; ++c) {
        for (int32_t d = 0; d < extents[3]; ++d, from += run) {
          int32_t position = (first[0] + a) * sizes[1] + first[1] + b;
          position = (position * sizes[2] + first[2] + c) * sizes[3] + first[3] + d;
          memcpy((uint8_t *)output + (position * sizes[4] + first[4]) * p->element_bytes, from, (size_t)run);
        }
      }
    }
  }
}

#endif
