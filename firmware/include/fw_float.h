/* Rules for every file that computes with floats. Include it first.
 *
 * Float results must be the same bits on the host and on all targets, so every operation is one IEEE
 * single-precision rounding in the order written: no fused multiply-add (GCC contracts by default and ignores
 * the standard pragma; users build with other options than ours), no fast math, no wider intermediate
 * results. */
#ifndef FW_FLOAT_H
#define FW_FLOAT_H

#ifdef __FAST_MATH__
#error "fieldwren's float code must be bit-identical everywhere: build it without -ffast-math / -Ofast"
#endif
#if defined(__FLT_EVAL_METHOD__) && (__FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2)
#error "fieldwren's float code needs FLT_EVAL_METHOD 0: on 32-bit x86 build with -msse2 -mfpmath=sse"
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#endif
