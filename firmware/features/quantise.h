/* Real values to the integers of a model's input. */
#ifndef FW_FEATURES_QUANTISE_H
#define FW_FEATURES_QUANTISE_H

#include "fw_frontend.h"

typedef struct {
  fw_dtype_t dtype;
  float scale;
  float zero_point;
  float low, high; /* the integer type's range */
  int truncate;
} fw_quantiser_t;

/* FW_E_ARGUMENT for a data type that is not float32, int8, uint8 or int16, or a scale that is not above zero.
 */
fw_status_t fw_quantiser_init(fw_quantiser_t *quantiser, fw_dtype_t dtype, float scale, int32_t zero_point,
                              fw_rounding_t rounding);

/* Stores `value` as element `index` of `output`. */
void fw_quantiser_store(const fw_quantiser_t *quantiser, void *output, uint32_t index, float value);

typedef struct {
  fw_dtype_t dtype;
  uint32_t multiplier; /* 1 / scale, for values with their fraction bits */
  uint32_t shift;
  int32_t zero_point;
  int32_t low, high;
  int truncate;
  float unit; /* of FW_FLOAT32 */
} fw_fixed_quantiser_t;

/* The same for integers with `fraction_bits`, without float arithmetic for each value. */
fw_status_t fw_fixed_quantiser_init(fw_fixed_quantiser_t *quantiser, fw_dtype_t dtype, float scale, int32_t zero_point,
                                    fw_rounding_t rounding, uint32_t fraction_bits);

/* Stores `value` (at most 17 bits) as element `index` of `output`. */
void fw_fixed_quantiser_store(const fw_fixed_quantiser_t *quantiser, void *output, uint32_t index, int32_t value);

#endif
