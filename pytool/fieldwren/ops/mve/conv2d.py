"""Convolutions on cores with MVE."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.mve.tables import kind, padded_depth, row_tables, weight_table
from fieldwren.ops.variants import Int8Layer, variant


def lower_conv2d_mve(
    ctx: Lowering,
    op: Operator,
    shape: Mapping[str, int],
    filters: NDArray[np.int8],
    bias: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    shift: NDArray[np.int8],
    macs: int,
) -> bool:
    """Emits the MVE kernel for the convolution whose portable parameters are `shape`; False for grouped ones.

    `filters` are [out, kh, kw, in].
    """
    if shape["groups"] != 1:
        return False
    source, output = ctx.input(op, 0), ctx.output(op)
    requantisation = kind(multiplier, shift, zero_point=shape["output_zero_point"], output_min=shape["output_min"])
    ones = ("kernel_height", "kernel_width", "stride_height", "stride_width")
    is_pointwise = all(shape[key] == 1 for key in ones)
    ctx.emit(
        op,
        "conv2d_s8_mve",
        {**{key: value for key, value in shape.items() if key != "groups"}, "requantisation": requantisation},
        {
            "input": ctx.value(op, source),
            "weights": weight_table(ctx, op, filters),
            "tables": row_tables(ctx, op, bias, multiplier, shift),
            "scratch": ctx.temporary(f"{output.name}_windows", 3 * padded_depth(filters[0].size), "int8"),
            "output": ctx.result(output),
        },
        macs=macs,
        in_place=[("output", "input")] if is_pointwise and output.nbytes <= source.nbytes else [],
    )
    return True


@variant("conv2d_s8", name="mve", needs="mve")
def _mve(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    return lower_conv2d_mve(ctx, op, layer.shape, layer.weights, layer.bias, layer.multiplier, layer.shift, layer.macs)
