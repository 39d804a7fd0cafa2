"""When the sums of firmware/kernels/packed_rows.h are exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fieldwren.ops.dsp.requantise import sum_bounds
from fieldwren.ops.rows import GENERAL

STEP = 8
_SHIFT = 7
_SHORT_SUM = (1 << 20) - (1 << 12)


def words(depth: int) -> int:
    """fw_packed_words()."""
    return -(-depth // STEP) * STEP


def is_exact(weights: NDArray[np.int8]) -> bool:
    """True when no sum of int8 `weights` [channels, depth] and any int8 inputs overflows or is told apart wrongly."""
    wide = np.abs(weights.astype(np.int64))
    groups = words(wide.shape[1]) // 2
    lost = ((1 << _SHIFT) - 1) * groups + (1 << _SHIFT)
    pairs = np.pad(wide, ((0, 0), (0, wide.shape[1] % 2))).reshape(len(wide), -1, 2).sum(axis=2)
    return bool(
        pairs.max(initial=0) * 128 < 1 << 15
        and lost < 1 << 16
        and (wide.sum(axis=1).max(initial=0) * 128 << (16 - _SHIFT)) + 512 * groups < 1 << 31
    )


def is_short(weights: NDArray[np.int8], bias: NDArray[np.int32], kind: int) -> bool:
    """True when firmware/kernels/packed_requantise.h takes all sums of `weights` [channels, depth] and `bias`."""
    return kind != GENERAL and bool(sum_bounds(weights, bias).max(initial=0) < _SHORT_SUM)
