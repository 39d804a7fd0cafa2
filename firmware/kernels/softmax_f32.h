/* SOFTMAX of float32 over the last dimension. Reference: TFLM reference_ops::Softmax. */
#ifndef FW_SOFTMAX_F32_H
#define FW_SOFTMAX_F32_H

#include "fw_float.h"
#include "kernels/exponential.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t rows;
  int32_t depth;
  FW_PER_LAYER float beta;
} fw_softmax_f32_params_t;

FW_KERNEL_BODY void fw_softmax_f32_body(const fw_softmax_f32_params_t *p, const float *input, float *output) {
  for (int32_t row = 0; row < p->rows; ++row, input += p->depth, output += p->depth) {
    float largest = -0x1.fffffep127f;
    for (int32_t i = 0; i < p->depth; ++i) largest = largest < input[i] ? input[i] : largest;
    float sum = 0.0f;
    for (int32_t i = 0; i < p->depth; ++i) {
      output[i] = fw_exp_f32((input[i] - largest) * p->beta);
      sum += output[i];
    }
    for (int32_t i = 0; i < p->depth; ++i) output[i] /= sum;
  }
}

#endif
