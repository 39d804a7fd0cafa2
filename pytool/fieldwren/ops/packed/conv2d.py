"""Convolutions with two pixels in a word."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.packed.rows import STEP, is_exact, is_short, words
from fieldwren.ops.rows import requantised
from fieldwren.ops.variants import Int8Layer, variant


def lower_conv2d_packed(
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

    False for grouped ones, single pixels and sums that would not be exact. `filters` are [out, kh, kw, in].
    """
    source, output, name = ctx.input(op, 0), ctx.output(op), ctx.input(op, 1).name
    rows = filters.reshape(filters.shape[0], -1)
    if shape["groups"] != 1 or output.elements == filters.shape[0] or not is_exact(rows):
        return False
    made = requantised(
        rows, bias, multiplier, shift, zero_point=shape["output_zero_point"], output_min=shape["output_min"]
    )
    ones = ("kernel_height", "kernel_width", "stride_height", "stride_width")
    is_pointwise = all(shape[key] == 1 for key in ones)
    ctx.emit(
        op,
        "conv2d_s8_packed",
        {
            **{key: value for key, value in shape.items() if key != "groups"},
            "requantisation": made.kind,
            "is_short": is_short(rows, bias, made.kind),
        },
        {
            "input": ctx.value(op, source),
            "weights": ctx.const(np.pad(rows.reshape(-1), (0, STEP - 1)), name),
            "bias": ctx.const(bias, f"{name}_bias"),
            "multiplier": ctx.const(made.multiplier, f"{name}_multiplier"),
            "shift": ctx.const(made.shift, f"{name}_shift"),
            "scratch": ctx.temporary(f"{output.name}_windows", 4 * words(rows.shape[1]), "uint32"),
            "output": ctx.result(output),
        },
        macs=macs,
        in_place=[("output", "input")] if is_pointwise and output.nbytes <= source.nbytes else [],
    )
    return True


@variant("conv2d_s8", name="packed", needs="packed")
def _packed(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    return lower_conv2d_packed(
        ctx, op, layer.shape, layer.weights, layer.bias, layer.multiplier, layer.shift, layer.macs
    )
