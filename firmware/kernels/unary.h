/* Functions of one element: ABS and RSQRT of int16, and those of float32 whose bits are the same everywhere. */
#ifndef FW_UNARY_H
#define FW_UNARY_H

#include "features/sqrt_f32.h"
#include "fw_float.h"
#include "kernels/exponential.h"
#include "kernels/fixed_point.h"
#include "kernels/fixed_point_math.h"
#include "kernels/float_math.h"
#include "kernels/fw_kernel.h"

/* The square root of cores that have no instruction for it. */
FW_LINKS_WITH("features/fw_math.c")

typedef struct {
  int32_t count;
  FW_PER_LAYER int32_t multiplier;
  FW_PER_LAYER int32_t shift;
} fw_abs_s16_params_t;

FW_KERNEL_BODY void fw_abs_s16_body(const fw_abs_s16_params_t *p, const int16_t *input, int16_t *output) {
  for (int32_t i = 0; i < p->count; ++i) {
    const int32_t magnitude = input[i] < 0 ? -input[i] : input[i];
    output[i] = (int16_t)fw_clamp(fw_requantise(magnitude, p->multiplier, p->shift), INT16_MIN, INT16_MAX);
  }
}

typedef fw_abs_s16_params_t fw_rsqrt_s16_params_t;

/* Like the reference's results, those of negative inputs aside, on which it stops; here they give the largest value. */
FW_KERNEL_BODY void fw_rsqrt_s16_body(const fw_rsqrt_s16_params_t *p, const int16_t *input, int16_t *output) {
  for (int32_t i = 0; i < p->count; ++i) {
    int32_t scaled = INT16_MAX;
    if (input[i] > 0) {
      int32_t multiplier;
      int32_t shift;
      fw_inverse_square_root(input[i], &multiplier, &shift);
      scaled = fw_requantise(fw_requantise(1, multiplier, shift + 20), p->multiplier, p->shift - 20);
    }
    output[i] = (int16_t)fw_clamp(scaled, INT16_MIN, INT16_MAX);
  }
}

/* Values of `operation`; pytool/fieldwren/ops/unary.py has the same. */
typedef enum {
  FW_ABSOLUTE,
  FW_NEGATE,
  FW_SQUARE,
  FW_SQUARE_ROOT,
  FW_INVERSE_SQUARE_ROOT,
  FW_FLOOR,
  FW_CEILING,
  FW_ROUND, /* ties to even */
  FW_HARD_SWISH,
  FW_EXPONENTIAL,
  FW_LOGARITHM,
  FW_LOGISTIC
} fw_unary_t;

typedef struct {
  int32_t count;
  int32_t operation; /* fw_unary_t */
} fw_unary_f32_params_t;

FW_INLINE float fw_round_f32(float x) {
  const float below = fw_floor_f32(x);
  const float fraction = x - below;
  if (fraction < 0.5f || (fraction == 0.5f && (int32_t)below % 2 == 0)) return below;
  return below + 1.0f;
}

FW_INLINE float fw_unary_value(float x, int32_t operation) {
  switch (operation) {
    case FW_ABSOLUTE:
      return fw_float_of_bits(fw_float_bits(x) & 0x7FFFFFFFu);
    case FW_NEGATE:
      return fw_float_of_bits(fw_float_bits(x) ^ 0x80000000u);
    case FW_SQUARE:
      return x * x;
    case FW_SQUARE_ROOT:
      return fw_sqrtf_inline(x);
    case FW_INVERSE_SQUARE_ROOT:
      return 1.0f / fw_sqrtf_inline(x);
    case FW_FLOOR:
      return fw_floor_f32(x);
    case FW_CEILING:
      return -fw_floor_f32(-x);
    case FW_ROUND:
      return fw_round_f32(x);
    case FW_EXPONENTIAL:
      return fw_exp_f32(x);
    case FW_LOGARITHM:
      return fw_log_f32(x);
    case FW_LOGISTIC:
      if (x > 16.619047164916992188f) return 1.0f;
      return x < -9.0f ? fw_exp_f32(x) : 1.0f / (1.0f + fw_exp_f32(-x));
    default: {
      const float raised = x + 3.0f > 0.0f ? x + 3.0f : 0.0f;
      return x * (raised < 6.0f ? raised : 6.0f) / 6.0f;
    }
  }
}

FW_KERNEL_BODY void fw_unary_f32_body(const fw_unary_f32_params_t *p, const float *input, float *output) {
  for (int32_t i = 0; i < p->count; ++i) output[i] = fw_unary_value(input[i], p->operation);
}

#endif
