"""Fully connected layers on cores with DSP instructions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.dsp.channels import padded, row_stream
from fieldwren.ops.dsp.requantise import channels, mode
from fieldwren.ops.lowering import Lowering

_GROUP = 4
_GROUPS_WORTH_WIDENING = 3


def lower_fully_connected_dsp(
    ctx: Lowering,
    op: Operator,
    shape: Mapping[str, int],
    weights: NDArray[np.int8],
    bias: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    shift: NDArray[np.int8],
    macs: int,
) -> bool:
    """Emits the DSP kernel for the layer whose portable parameters are `shape`; False where it would not be exact.

    `weights` [out, in] without a zero point; multiplier and shift have one entry, or one for each output.
    """
    count, width = weights.shape
    rows = channels(weights, bias, np.resize(multiplier, count), np.resize(shift, count), shape)
    if rows is None:
        return False
    is_per_channel = np.unique(np.stack([rows.multiplier, rows.shift]), axis=1).shape[1] > 1
    grouped = count // _GROUP * _GROUP if width >= _GROUP else 0
    is_widened = width % 4 != 0 or grouped >= _GROUP * _GROUPS_WORTH_WIDENING
    first, rest = padded(rows[:grouped], 8 if is_widened else 4), rows[grouped:]
    stream = row_stream(first, is_per_channel=is_per_channel) if grouped else None
    if stream is None:
        grouped, rest, is_widened = 0, rows, False
    source, output, name = ctx.input(op, 0), ctx.output(op), ctx.input(op, 1).name
    scale = np.column_stack([rest.multiplier, rest.shift]).astype(np.int32)
    has_rest = grouped < count
    scratch = ctx.temporary(f"{output.name}_scratch", 2 * first.weights.shape[1], "uint32") if is_widened else None
    ctx.emit(
        op,
        "fully_connected_s8_dsp",
        {
            **{key: shape[key] for key in ("batches", "input_size", "output_size", "output_zero_point")},
            **{key: shape[key] for key in ("output_min", "output_max")},
            "grouped_outputs": grouped,
            "is_widened": is_widened,
            "is_per_channel": is_per_channel,
            "multiplier": 0 if is_per_channel else int(rows.multiplier[0]),
            "shift": 0 if is_per_channel else int(rows.shift[0]),
            "requantisation": mode(shape["output_min"], shape["output_zero_point"]),
        },
        {
            "input": ctx.value(op, source),
            "weights": ctx.const(stream, f"{name}_stream") if stream is not None else None,
            "rest_weights": ctx.const(rest.weights, f"{name}_rest") if has_rest else None,
            "rest_bias": ctx.const(rest.bias, f"{name}_rest_bias") if has_rest else None,
            "rest_scale": ctx.const(scale, f"{name}_rest_scale") if has_rest and is_per_channel else None,
            "scratch": scratch,
            "output": ctx.result(output),
        },
        macs=macs,
    )
    return True
