"""When the short requantisation of firmware/kernels/dsp_requantise.h is exact, and its constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldwren.ops.fixed_point import requantise

_MOST_SHIFT = 22
_CONSTANT_MULTIPLIER, _CONSTANT_SHIFT = 1 << 30, 1
WIDE_SUM = 1 << 23
"""Sums from here on do not fit where two channels share a lane."""
SIGNED, RELU = 1, 2
"""FW_REQUANTISE_… of firmware/kernels/requantise.h."""


@dataclass(frozen=True)
class Channels:
    """Output channels in the form of the DSP kernels.

    weights int8[channels, depth], bias (input zero point folded in), multiplier, right shift less one, and the largest
    absolute value that bias + weights · x takes over all int8 x.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int8]
    sum_bound: NDArray[np.int64]

    def __getitem__(self, part: slice) -> Channels:
        """Some of the channels."""
        return Channels(
            self.weights[part], self.bias[part], self.multiplier[part], self.shift[part], self.sum_bound[part]
        )


def sum_range(weights: NDArray[np.int8], bias: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The lowest and the highest bias + weights · x over all int8 x, for each row of `weights` [channels, depth]."""
    wide = weights.astype(np.int64)
    positive, negative = np.maximum(wide, 0).sum(axis=1), np.minimum(wide, 0).sum(axis=1)
    return bias - 128 * positive + 127 * negative, bias + 127 * positive - 128 * negative


def sum_bounds(weights: NDArray[np.int8], bias: NDArray[np.int32]) -> NDArray[np.int64]:
    """The largest |bias + weights · x| over all int8 x, for each row of `weights` [channels, depth]."""
    lowest, highest = sum_range(weights, bias)
    return np.maximum(np.abs(lowest), np.abs(highest))


@dataclass(frozen=True)
class Requantisation:
    """Per channel: multiplier, right shift less one."""

    multiplier: NDArray[np.int32]
    shift: NDArray[np.int8]


def requantisation(
    multiplier: NDArray[np.int32], shift: NDArray[np.int8], bounds: NDArray[np.int64], zero_point: int
) -> Requantisation | None:
    """The constants of the short formula, or None where a channel needs the general one.

    A channel whose results all round to the zero point gets multiplier 0, for which any shift is right.
    """
    made_multiplier, made_shift = multiplier.copy(), -1 - shift.astype(np.int64)
    for c, (m, s, bound) in enumerate(zip(multiplier.tolist(), shift.tolist(), bounds.tolist(), strict=True)):
        if m == 0 or (s < 0 and (2 * bound * m >> 32) + 1 < 1 << (-s - 1)):
            made_multiplier[c], made_shift[c] = 0, 0
        elif not _is_exact(bound, m, -s, zero_point):
            return None
    return Requantisation(made_multiplier, made_shift.astype(np.int8))


def channels(
    weights: NDArray[np.int8],
    bias: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    shift: NDArray[np.int8],
    limits: Mapping[str, int],
) -> Channels | None:
    """`weights` [channels, depth] with the reference's constants; None where a channel needs the general formula.

    That is a left shift, or sums too large. `limits` holds output_zero_point, output_min and output_max. Among channels
    with large sums, those that give one value whatever the input (training left them with tiny scales and huge
    biases) get weights of zero and constants that give this value.
    """
    zero_point = limits["output_zero_point"]
    lowest, highest = sum_range(weights, bias)
    made_weights, made_bias = weights.copy(), bias.copy()
    made_multiplier, made_shift = multiplier.copy(), -1 - shift
    bounds = np.maximum(np.abs(lowest), np.abs(highest))
    for c, (low, high, m, s) in enumerate(
        zip(lowest.tolist(), highest.tolist(), multiplier.tolist(), shift.tolist(), strict=True)
    ):
        if max(-low, high) << max(s, 0) >= 1 << 31:
            return None
        exact = _is_exact(int(bounds[c]), m, -s, zero_point)
        if exact and bounds[c] < WIDE_SUM:
            continue
        values = np.clip(
            requantise(np.array([low, high]), m, s) + zero_point, limits["output_min"], limits["output_max"]
        )
        if values[0] == values[1]:
            made_weights[c], made_bias[c] = 0, 4 * (int(values[0]) - zero_point)
            made_multiplier[c], made_shift[c] = _CONSTANT_MULTIPLIER, _CONSTANT_SHIFT - 1
            bounds[c] = abs(int(made_bias[c]))
        elif not exact:
            return None
    return Channels(made_weights, made_bias, made_multiplier, made_shift.astype(np.int8), bounds)


def _is_exact(bound: int, multiplier: int, right: int, zero_point: int) -> bool:
    """True when no intermediate value of the short formula leaves 32 bits."""
    scaled = (2 * bound * multiplier >> 32) + 1
    return (
        2 * bound < 1 << 31
        and 1 <= right <= _MOST_SHIFT
        and scaled + (abs(2 * zero_point + 1) << (right - 1)) + 1 < 1 << 31
    )


def mode(output_min: int, zero_point: int) -> int:
    """Which of FW_REQUANTISE_… holds: with ReLU nothing below the zero point is told apart."""
    return RELU if output_min >= zero_point else SIGNED
