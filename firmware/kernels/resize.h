/* RESIZE_NEAREST_NEIGHBOR, RESIZE_BILINEAR. Which rows and columns an output pixel is made from is the same in every
 * inference: tables hold it. Reference: TFLM reference_ops::ResizeNearestNeighbor, ResizeBilinear(Integer). */
#ifndef FW_RESIZE_H
#define FW_RESIZE_H

#include "fw_float.h"
#include "kernels/fw_kernel.h"
#include "kernels/strided_copy.h"

typedef struct {
  int32_t batches;
  int32_t input_height;
  int32_t input_width;
  int32_t pixel_bytes;
  int32_t output_height;
  int32_t output_width;
} fw_resize_nearest_params_t;

/* rows [output_height] and columns [output_width] index the input. */
FW_KERNEL_BODY void fw_resize_nearest_body(const fw_resize_nearest_params_t *p, const void *input, const int16_t *rows,
                                           const int16_t *columns, void *output) {
  const uint8_t *in = input;
  uint8_t *out = output;
  const int32_t row_bytes = p->input_width * p->pixel_bytes;
  for (int32_t b = 0; b < p->batches; ++b, in += p->input_height * row_bytes) {
    for (int32_t y = 0; y < p->output_height; ++y) {
      for (int32_t x = 0; x < p->output_width; ++x, out += p->pixel_bytes) {
        fw_copy_block(out, in + rows[y] * row_bytes + columns[x] * p->pixel_bytes, p->pixel_bytes);
      }
    }
  }
}

typedef struct {
  int32_t batches;
  int32_t input_height;
  int32_t input_width;
  int32_t channels;
  int32_t output_height;
  int32_t output_width;
} fw_resize_bilinear_s8_params_t;

/* rows [output_height][3] and columns [output_width][3]: the two neighbours, and 2^10 times the second one's share,
 * which is below 0 in front of the first pixel (where both neighbours are that pixel). */
FW_KERNEL_BODY void fw_resize_bilinear_s8_body(const fw_resize_bilinear_s8_params_t *p, const int8_t *input,
                                               const int16_t *rows, const int16_t *columns, int8_t *output) {
  const int32_t row = p->input_width * p->channels;
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_height * row) {
    for (int32_t y = 0; y < p->output_height; ++y) {
      const int8_t *upper = input + rows[3 * y] * row;
      const int8_t *lower = input + rows[3 * y + 1] * row;
      const int32_t fy = rows[3 * y + 2];
      for (int32_t x = 0; x < p->output_width; ++x) {
        const int32_t left = columns[3 * x] * p->channels;
        const int32_t right = columns[3 * x + 1] * p->channels;
        const int32_t fx = columns[3 * x + 2];
        for (int32_t c = 0; c < p->channels; ++c) {
          const int32_t top = upper[left + c] * (1024 - fx) + upper[right + c] * fx;
          const int32_t bottom = lower[left + c] * (1024 - fx) + lower[right + c] * fx;
          const int32_t sum = top * (1024 - fy) + bottom * fy;
          *output++ = (int8_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
        }
      }
    }
  }
}

typedef struct {
  int32_t batches;
  int32_t input_height;
  int32_t input_width;
  int32_t channels;
  int32_t output_height;
  int32_t output_width;
} fw_resize_bilinear_f32_params_t;

/* rows [output_height][2] and columns [output_width][2]: the two neighbours; row_shares [output_height] and
 * column_shares [output_width]: the second one's share. */
FW_KERNEL_BODY void fw_resize_bilinear_f32_body(const fw_resize_bilinear_f32_params_t *p, const float *input,
                                                const int16_t *rows, const float *row_shares, const int16_t *columns,
                                                const float *column_shares, float *output) {
  const int32_t row = p->input_width * p->channels;
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_height * row) {
    for (int32_t y = 0; y < p->output_height; ++y) {
      const float *upper = input + rows[2 * y] * row;
      const float *lower = input + rows[2 * y + 1] * row;
      const float fy = row_shares[y];
      for (int32_t x = 0; x < p->output_width; ++x) {
        const int32_t left = columns[2 * x] * p->channels;
        const int32_t right = columns[2 * x + 1] * p->channels;
        const float fx = column_shares[x];
        for (int32_t c = 0; c < p->channels; ++c) {
          *output++ = upper[left + c] * (1.0f - fy) * (1.0f - fx) + lower[left + c] * fy * (1.0f - fx) +
                      upper[right + c] * (1.0f - fy) * fx + lower[right + c] * fy * fx;
        }
      }
    }
  }
}

#endif
