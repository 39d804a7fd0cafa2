/* CAST between number types. */
#ifndef FW_CAST_H
#define FW_CAST_H

#include "fw_model.h"
#include "kernels/fw_kernel.h"

typedef struct {
  int32_t elements;
  int32_t input_type;  /* fw_dtype_t: int8, int16, int32, uint32, float32, bool */
  int32_t output_type; /* fw_dtype_t: int8, int16, int32, uint32, float32 */
} fw_cast_params_t;

/* Integers keep their low bits. A float is truncated towards zero; outside the type, where C defines no
 * result, it becomes the nearest value inside, and NaN becomes 0. */
FW_INLINE int64_t fw_cast_truncate(float x, int32_t type) {
  const int64_t low = type == FW_INT8 ? INT8_MIN : type == FW_INT16 ? INT16_MIN : type == FW_INT32 ? INT32_MIN : 0;
  const int64_t high = type == FW_INT8    ? INT8_MAX
                       : type == FW_INT16 ? INT16_MAX
                       : type == FW_INT32 ? INT32_MAX
                                          : (int64_t)UINT32_MAX;
  if (!(x >= (float)low)) return x < 0.0f ? low : 0;
  return x >= (float)high ? high : (int64_t)x;
}

FW_INLINE int64_t fw_cast_integer(const void *input, int32_t type, int32_t i) {
  switch (type) {
    case FW_INT8:
      return ((const int8_t *)input)[i];
    case FW_INT16:
      return ((const int16_t *)input)[i];
    case FW_INT32:
      return ((const int32_t *)input)[i];
    case FW_UINT32:
      return ((const uint32_t *)input)[i];
    default:
      return ((const uint8_t *)input)[i] != 0;
  }
}

FW_INLINE void fw_cast_store(void *output, int32_t type, int32_t i, int64_t value) {
  switch (type) {
    case FW_INT8:
      ((int8_t *)output)[i] = (int8_t)value;
      break;
    case FW_INT16:
      ((int16_t *)output)[i] = (int16_t)value;
      break;
    case FW_INT32:
      ((int32_t *)output)[i] = (int32_t)value;
      break;
    case FW_UINT32:
      ((uint32_t *)output)[i] = (uint32_t)value;
      break;
    default:
      ((float *)output)[i] = (float)value;
      break;
  }
}

FW_KERNEL_BODY void fw_cast_body(const fw_cast_params_t *p, const void *input, void *output) {
  for (int32_t i = 0; i < p->elements; ++i) {
    if (p->input_type != FW_FLOAT32) {
      fw_cast_store(output, p->output_type, i, fw_cast_integer(input, p->input_type, i));
    } else if (p->output_type == FW_FLOAT32) {
      ((float *)output)[i] = ((const float *)input)[i];
    } else {
      fw_cast_store(output, p->output_type, i, fw_cast_truncate(((const float *)input)[i], p->output_type));
    }
  }
}

#endif
