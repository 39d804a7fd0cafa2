"""The weight stream of firmware/kernels/dsp_channels.h: two int8 channels in one 16-bit lane."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fieldwren.ops.dsp.requantise import WIDE_SUM, Channels

_LANE_ORDER = (0, 2, 1, 3)
"""SXTB16 takes bytes 0 and 2 of a word, then 1 and 3."""


def mixed_weights(weights: NDArray[np.int8]) -> NDArray[np.int16] | None:
    """int8[2n, depth] → int16[n, depth]: 256 * odd + even, in lane order; None when one does not fit a lane.

    `depth` is a multiple of 4.
    """
    wide = weights.astype(np.int32)
    mixed = 256 * wide[1::2] + wide[0::2]
    if mixed.size and mixed.min() < np.iinfo(np.int16).min:
        return None
    pairs, depth = mixed.shape
    ordered = mixed.reshape(pairs, depth // 4, 4)[:, :, _LANE_ORDER].reshape(pairs, depth)
    return ordered.astype(np.int16)


def padded(rows: Channels, multiple: int) -> Channels:
    """`rows` with zero weights appended up to a depth that is a multiple of `multiple`."""
    extra = -rows.weights.shape[1] % multiple
    return replace(rows, weights=np.pad(rows.weights, ((0, 0), (0, extra))))


def padded_to_pairs(rows: Channels) -> Channels:
    """`rows` with a channel of zeros appended to an odd number."""
    if rows.weights.shape[0] % 2 == 0:
        return rows
    return Channels(
        np.pad(rows.weights, ((0, 1), (0, 0))),
        np.pad(rows.bias, (0, 1)),
        np.pad(rows.multiplier, (0, 1)),
        np.pad(rows.shift, (0, 1)),
        np.pad(rows.sum_bound, (0, 1)),
    )


def _mixed(rows: Channels) -> NDArray[np.int16] | None:
    """The mixed weights of `rows`; None when the odd channel could not be told from the sums."""
    return None if np.any(rows.sum_bound[1::2] >= WIDE_SUM) else mixed_weights(rows.weights)


def weight_stream(rows: Channels) -> NDArray[np.uint32] | None:
    """The stream of `rows`, an even number, depth a multiple of 4; None when it would not be exact."""
    mixed = _mixed(rows)
    if mixed is None:
        return None
    pairs, depth = mixed.shape
    even, odd = rows.bias[0::2].astype(np.int64), rows.bias[1::2].astype(np.int64)
    stream = np.zeros((pairs, 2 + depth // 2 + 3), np.uint32)
    stream[:, 0] = (256 * odd + even) & 0xFFFFFFFF
    stream[:, 1] = even & 0xFFFFFFFF
    stream[:, 2 : 2 + depth // 2] = np.ascontiguousarray(mixed).astype("<i2").view("<u4")
    stream[:, -3] = rows.multiplier[0::2].view(np.uint32)
    stream[:, -2] = rows.multiplier[1::2].view(np.uint32)
    stream[:, -1] = rows.shift[0::2].astype(np.uint32) | rows.shift[1::2].astype(np.uint32) << 16
    return stream.reshape(-1)


def row_stream(rows: Channels, *, is_per_channel: bool) -> NDArray[np.uint32] | None:
    """The stream of firmware/kernels/dsp_rows.h for `rows`, number and depth multiples of 4; None when not exact."""
    mixed = _mixed(rows)
    if mixed is None:
        return None
    groups, depth = mixed.shape[0] // 2, mixed.shape[1]
    even, odd = rows.bias[0::2].astype(np.int64), rows.bias[1::2].astype(np.int64)
    body = 4 + depth
    stream = np.zeros((groups, body + 5 * is_per_channel), np.uint32)
    stream[:, 0:2] = ((256 * odd + even) & 0xFFFFFFFF).reshape(groups, 2)
    stream[:, 2:4] = (even & 0xFFFFFFFF).reshape(groups, 2)
    # [group, pair, four, (0, 2) and (1, 3)] → [group, four, (0, 2) and (1, 3), pair]
    words = np.ascontiguousarray(mixed).astype("<i2").view("<u4").reshape(groups, 2, depth // 4, 2)
    stream[:, 4:body] = words.transpose(0, 2, 3, 1).reshape(groups, depth)
    if is_per_channel:
        stream[:, body : body + 4] = rows.multiplier.view(np.uint32).reshape(groups, 4)
        stream[:, body + 4] = np.ascontiguousarray(rows.shift).view("<u4")
    return stream.reshape(-1)
