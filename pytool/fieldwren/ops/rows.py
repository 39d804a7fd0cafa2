"""Tables of firmware/kernels/rows.h: weights in blocks of four channels, and how their sums become int8."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.ops.dsp.requantise import mode, requantisation, sum_bounds

_BLOCK = 4
GENERAL = 0
"""FW_REQUANTISE_GENERAL of firmware/kernels/requantise.h."""


@dataclass(frozen=True)
class Requantised:
    """`kind` is FW_REQUANTISE_…; the tables are what that kind takes."""

    kind: int
    multiplier: NDArray[np.int32]
    shift: NDArray[np.int8]


def requantised(
    weights: NDArray[Any],
    bias: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    shift: NDArray[np.int8],
    *,
    zero_point: int,
    output_min: int,
    is_general: bool = False,
) -> Requantised:
    """The short form where it is exact for all inputs of `weights` [channels, depth] and `bias`, else the general one.

    `is_general` asks for the latter, which takes any table.
    """
    if is_general:
        return Requantised(GENERAL, multiplier, shift)
    short = requantisation(multiplier, shift, sum_bounds(weights, bias), zero_point)
    if short is None:
        return Requantised(GENERAL, multiplier, shift)
    return Requantised(mode(output_min, zero_point), short.multiplier, short.shift)


def blocked(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """int8[channels, depth] in the order of fw_rows(): [channels / 4][depth][4], then the channels that are left."""
    whole = weights.shape[0] // _BLOCK * _BLOCK
    blocks = weights[:whole].reshape(-1, _BLOCK, weights.shape[1]).transpose(0, 2, 1)
    return np.concatenate([blocks.reshape(-1), weights[whole:].reshape(-1)])
