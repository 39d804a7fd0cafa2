/* QUANTIZE and DEQUANTIZE, and RELU with other scales. Reference: TFLM reference_ops::Requantize, AffineQuantize and
 * Dequantize, ReluQuantized. */
#ifndef FW_CONVERSION_H
#define FW_CONVERSION_H

#include "fw_float.h"
#include "kernels/element.h"
#include "kernels/fixed_point.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t count;
  FW_PER_LAYER int32_t input_zero_point;
  FW_PER_LAYER int32_t multiplier;
  FW_PER_LAYER int32_t shift;
  FW_PER_LAYER int32_t output_zero_point;
  FW_PER_LAYER int32_t output_min;
  FW_PER_LAYER int32_t output_max;
} fw_requantise_s8_s8_params_t;

typedef fw_requantise_s8_s8_params_t fw_requantise_s8_u8_params_t;
typedef fw_requantise_s8_s8_params_t fw_requantise_u8_s8_params_t;
typedef fw_requantise_s8_s8_params_t fw_requantise_s8_s16_params_t;
typedef fw_requantise_s8_s8_params_t fw_requantise_s8_s32_params_t;
typedef fw_requantise_s8_s8_params_t fw_requantise_s16_s8_params_t;
typedef fw_requantise_s8_s8_params_t fw_requantise_s16_s16_params_t;
typedef fw_requantise_s8_s8_params_t fw_requantise_s16_s32_params_t;
typedef fw_requantise_s8_s8_params_t fw_requantise_s32_s8_params_t;
typedef fw_requantise_s8_s8_params_t fw_requantise_s32_s16_params_t;

FW_INLINE void fw_requantise_elements(const fw_requantise_s8_s8_params_t *p, const void *input, fw_element_t from,
                                      void *output, fw_element_t to) {
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t centred = fw_subtract_wrap(fw_load(input, i, from), p->input_zero_point);
    const int32_t scaled = fw_add_wrap(fw_requantise(centred, p->multiplier, p->shift), p->output_zero_point);
    fw_store(output, i, to, fw_clamp(scaled, p->output_min, p->output_max));
  }
}

FW_KERNEL_BODY void fw_requantise_s8_s8_body(const fw_requantise_s8_s8_params_t *p, const int8_t *input,
                                             int8_t *output) {
  fw_requantise_elements(p, input, FW_ELEMENT_S8, output, FW_ELEMENT_S8);
}

FW_KERNEL_BODY void fw_requantise_s8_u8_body(const fw_requantise_s8_u8_params_t *p, const int8_t *input,
                                             uint8_t *output) {
  fw_requantise_elements(p, input, FW_ELEMENT_S8, output, FW_ELEMENT_U8);
}

FW_KERNEL_BODY void fw_requantise_u8_s8_body(const fw_requantise_u8_s8_params_t *p, const uint8_t *input,
                                             int8_t *output) {
  fw_requantise_elements(p, input, FW_ELEMENT_U8, output, FW_ELEMENT_S8);
}

FW_KERNEL_BODY void fw_requantise_s8_s16_body(const fw_requantise_s8_s16_params_t *p, const int8_t *input,
                                              int16_t *output) {
  fw_requantise_elements(p, input, FW_ELEMENT_S8, output, FW_ELEMENT_S16);
}

FW_KERNEL_BODY void fw_requantise_s8_s32_body(const fw_requantise_s8_s32_params_t *p, const int8_t *input,
                                              int32_t *output) {
  fw_requantise_elements(p, input, FW_ELEMENT_S8, output, FW_ELEMENT_S32);
}

FW_KERNEL_BODY void fw_requantise_s16_s8_body(const fw_requantise_s16_s8_params_t *p, const int16_t *input,
                                              int8_t *output) {
  fw_requantise_elements(p, input, FW_ELEMENT_S16, output, FW_ELEMENT_S8);
}

FW_KERNEL_BODY void fw_requantise_s16_s16_body(const fw_requantise_s16_s16_params_t *p, const int16_t *input,
                                               int16_t *output) {
  fw_requantise_elements(p, input, FW_ELEMENT_S16, output, FW_ELEMENT_S16);
}

