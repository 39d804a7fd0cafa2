"""Depthwise convolutions with two pixels in a word."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.packed.rows import is_exact, is_short
from fieldwren.ops.rows import requantised
from fieldwren.ops.variants import Int8Layer, variant

_LEFT_OUT = ("channel_multiplier", "input_channels", "dilation_height", "dilation_width")


def lower_depthwise_conv2d_packed(
    ctx: Lowering,
    op: Operator,
    shape: Mapping[str, int],
    filters: NDArray[np.int8],
    bias: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    shift: NDArray[np.int8],
    macs: int,
) -> bool:
    """Emits the packed kernel for the convolution whose portable parameters are `shape`.

    False for several outputs a channel, dilation, single rows and sums that would not be exact. `filters` are
    [channels, kh, kw].
    """
    source, output, name = ctx.input(op, 0), ctx.output(op), ctx.input(op, 1).name
    channels, k_h, k_w = filters.shape
    rows = filters.reshape(channels, -1)
    is_plain = shape["channel_multiplier"] == shape["dilation_height"] == shape["dilation_width"] == 1
    if not is_plain or shape["output_height"] == 1 or not is_exact(rows):
        return False
    made = requantised(
        rows, bias, multiplier, shift, zero_point=shape["output_zero_point"], output_min=shape["output_min"]
    )
    half = (shape["output_height"] + 1) // 2
    plane = ((half - 1) * shape["stride_height"] + k_h) * ((shape["output_width"] - 1) * shape["stride_width"] + k_w)
    ctx.emit(
        op,
        "depthwise_conv2d_s8_packed",
        {
            **{key: value for key, value in shape.items() if key not in _LEFT_OUT},
            "channels": channels,
            "requantisation": made.kind,
            "is_short": is_short(rows, bias, made.kind),
        },
        {
            "input": ctx.value(op, source),
            "weights": ctx.const(rows, name),
            "bias": ctx.const(bias, f"{name}_bias"),
            "multiplier": ctx.const(made.multiplier, f"{name}_multiplier"),
            "shift": ctx.const(made.shift, f"{name}_shift"),
            "scratch": ctx.temporary(f"{output.name}_plane", 4 * (plane + k_h * k_w), "uint32"),
            "output": ctx.result(output),
        },
        macs=macs,
        in_place=[("output", "input")] if output.nbytes <= source.nbytes else [],
    )
    return True


@variant("depthwise_conv2d_s8", name="packed", needs="packed")
def _packed(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    return lower_depthwise_conv2d_packed(
        ctx, op, layer.shape, layer.weights, layer.bias, layer.multiplier, layer.shift, layer.macs
    )
