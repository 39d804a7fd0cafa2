#include "features/quantise.h"

#include "fw_float.h"

static int has_range(fw_dtype_t dtype, int32_t *low, int32_t *high) {
  if (dtype == FW_INT8) {
    *low = INT8_MIN, *high = INT8_MAX;
  } else if (dtype == FW_UINT8) {
    *low = 0, *high = UINT8_MAX;
  } else if (dtype == FW_INT16) {
    *low = INT16_MIN, *high = INT16_MAX;
  } else {
    return 0;
  }
  return 1;
}

static int is_usable(float scale, int32_t zero_point) {
  return scale >= 1.0e-30f && scale <= 1.0e30f && zero_point >= INT16_MIN && zero_point <= UINT16_MAX;
}

static void store_integer(fw_dtype_t dtype, void *output, uint32_t index, int32_t value) {
  if (dtype == FW_INT8) {
    ((int8_t *)output)[index] = (int8_t)value;
  } else if (dtype == FW_UINT8) {
    ((uint8_t *)output)[index] = (uint8_t)value;
  } else {
    ((int16_t *)output)[index] = (int16_t)value;
  }
}

fw_status_t fw_quantiser_init(fw_quantiser_t *quantiser, fw_dtype_t dtype, float scale, int32_t zero_point,
                              fw_rounding_t rounding) {
  int32_t low = 0, high = 0;
  if (dtype != FW_FLOAT32 && (!has_range(dtype, &low, &high) || !is_usable(scale, zero_point))) return FW_E_ARGUMENT;
  quantiser->dtype = dtype;
  quantiser->truncate = rounding == FW_ROUND_TRUNCATE;
  quantiser->scale = scale;
  quantiser->zero_point = (float)zero_point;
  quantiser->low = (float)low;
  quantiser->high = (float)high;
  return FW_OK;
}

void fw_quantiser_store(const fw_quantiser_t *quantiser, void *output, uint32_t index, float value) {
  if (quantiser->dtype == FW_FLOAT32) {
    ((float *)output)[index] = value;
    return;
  }
  float scaled = value / quantiser->scale;
  /* Clamped before the conversion: a float outside int32's range has no defined integer. NaN becomes the lowest. */
  if (!(scaled > -200000.0f)) scaled = -200000.0f;
  if (scaled > 200000.0f) scaled = 200000.0f;
  float whole;
  if (quantiser->truncate) {
    whole = (float)(int32_t)(scaled + quantiser->zero_point);
  } else {
    /* Halves away from zero. Adding 0.5 would round values just below a half up; the fraction is exact. */
    const float towards_zero = (float)(int32_t)scaled;
    const float fraction = scaled - towards_zero;
    const float step = fraction >= 0.5f ? 1.0f : fraction <= -0.5f ? -1.0f : 0.0f;
    whole = towards_zero + step + quantiser->zero_point;
  }
  if (whole < quantiser->low) whole = quantiser->low;
  if (whole > quantiser->high) whole = quantiser->high;
  store_integer(quantiser->dtype, output, index, (int32_t)whole);
}

fw_status_t fw_fixed_quantiser_init(fw_fixed_quantiser_t *quantiser, fw_dtype_t dtype, float scale, int32_t zero_point,
                                    fw_rounding_t rounding, uint32_t fraction_bits) {
  quantiser->dtype = dtype;
  quantiser->truncate = rounding == FW_ROUND_TRUNCATE;
  quantiser->unit = 1.0f / (float)(1u << fraction_bits);
  if (dtype == FW_FLOAT32) return FW_OK;
  if (!has_range(dtype, &quantiser->low, &quantiser->high) || !is_usable(scale, zero_point)) return FW_E_ARGUMENT;
  /* unit / scale = inverse / 2^(shift - 11), inverse in [2^30, 2^31). */
  float inverse = quantiser->unit / scale * 1073741824.0f;
  int32_t shift = 11;
  while (inverse < 1073741824.0f && shift < 31) inverse *= 2.0f, shift++;
  while (inverse >= 2147483648.0f && shift > 1) inverse *= 0.5f, shift--;
  if (inverse >= 2147483648.0f) return FW_E_ARGUMENT; /* one step of a value would be thousands of the model's */
  quantiser->multiplier = (uint32_t)inverse;
  quantiser->shift = (uint32_t)shift;
  quantiser->zero_point = zero_point;
  return FW_OK;
}

void fw_fixed_quantiser_store(const fw_fixed_quantiser_t *quantiser, void *output, uint32_t index, int32_t value) {
  if (quantiser->dtype == FW_FLOAT32) {
    ((float *)output)[index] = (float)value * quantiser->unit;
    return;
  }
  const uint32_t shift = quantiser->shift;
  const uint32_t size = (uint32_t)(value < 0 ? -value : value) << 13;
  /* |value| / scale with `shift` fraction bits. */
  const uint32_t scaled = (uint32_t)(((uint64_t)size * quantiser->multiplier) >> 32);
  int32_t whole;
  if (quantiser->truncate) {
    const int64_t sum =
        quantiser->zero_point * ((int64_t)1 << shift) + (value < 0 ? -(int64_t)scaled : (int64_t)scaled);
    whole = (int32_t)(sum < 0 ? -(-sum >> shift) : sum >> shift);
  } else {
    const int32_t rounded = (int32_t)((scaled + (1u << (shift - 1u))) >> shift);
    whole = (value < 0 ? -rounded : rounded) + quantiser->zero_point;
  }
  if (whole < quantiser->low) whole = quantiser->low;
  if (whole > quantiser->high) whole = quantiser->high;
  store_integer(quantiser->dtype, output, index, whole);
}
