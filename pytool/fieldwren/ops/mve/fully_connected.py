"""Fully connected layers on cores with MVE."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.mve.tables import LANES, kind, weight_table
from fieldwren.ops.variants import Int8Layer, variant


def lower_fully_connected_mve(
    ctx: Lowering,
    op: Operator,
    shape: Mapping[str, int],
    weights: NDArray[np.int8],
    bias: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    shift: NDArray[np.int8],
    macs: int,
) -> None:
    """Emits the MVE kernel for the layer whose portable parameters are `shape`.

    `weights` [out, in] without a zero point; multiplier and shift have one entry, or one for each output.
    """
    name, count = ctx.input(op, 1).name, weights.shape[0]
    extra = -count % LANES
    is_per_channel = multiplier.size > 1
    scales = np.stack([multiplier, shift.astype(np.int32)])
    blocks = np.pad(scales, ((0, 0), (0, extra))).reshape(2, -1, LANES).transpose(1, 0, 2) if is_per_channel else None
    ctx.emit(
        op,
        "fully_connected_s8_mve",
        {
            **{key: shape[key] for key in ("batches", "input_size", "output_size", "output_zero_point")},
            **{key: shape[key] for key in ("output_min", "output_max")},
            "is_per_channel": is_per_channel,
            "multiplier": 0 if is_per_channel else int(multiplier[0]),
            "shift": 0 if is_per_channel else int(shift[0]),
            "requantisation": kind(
                multiplier, shift, zero_point=shape["output_zero_point"], output_min=shape["output_min"]
            ),
        },
        {
            "input": ctx.value(op, ctx.input(op, 0)),
            "weights": weight_table(ctx, op, weights),
            "bias": ctx.const(np.pad(bias, (0, extra)), f"{name}_bias"),
            "scales": None if blocks is None else ctx.const(blocks, f"{name}_scales"),
            "output": ctx.result(ctx.output(op)),
        },
        macs=macs,
    )


@variant("fully_connected_s8", name="mve", needs="mve")
def _mve(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    if layer.shape["weights_zero_point"]:
        return False
    # One entry says that it serves all outputs.
    ones = slice(None) if layer.shape["is_per_channel"] else slice(1)
    multiplier, shift = layer.multiplier[ones], layer.shift[ones]
    lower_fully_connected_mve(ctx, op, layer.shape, layer.weights, layer.bias, multiplier, shift, layer.macs)
    return True
