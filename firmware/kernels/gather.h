/* GATHER, GATHER_ND, EMBEDDING_LOOKUP: slices at indices that are read at run time. An index outside the
 * tensor, for which the reference defines no result, is clamped to the nearest one inside. */
#ifndef FW_GATHER_H
#define FW_GATHER_H

#include <string.h>

#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t batches;
  int32_t outer;   /* blocks of axis_size slices per batch */
  int32_t indices; /* per batch */
  int32_t axis_size;
  int32_t slice_bytes;
} fw_gather_params_t;

/* input [batches][outer][axis_size] slices, indices [batches][indices], output [batches][outer][indices]
 * slices. */
FW_KERNEL_BODY void fw_gather_body(const fw_gather_params_t *p, const void *input, const int32_t *indices,
                                   void *output) {
  const uint8_t *in = input;
  uint8_t *out = output;
  for (int32_t b = 0; b < p->batches; ++b, indices += p->indices) {
    for (int32_t o = 0; o < p->outer; ++o, in += p->axis_size * p->slice_bytes) {
      for (int32_t i = 0; i < p->indices; ++i, out += p->slice_bytes) {
        memcpy(out, in + fw_clamp(indices[i], 0, p->axis_size - 1) * p->slice_bytes, (size_t)p->slice_bytes);
      }
    }
  }
}

typedef struct {
  int32_t slices;
  int32_t depth; /* indices per slice, at most 5; the sizes of the dimensions that they index follow */
  int32_t size0;
  int32_t size1;
  int32_t size2;
  int32_t size3;
  int32_t size4;
  int32_t slice_bytes;
} fw_gather_nd_params_t;

/* input [size0]…[size4] slices (1 for unused dimensions), indices [slices][depth], output [slices] slices. */
FW_KERNEL_BODY void fw_gather_nd_body(const fw_gather_nd_params_t *p, const void *input, const int32_t *indices,
                                      void *output) {
  const int32_t sizes[5] = {p->size0, p->size1, p->size2, p->size3, p->size4};
  const uint8_t *in = input;
  uint8_t *out = output;
  for (int32_t s = 0; s < p->slices; ++s, out += p->slice_bytes) {
    int32_t position = 0;
    for (int32_t d = 0; d < p->depth; ++d) position = position * sizes[d] + fw_clamp(*indices++, 0, sizes[d] - 1);
    memcpy(out, in + position * p->slice_bytes, (size_t)p->slice_bytes);
  }
}

#endif
