/* LEAKY_RELU of int16 and float32. Reference: TFLM reference_ops::QuantizeLeakyRelu, LeakyRelu. The int8 one is a
 * table (lookup.h). */
#ifndef FW_LEAKY_RELU_H
#define FW_LEAKY_RELU_H

#include "fw_float.h"
#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t count;
  FW_PER_LAYER int32_t input_zero_point;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t positive_multiplier;
  FW_PER_LAYER int32_t positive_shift;
  FW_PER_LAYER int32_t negative_multiplier; /* of the slope's magnitude */
  FW_PER_LAYER int32_t negative_shift;
  FW_PER_LAYER int32_t is_slope_negative;
} fw_leaky_relu_s16_params_t;

FW_KERNEL_BODY void fw_leaky_relu_s16_body(const fw_leaky_relu_s16_params_t *p, const int16_t *input, int16_t *output) {
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t x = input[i] - p->input_zero_point;
    int32_t scaled;
    if (x >= 0) {
      scaled = fw_requantise(x, p->positive_multiplier, p->positive_shift);
    } else {
      scaled = fw_requantise(x, p->negative_multiplier, p->negative_shift);
      if (p->is_slope_negative) scaled = (int32_t)(0u - (uint32_t)scaled);
    }
    output[i] = (int16_t)fw_clamp(fw_add_wrap(scaled, p->output_zero_point), INT16_MIN, INT16_MAX);
  }
}

typedef struct {
  int32_t count;
  FW_PER_LAYER float slope;
} fw_leaky_relu_f32_params_t;

FW_KERNEL_BODY void fw_leaky_relu_f32_body(const fw_leaky_relu_f32_params_t *p, const float *input, float *output) {
  for (int32_t i = 0; i < p->count; ++i) output[i] = input[i] > 0.0f ? input[i] : input[i] * p->slope;
}

#endif