FW_KERNEL_BODY void fw_requantise_s16_s32_body(const fw_requantise_s16_s32_params_t *p, const int16_t *input,
                                               int32_t *output) {
  fw_requantise_elements(p, input, FW_ELEMENT_S16, output, FW_ELEMENT_S32);
}

FW_KERNEL_BODY void fw_requantise_s32_s8_body(const fw_requantise_s32_s8_params_t *p, const int32_t *input,
                                              int8_t *output) {
  fw_requantise_elements(p, input, FW_ELEMENT_S32, output, FW_ELEMENT_S8);
}

FW_KERNEL_BODY void fw_requantise_s32_s16_body(const fw_requantise_s32_s16_params_t *p, const int32_t *input,
                                               int16_t *output) {
  fw_requantise_elements(p, input, FW_ELEMENT_S32, output, FW_ELEMENT_S16);
}

typedef struct {
  int32_t count;
  FW_PER_LAYER float scale;
  FW_PER_LAYER int32_t zero_point;
} fw_quantise_f32_s8_params_t;

typedef fw_quantise_f32_s8_params_t fw_quantise_f32_s16_params_t;

/* round(x / scale) + zero point, ties away from zero. What lies outside the range, also infinitely far, becomes the
 * nearer end; not-a-number becomes the lower one. (The reference converts to int32_t first, which leaves quotients
 * from 2^31 on undefined.) */
FW_INLINE int32_t fw_quantise(float x, float scale, int32_t zero_point, int32_t low, int32_t high) {
  const float steps = x / scale;
  if (!(steps > (float)(low - zero_point - 1))) return low;
  if (steps > (float)(high - zero_point + 1)) return high;
  int32_t rounded = (int32_t)steps;
  const float rest = steps - (float)rounded;
  if (rest >= 0.5f) ++rounded;
  if (rest <= -0.5f) --rounded;
  return fw_clamp(rounded + zero_point, low, high);
}

FW_KERNEL_BODY void fw_quantise_f32_s8_body(const fw_quantise_f32_s8_params_t *p, const float *input, int8_t *output) {
  for (int32_t i = 0; i < p->count; ++i) {
    output[i] = (int8_t)fw_quantise(input[i], p->scale, p->zero_point, INT8_MIN, INT8_MAX);
  }
}

FW_KERNEL_BODY void fw_quantise_f32_s16_body(const fw_quantise_f32_s16_params_t *p, const float *input,
                                             int16_t *output) {
  for (int32_t i = 0; i < p->count; ++i) {
    output[i] = (int16_t)fw_quantise(input[i], p->scale, p->zero_point, INT16_MIN, INT16_MAX);
  }
}

typedef fw_quantise_f32_s8_params_t fw_dequantise_s8_f32_params_t;
typedef fw_quantise_f32_s8_params_t fw_dequantise_u8_f32_params_t;
typedef fw_quantise_f32_s8_params_t fw_dequantise_s16_f32_params_t;

/* The reference multiplies in double and rounds once; this product has one rounding too, hence the same value. */
FW_INLINE void fw_dequantise(const fw_quantise_f32_s8_params_t *p, const void *input, fw_element_t from,
                             float *output) {
  for (int32_t i = 0; i < p->count; ++i) {
    output[i] = p->scale * (float)(fw_load(input, i, from) - p->zero_point);
  }
}

FW_KERNEL_BODY void fw_dequantise_s8_f32_body(const fw_dequantise_s8_f32_params_t *p, const int8_t *input,
                                              float *output) {
  fw_dequantise(p, input, FW_ELEMENT_S8, output);
}

FW_KERNEL_BODY void fw_dequantise_u8_f32_body(const fw_dequantise_u8_f32_params_t *p, const uint8_t *input,
                                              float *output) {
  fw_dequantise(p, input, FW_ELEMENT_U8, output);
}

FW_KERNEL_BODY void fw_dequantise_s16_f32_body(const fw_dequantise_s16_f32_params_t *p, const int16_t *input,
                                               float *output) {
  fw_dequantise(p, input, FW_ELEMENT_S16, output);
}

#endif
