"""Depthwise convolutions on cores with MVE."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.mve.tables import kind
from fieldwren.ops.variants import Int8Layer, variant

_CHANNELS = 8
_EVEN_FIRST = (0, 2, 4, 6, 1, 3, 5, 7)


def lower_depthwise_conv2d_mve(
    ctx: Lowering,
    op: Operator,
    shape: Mapping[str, int],
    filters: NDArray[np.int8],
    bias: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    shift: NDArray[np.int8],
    macs: int,
) -> bool:
    """Emits the MVE kernel for the convolution whose portable parameters are `shape`; False for several outputs a channel.

    `filters` are [channels, kh, kw].
    """
    if shape["channel_multiplier"] != 1:
        return False
    source, output, name = ctx.input(op, 0), ctx.output(op), ctx.input(op, 1).name
    channels, k_h, k_w = filters.shape
    extra = -channels % _CHANNELS
    blocks = np.pad(filters.reshape(channels, -1), ((0, extra), (0, 0))).reshape(-1, _CHANNELS, k_h * k_w)
    constants = np.stack([bias, multiplier, shift.astype(np.int32)])
    tables = np.pad(constants, ((0, 0), (0, extra))).reshape(3, -1, _CHANNELS)[:, :, _EVEN_FIRST].transpose(1, 0, 2)
    width = (shape["output_width"] - 1) * shape["stride_width"] + (k_w - 1) * shape["dilation_width"] + 1
    ctx.emit(
        op,
        "depthwise_conv2d_s8_mve",
        {
            **{key: value for key, value in shape.items() if key not in ("channel_multiplier", "input_channels")},
            "channels": channels,
            "requantisation": kind(
                multiplier, shift, zero_point=shape["output_zero_point"], output_min=shape["output_min"]
            ),
        },
        {
            "input": ctx.value(op, source),
            "weights": ctx.const(blocks.transpose(0, 2, 1), f"{name}_taps"),
            "tables": ctx.const(tables, f"{name}_tables"),
            "scratch": ctx.temporary(f"{output.name}_rows", k_h * width * channels + _CHANNELS, "int8"),
            "output": ctx.result(output),
        },
        macs=macs,
        in_place=[("output", "input")] if shape["dilation_height"] == 1 and output.nbytes <= source.nbytes else [],
    )
    return True


@variant("depthwise_conv2d_s8", name="mve", needs="mve")
def _mve(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    return lower_depthwise_conv2d_mve(
        ctx, op, layer.shape, layer.weights, layer.bias, layer.multiplier, layer.shift, layer.macs
    )
