"""The fixed-point arithmetic of firmware/kernels/fixed_point*.h over NumPy arrays, for tables computed at lowering.

Values are int64 arrays holding int32 numbers. `Qm` is a number with m integer bits and 31 - m fractional ones.
The functions and their constants are those of gemmlowp, on which TensorFlow Lite Micro's kernels rest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

_INT32_MAX = (1 << 31) - 1
_INT32_MIN = -(1 << 31)
_EXP_OF_MINUS_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
"""exp(-2^k) in Q0 for k = -2 … 4."""


def wrap(x: Integers) -> Integers:
    """`x` modulo 2^32 as an int32 number."""
    return ((x + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


def doubling_high_mul(a: Integers, b: Integers | int) -> Integers:
    """fw_doubling_high_mul: round(a * b / 2^31), ties upwards."""
    product: Integers = (a * b + (1 << 30)) >> 31
    return np.where(product > _INT32_MAX, _INT32_MAX, product)


def rounding_divide_by_pot(x: Integers, n: int) -> Integers:
    """fw_rounding_divide_by_pot: round(x / 2^n), ties away from zero."""
    mask = (1 << n) - 1
    return (x >> n) + ((x & mask) > (mask >> 1) + (x < 0))


def saturating_multiply_by_pot(x: Integers, n: int) -> Integers:
    """x * 2^n, clamped to int32."""
    shifted: Integers = np.clip(x << n, _INT32_MIN, _INT32_MAX)
    return shifted


def requantise(x: Integers, multiplier: int, shift: int) -> Integers:
    """fw_requantise: x * multiplier * 2^(shift - 31)."""
    left, right = max(shift, 0), max(-shift, 0)
    return rounding_divide_by_pot(doubling_high_mul(wrap(x << left), multiplier), right)


def exp_on_negative_values(a: Integers, integer_bits: int) -> Integers:
    """exp(a) in Q0 for a <= 0 in Q`integer_bits`."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    reduced = (a & (quarter - 1)) - quarter
    # Taylor series around -1/8 over [-1/4, 0).
    x = saturating_multiply_by_pot(reduced, integer_bits) + (1 << 28)
    x2 = doubling_high_mul(x, x)
    x3 = doubling_high_mul(x2, x)
    x4 = doubling_high_mul(x2, x2)
    cubic = doubling_high_mul(rounding_divide_by_pot(x4, 2) + x3, 715827883)
    result = 1895147668 + doubling_high_mul(x + rounding_divide_by_pot(cubic + x2, 1), 1895147668)
    remainder = reduced - a
    for exponent, factor in zip(range(-2, integer_bits), _EXP_OF_MINUS_POWERS, strict=False):
        bit = 1 << (fraction_bits + exponent)
        result = np.where(remainder & bit, doubling_high_mul(result, factor), result)
    if integer_bits > 5:
        result = np.where(a < -(1 << (36 - integer_bits)), 0, result)
    return np.where(a == 0, _INT32_MAX, result)


def _reciprocal_of_half_sum(a: Integers) -> Integers:
    """2 / (1 + a) in Q2 for a in [0, 1) in Q0, by three Newton-Raphson steps."""
    half_denominator = (a + _INT32_MAX + 1) >> 1
    x = 1515870810 + doubling_high_mul(half_denominator, -1010580540)
    for _ in range(3):
        error = (1 << 29) - doubling_high_mul(half_denominator, x)
        x = x + saturating_multiply_by_pot(doubling_high_mul(x, error), 2)
    return x


def one_over_one_plus_x(a: Integers) -> Integers:
    """1 / (1 + a) in Q0 for a in [0, 1) in Q0."""
    return saturating_multiply_by_pot(_reciprocal_of_half_sum(a), 1)


def one_minus_x_over_one_plus_x(a: Integers) -> Integers:
    """(1 - a) / (1 + a) in Q0 for a in [0, 1) in Q0."""
    return saturating_multiply_by_pot(_reciprocal_of_half_sum(a) - (1 << 29), 2)


def inverse_square_root(value: int) -> tuple[int, int]:
    """(multiplier, shift) of 1 / sqrt(value) for value >= 0, where 0 counts as 1: GetInvSqrtQuantizedMultiplierExp."""
    if value <= 1:
        return _INT32_MAX, 0
    shift = 11
    while value >= 1 << 29:
        value, shift = value // 4, shift + 1
    pairs = (31 - value.bit_length()) // 2 - 1
    value, shift = value << 2 * pairs, shift - pairs
    number = np.array(value >> 1)
    half = rounding_divide_by_pot(number, 1)
    # Newton-Raphson in Q3 from 1.
    x = np.array(1 << 28)
    for _ in range(5):
        cube = saturating_multiply_by_pot(doubling_high_mul(doubling_high_mul(x, x), x), 6)
        x = saturating_multiply_by_pot(
            wrap(doubling_high_mul(x, (1 << 28) + (1 << 27)) - doubling_high_mul(half, cube)), 3
        )
    root = int(doubling_high_mul(x, 1518500250))
    return (root << -shift, 0) if shift < 0 else (root, -shift)


def logistic(a: Integers, integer_bits: int) -> Integers:
    """1 / (1 + exp(-a)) in Q0 for a in Q`integer_bits`."""
    positive = one_over_one_plus_x(exp_on_negative_values(-np.abs(a), integer_bits))
    return np.where(a == 0, 1 << 30, np.where(a > 0, positive, _INT32_MAX - positive))


def tanh(a: Integers, integer_bits: int) -> Integers:
    """tanh(a) in Q0 for a in Q`integer_bits`."""
    magnitude = one_minus_x_over_one_plus_x(exp_on_negative_values(-np.abs(a), integer_bits + 1))
    return np.sign(a) * magnitude
