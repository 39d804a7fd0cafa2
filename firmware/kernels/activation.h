/* RELU, RELU6 and RELU_N1_TO_1 on their own, where input and output have one scale. With other scales they are a
 * requantisation (conversion.h). */
#ifndef FW_ACTIVATION_H
#define FW_ACTIVATION_H

#include "fw_float.h"
#include "kernels/element.h"
#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t count;
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_clamp_s8_params_t;

typedef fw_clamp_s8_params_t fw_clamp_s16_params_t;

FW_INLINE void fw_clamp_elements(const fw_clamp_s8_params_t *p, const void *input, void *output, fw_element_t type) {
  for (int32_t i = 0; i < p->count; ++i) {
    fw_store(output, i, type, fw_clamp(fw_load(input, i, type), p->output_min, p->output_max));
  }
}

FW_KERNEL_BODY void fw_clamp_s8_body(const fw_clamp_s8_params_t *p, const int8_t *input, int8_t *output) {
  fw_clamp_elements(p, input, output, FW_ELEMENT_S8);
}

FW_KERNEL_BODY void fw_clamp_s16_body(const fw_clamp_s16_params_t *p, const int16_t *input, int16_t *output) {
  fw_clamp_elements(p, input, output, FW_ELEMENT_S16);
}

typedef struct {
  int32_t count;
  float output_min;
  float output_max;
} fw_clamp_f32_params_t;

typedef struct {
  int32_t count;
} fw_relu_f32_params_t;

FW_KERNEL_BODY void fw_relu_f32_body(const fw_relu_f32_params_t *p, const float *input, float *output) {
  for (int32_t i = 0; i < p->count; ++i) output[i] = input[i] < 0.0f ? 0.0f : input[i];
}

/* x within [low, high]; not-a-number stays what it is. */
FW_INLINE float fw_clamp_float(float x, float low, float high) {
  const float raised = x < low ? low : x;
  return raised > high ? high : raised;
}

FW_KERNEL_BODY void fw_clamp_f32_body(const fw_clamp_f32_params_t *p, const float *input, float *output) {
  for (int32_t i = 0; i < p->count; ++i) output[i] = fw_clamp_float(input[i], p->output_min, p->output_max);
}

#endif
