"""Bias vectors as the kernels start their sums with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.lowering import Lowering

_INT32 = 2
"""TensorType.INT32 of the schema."""
_WIDE_MAX_SHIFT = 7


def folded_bias(
    ctx: Lowering,
    op: Operator,
    bias: Tensor | None,
    channels: int,
    input_zero_point: int,
    weight_sums: NDArray[np.int64],
) -> NDArray[np.int32]:
    """bias[o] - input_zero_point * weight_sums[o] as int32[channels], modulo 2^32 like the accumulator it starts."""
    values = np.zeros(channels, np.int64)
    if bias is not None:
        ctx.require_dtype(op, bias, "int32")
        stored = ctx.need_constant(op, bias, "the bias")
        ctx.require(op, stored.size == channels, f"has {stored.size} bias values for {channels} output channels")
        values = stored.reshape(-1).astype(np.int64)
    folded = values - input_zero_point * weight_sums
    wrapped: NDArray[np.int32] = (folded & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
    return wrapped


def wide_bias(
    ctx: Lowering,
    op: Operator,
    bias: Tensor | None,
    weights: NDArray[np.int64] | NDArray[np.int8],
    shifts: NDArray[np.int8],
    input_zero_point: int = 0,
    *,
    always_wide: bool = False,
) -> tuple[NDArray[np.int64], int]:
    """(bias of an int16 layer as int64[channels], 1 if the reference sums it in 32 bits).

    `weights` [channels, …] have no zero point; `always_wide`: the reference never sums in 32 bits. 64-bit sums are
    refused where they could leave the range that the reference's multiplication takes.
    """
    channels = len(weights)
    rows = weights.reshape(channels, -1).astype(np.int64)
    values = np.zeros(channels, np.int64)
    is_narrow = not always_wide and op.options.get("quantized_bias_type", 0) == _INT32
    if bias is not None:
        ctx.require_dtype(op, bias, "int32", "int64", *(("int16",) if always_wide else ()))
        stored = ctx.need_constant(op, bias, "the bias")
        ctx.require(op, stored.size == channels, f"has {stored.size} bias values for {channels} output channels")
        values, is_narrow = stored.reshape(-1).astype(np.int64), bias.dtype == "int32" and not always_wide
    if not is_narrow:
        # Inputs are less than 2^16 away from their zero point. Floats, because stored values may be any int64.
        largest = np.max(np.abs(values.astype(np.float64)) + 65536.0 * np.abs(rows).sum(axis=1), initial=0)
        shift = int(np.max(shifts, initial=0))
        ctx.require(
            op,
            bool(largest < 1 << 47) and shift <= _WIDE_MAX_SHIFT,
            f"has sums up to {largest:g}, scaled by up to 2^{shift}; 2^47 and 2^{_WIDE_MAX_SHIFT} are supported",
        )
    return values - input_zero_point * rows.sum(axis=1), int(is_narrow)
