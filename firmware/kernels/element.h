/* Elements of a type that is a constant in every instance of a kernel: one body serves int8, int16 and so on, and
 * the compiler leaves only the load and the store of that type. */
#ifndef FW_ELEMENT_H
#define FW_ELEMENT_H

#include <stdint.h>

#include "kernels/fw_kernel.h"

typedef enum { FW_ELEMENT_S8, FW_ELEMENT_U8, FW_ELEMENT_S16, FW_ELEMENT_S32 } fw_element_t;

FW_INLINE int32_t fw_load(const void *base, int32_t index, fw_element_t type) {
  switch (type) {
    case FW_ELEMENT_S8:
      return ((const int8_t *)base)[index];
    case FW_ELEMENT_U8:
      return ((const uint8_t *)base)[index];
    case FW_ELEMENT_S16:
      return ((const int16_t *)base)[index];
    default:
      return ((const int32_t *)base)[index];
  }
}

/* `value` must be one of the type. */
FW_INLINE void fw_store(void *base, int32_t index, fw_element_t type, int32_t value) {
  switch (type) {
    case FW_ELEMENT_S8:
      ((int8_t *)base)[index] = (int8_t)value;
      break;
    case FW_ELEMENT_U8:
      ((uint8_t *)base)[index] = (uint8_t)value;
      break;
    case FW_ELEMENT_S16:
      ((int16_t *)base)[index] = (int16_t)value;
      break;
    default:
      ((int32_t *)base)[index] = value;
      break;
  }
}

#endif
