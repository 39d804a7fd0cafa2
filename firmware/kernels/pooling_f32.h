/* AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D (the root of the mean square) of float32.
 * Reference: TFLM reference_ops::AveragePool, MaxPool, L2Pool. */
#ifndef FW_POOLING_F32_H
#define FW_POOLING_F32_H

#include "features/sqrt_f32.h"
#include "fw_float.h"
#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

/* The square root of cores that have no instruction for it. */
FW_LINKS_WITH("features/fw_math.c")

/* Values of `operation`; pytool/fieldwren/ops/pooling.py has the same. */
typedef enum { FW_POOL_AVERAGE, FW_POOL_MAX, FW_POOL_L2 } fw_pool_t;

typedef struct {
  int32_t operation; /* fw_pool_t */
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
  FW_PER_LAYER float output_min;
  FW_PER_LAYER float output_max;
} fw_pool2d_f32_params_t;

/* Layout [batches][height][width][channels]; windows are cut off at the image's edges. */
FW_KERNEL_BODY void fw_pool2d_f32_body(const fw_pool2d_f32_params_t *p, const float *input, float *output) {
  for (int32_t b = 0; b < p->batches; ++b, input += p->input_height * p->input_width * p->channels) {
    for (int32_t out_y = 0; out_y < p->output_height; ++out_y) {
      const int32_t y = out_y * p->stride_height - p->pad_top;
      const int32_t bottom = fw_min(y + p->kernel_height, p->input_height);
      for (int32_t out_x = 0; out_x < p->output_width; ++out_x) {
        const int32_t x = out_x * p->stride_width - p->pad_left;
        const int32_t right = fw_min(x + p->kernel_width, p->input_width);
        for (int32_t c = 0; c < p->channels; ++c) {
          float result = p->operation == FW_POOL_MAX ? -0x1.fffffep127f : 0.0f;
          for (int32_t in_y = fw_max(y, 0); in_y < bottom; ++in_y) {
            for (int32_t in_x = fw_max(x, 0); in_x < right; ++in_x) {
              const float value = input[(in_y * p->input_width + in_x) * p->channels + c];
              if (p->operation == FW_POOL_MAX) {
                result = result < value ? value : result;
              } else {
                result += p->operation == FW_POOL_L2 ? value * value : value;
              }
            }
          }
          const float pixels = (float)((bottom - fw_max(y, 0)) * (right - fw_max(x, 0)));
          if (p->operation != FW_POOL_MAX) result /= pixels;
          if (p->operation == FW_POOL_L2) result = fw_sqrtf_inline(result);
          const float raised = result < p->output_min ? p->output_min : result;
          *output++ = raised > p->output_max ? p->output_max : raised;
        }
      }
    }
  }
}

#endif
