/* Square root inside hot loops: one instruction where the core has one, a call elsewhere; the bits are the
 * same. */
#ifndef FW_FEATURES_SQRT_F32_H
#define FW_FEATURES_SQRT_F32_H

#include "fw_float.h"

/* Integer-only square root, correctly rounded; what fw_sqrtf() is on cores without an FPU. */
float fw_sqrtf_soft(float x);

/* __builtin_sqrtf would also call the C library's sqrtf to set errno, so the instruction is written out. */
static inline float fw_sqrtf_inline(float x) {
  float root;
#if defined(__ARM_FP) && (__ARM_FP & 4) && !defined(__aarch64__) && !defined(__SOFTFP__)
  __asm__("vsqrt.f32 %0, %1" : "=t"(root) : "t"(x));
#elif defined(__aarch64__)
  __asm__("fsqrt %s0, %s1" : "=w"(root) : "w"(x));
#elif defined(__riscv_flen)
  __asm__("fsqrt.s %0, %1" : "=f"(root) : "f"(x));
#elif defined(__SSE__)
  __asm__("sqrtss %1, %0" : "=x"(root) : "x"(x));
#else
  root = fw_sqrtf_soft(x);
#endif
  return root;
}

#endif
