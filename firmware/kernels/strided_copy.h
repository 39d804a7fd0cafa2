/* Moves blocks of bytes between two strided layouts: slices, splits, packs, transposes, broadcasts,
 * reversals. */
#ifndef FW_STRIDED_COPY_H
#define FW_STRIDED_COPY_H

#include <string.h>

#include "kernels/fw_kernel.h"

/* Five nested loops, the last the innermost; strides are in bytes and may be zero (repeat) or negative
 * (reverse). */
typedef struct {
  int32_t block_bytes;
  int32_t extent0;
  int32_t extent1;
  int32_t extent2;
  int32_t extent3;
  int32_t extent4;
  int32_t input_stride0;
  int32_t input_stride1;
  int32_t input_stride2;
  int32_t input_stride3;
  int32_t input_stride4;
  int32_t output_stride0;
  int32_t output_stride1;
  int32_t output_stride2;
  int32_t output_stride3;
  int32_t output_stride4;
} fw_strided_copy_params_t;

/* The sizes of elements are spelled out, so that each becomes a load and a store instead of a call. */
FW_INLINE void fw_copy_block(uint8_t *output, const uint8_t *input, int32_t bytes) {
  switch (bytes) {
    case 1:
      *output = *input;
      break;
    case 2:
      memcpy(output, input, 2);
      break;
    case 4:
      memcpy(output, input, 4);
      break;
    case 8:
      memcpy(output, input, 8);
      break;
    default:
      memcpy(output, input, (size_t)bytes);
      break;
  }
}

/* `input` and `output` point to the first block of each; they must not overlap. */
FW_KERNEL_BODY void fw_strided_copy_body(const fw_strided_copy_params_t *p, const void *input, void *output) {
  const uint8_t *const in = input;
  uint8_t *const out = output;
  for (int32_t a = 0; a < p->extent0; ++a) {
    for (int32_t b = 0; b < p->extent1; ++b) {
      for (int32_t c = 0; c < p->extent2; ++c) {
        for (int32_t d = 0; d < p->extent3; ++d) {
          const uint8_t *from =
              in + a * p->input_stride0 + b * p->input_stride1 + c * p->input_stride2 + d * p->input_stride3;
          uint8_t *to =
              out + a * p->output_stride0 + b * p->output_stride1 + c * p->output_stride2 + d * p->output_stride3;
          for (int32_t e = 0; e < p->extent4; ++e) {
            fw_copy_block(to + e * p->output_stride4, from + e * p->input_stride4, p->block_bytes);
          }
        }
      }
    }
  }
}

#endif
