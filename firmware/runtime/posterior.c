#include "runtime/posterior.h"

#include <stddef.h>
#include <string.h>

#include "fw_float.h"
#include "fw_math.h"

static uint32_t element_bytes(uint32_t dtype) {
  switch (dtype) {
    case FW_INT8:
    case FW_UINT8:
      return 1;
    case FW_INT16:
      return 2;
    case FW_FLOAT32:
      return 4;
    default:
      return 0;
  }
}

uint32_t fw_tensor_elements(const fw_tensor_info_t *tensor) {
  const uint32_t width = element_bytes(tensor->dtype);
  return width == 0u ? 0u : tensor->bytes / width;
}

float fw_tensor_value(const void *values, const fw_tensor_info_t *tensor, uint32_t index) {
  const uint8_t *bytes = (const uint8_t *)values + index * element_bytes(tensor->dtype);
  int32_t q;
  if (tensor->dtype == FW_FLOAT32) {
    float value;
    memcpy(&value, bytes, sizeof value);
    return value - value == 0.0f ? value : 0.0f; /* neither infinite nor NaN */
  }
  if (tensor->dtype == FW_INT16) {
    int16_t value;
    memcpy(&value, bytes, sizeof value);
    q = value;
  } else {
    q = tensor->dtype == FW_INT8 ? (int32_t)(int8_t)*bytes : (int32_t)*bytes;
  }
  return tensor->scale * (float)(q - tensor->zero_point);
}

/* Clamped before it is converted, so the conversion is defined for every float. */
uint16_t fw_posterior_q15(float probability) {
  if (!(probability > 0.0f)) return 0;
  if (probability >= 1.0f) return FW_Q15_ONE;
  return (uint16_t)(probability * (float)FW_Q15_ONE + 0.5f);
}

static void softmax(const void *output, const fw_tensor_info_t *tensor, uint16_t *posteriors_q15, uint32_t count) {
  float most = fw_tensor_value(output, tensor, 0);
  float sum = 0.0f;
  for (uint32_t i = 1; i < count; i++) {
    const float logit = fw_tensor_value(output, tensor, i);
    if (logit > most) most = logit;
  }
  for (uint32_t i = 0; i < count; i++) sum += fw_expf(fw_tensor_value(output, tensor, i) - most);
  for (uint32_t i = 0; i < count; i++) {
    posteriors_q15[i] = fw_posterior_q15(fw_expf(fw_tensor_value(output, tensor, i) - most) / sum);
  }
}

fw_status_t fw_posteriors(const void *output, const fw_tensor_info_t *tensor, fw_posterior_t kind,
                          uint16_t *posteriors_q15, uint32_t class_count) {
  const uint32_t count = fw_tensor_elements(tensor);
  const int is_pair = count == 1u && class_count == 2u;
  if (count == 0u || (count != class_count && !is_pair)) return FW_E_ARGUMENT;
  if (kind == FW_POSTERIOR_SOFTMAX && count > 1u) {
    softmax(output, tensor, posteriors_q15, count);
    return FW_OK;
  }
  if (kind != FW_POSTERIOR_PROBABILITY && kind != FW_POSTERIOR_LOGISTIC) return FW_E_ARGUMENT;
  for (uint32_t i = 0; i < count; i++) {
    float value = fw_tensor_value(output, tensor, i);
    if (kind == FW_POSTERIOR_LOGISTIC) value = 1.0f / (1.0f + fw_expf(-value));
    posteriors_q15[i] = fw_posterior_q15(value);
  }
  if (is_pair) {
    posteriors_q15[1] = posteriors_q15[0];
    posteriors_q15[0] = (uint16_t)(FW_Q15_ONE - posteriors_q15[1]);
  }
  return FW_OK;
}

static float weighed(const float *row, const float *residual, uint32_t count) {
  float sum = 0.0f;
  for (uint32_t i = 0; i < count; i++) sum += row[i] * residual[i];
  return sum;
}

fw_status_t fw_reconstruction_posteriors(const void *input, const fw_tensor_info_t *input_tensor, const void *output,
                                         const fw_tensor_info_t *output_tensor, const fw_anomaly_t *anomaly,
                                         float *residual, uint16_t *posteriors_q15) {
  const uint32_t count = fw_tensor_elements(input_tensor);
  const float half_error = anomaly->half_error;
  float sum = 0.0f;
  float error;
  if (count == 0u || fw_tensor_elements(output_tensor) != count || !(half_error > 0.0f)) return FW_E_ARGUMENT;
  for (uint32_t i = 0; i < count; i++) {
    residual[i] = fw_tensor_value(input, input_tensor, i) - fw_tensor_value(output, output_tensor, i);
  }
  for (uint32_t i = 0; i < count; i++) {
    const float *const row = anomaly->whitening != NULL ? anomaly->whitening + (size_t)i * count : NULL;
    const float difference = row != NULL ? weighed(row, residual, count) : residual[i];
    sum += difference * difference;
  }
  error = sum / (float)count;
  /* An infinite error is an anomaly beyond doubt, and infinity / infinity would not say so. */
  posteriors_q15[1] = error - error == 0.0f ? fw_posterior_q15(error / (error + half_error)) : (uint16_t)FW_Q15_ONE;
  posteriors_q15[0] = (uint16_t)(FW_Q15_ONE - posteriors_q15[1]);
  return FW_OK;
}
