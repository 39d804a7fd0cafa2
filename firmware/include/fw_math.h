/* Elementary functions whose bits are the same on every target: the C library's differ from one to the next.
 *
 * Errors are in units in the last place of the exact value, measured over all floats of the range (by
 * tests/features/test_math.py over a sample of them). Nothing here sets errno. */
#ifndef FW_MATH_H
#define FW_MATH_H

#ifdef __cplusplus
extern "C" {
#endif

/* Natural logarithm, error below 0.84 ulp for every positive float, subnormal ones too. 0 gives -infinity, a negative
 * value or NaN gives NaN, infinity gives infinity. */
float fw_logf(float x);

/* e to the power of x, error below 1.01 ulp. 0 below -104, infinity above 88.7228, NaN for NaN. */
float fw_expf(float x);

/* Square root, correctly rounded (IEEE): the FPU's instruction where there is one, integer arithmetic
 * elsewhere. Negative values give NaN, -0 gives -0. */
float fw_sqrtf(float x);

#ifdef __cplusplus
}
#endif

#endif
