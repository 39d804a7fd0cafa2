"""Integer tables that several front ends share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int16 = npt.NDArray[np.int16]
UInt16 = npt.NDArray[np.uint16]
UInt32 = npt.NDArray[np.uint32]


def nearest(value: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Nearest integers, halves upwards."""
    return np.floor(np.asarray(value) + 0.5).astype(np.int64)


def logarithm() -> UInt16:
    """What log2(1 + x) exceeds x by at x = i/128, 16 fraction bits, [129]."""
    x = np.arange(129) / 128.0
    return nearest((np.log2(1.0 + x) - x) * 65536.0).astype(np.uint16)


def roots() -> UInt16:
    """Square roots of (32 + i)/32 for i = 0 … 96, 15 fraction bits, [97] (firmware/features/integer_root.h)."""
    return np.minimum(nearest(np.sqrt((32.0 + np.arange(97)) / 32.0) * 32768.0), 65535).astype(np.uint16)


def long_roots() -> UInt16:
    """The same up to i = 224, 14 fraction bits, [225]."""
    return nearest(np.sqrt((32.0 + np.arange(225)) / 32.0) * 16384.0).astype(np.uint16)
