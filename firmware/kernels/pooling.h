/* AVERAGE_POOL_2D and MAX_POOL_2D. Reference: TFLM reference_integer_ops::AveragePool and MaxPool. */
#ifndef FW_POOLING_H
#define FW_POOLING_H

#include "kernels/element.h"
#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t batches;
  int32_t input_height;
  int32_t input_width;
  int32_t channels;
  int32_t output_height;
  int32_t output_width;
  int32_t kernel_height;
  int32_t kernel_width;
  int32_t stride_height;
  int32_t stride_width;
  int32_t pad_top;
  int32_t pad_left;
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_average_pool2d_s8_params_t;

typedef fw_average_pool2d_s8_params_t fw_average_pool2d_s16_params_t;
typedef fw_average_pool2d_s8_params_t fw_max_pool2d_s8_params_t;
typedef fw_average_pool2d_s8_params_t fw_max_pool2d_s16_params_t;

/* sum / count, rounded to the nearest, ties away from zero. */
FW_INLINE int32_t fw_rounded_quotient(int32_t sum, int32_t count) {
  return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

/* One channel of one window of `rows` x `columns` pixels that all lie in the image; `first` indexes its first pixel. */
FW_INLINE int32_t fw_pool2d_window(const fw_average_pool2d_s8_params_t *p, const void *input, int32_t first,
                                   int32_t rows, int32_t columns, fw_element_t type, int is_average) {
  int32_t result = is_average ? 0 : fw_load(input, first, type);
  for (int32_t row = 0; row < rows; ++row, first += p->input_width * p->channels) {
    int32_t index = first;
    for (int32_t column = 0; column < columns; ++column, index += p->channels) {
      const int32_t value = fw_load(input, index, type);
      result = is_average ? result + value : fw_max(result, value);
    }
  }
  return is_average ? fw_rounded_quotient(result, rows * columns) : result;
}

/* Windows are cut off at the image's edges: padding neither counts nor wins. Layout [batches][height][width][channels].
 */
FW_INLINE void fw_pool2d(const fw_average_pool2d_s8_params_t *p, const void *input, void *output, fw_element_t type,
                         int is_average) {
  int32_t out = 0;
  for (int32_t b = 0; b < p->batches; ++b) {
    for (int32_t out_y = 0; out_y < p->output_height; ++out_y) {
      const int32_t y = out_y * p->stride_height - p->pad_top;
      const int32_t top = fw_max(y, 0);
      const int32_t rows = fw_min(y + p->kernel_height, p->input_height) - top;
      for (int32_t out_x = 0; out_x < p->output_width; ++out_x) {
        const int32_t x = out_x * p->stride_width - p->pad_left;
        const int32_t left = fw_max(x, 0);
        const int32_t columns = fw_min(x + p->kernel_width, p->input_width) - left;
        const int32_t first = ((b * p->input_height + top) * p->input_width + left) * p->channels;
        /* Whole windows have a size known to the compiler, which divides by it with a multiplication. */
        const int whole = rows == p->kernel_height && columns == p->kernel_width;
        for (int32_t c = 0; c < p->channels; ++c) {
          const int32_t value =
              whole ? fw_pool2d_window(p, input, first + c, p->kernel_height, p->kernel_width, type, is_average)
                    : fw_pool2d_window(p, input, first + c, rows, columns, type, is_average);
          fw_store(output, out++, type, fw_clamp(value, p->output_min, p->output_max));
        }
      }
    }
  }
}

FW_KERNEL_BODY void fw_average_pool2d_s8_body(const fw_average_pool2d_s8_params_t *p, const int8_t *input,
                                              int8_t *output) {
  fw_pool2d(p, input, output, FW_ELEMENT_S8, 1);
}

FW_KERNEL_BODY void fw_average_pool2d_s16_body(const fw_average_pool2d_s16_params_t *p, const int16_t *input,
                                               int16_t *output) {
  fw_pool2d(p, input, output, FW_ELEMENT_S16, 1);
}

FW_KERNEL_BODY void fw_max_pool2d_s8_body(const fw_max_pool2d_s8_params_t *p, const int8_t *input, int8_t *output) {
  fw_pool2d(p, input, output, FW_ELEMENT_S8, 0);
}

FW_KERNEL_BODY void fw_max_pool2d_s16_body(const fw_max_pool2d_s16_params_t *p, const int16_t *input, int16_t *output) {
  fw_pool2d(p, input, output, FW_ELEMENT_S16, 0);
}

#endif
