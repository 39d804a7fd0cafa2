"""PAD and PADV2: the output is filled with the padding value, then the input is copied into it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import Axis, axes, copy, fill, row_major
from fieldwren.ops.registry import lowers
from fieldwren.ops.slices import integers
from fieldwren.program import Operand


@lowers("PAD", "PADV2", dtypes=("int8", "int16", "int32", "float32"))
def lower_pad(ctx: Lowering, op: Operator) -> None:
    """int8, int16, int32 and float32. The paddings must be constant, the value may be computed."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, "int8", "int16", "int32", "float32")
    ctx.require_dtype(op, output, source.dtype)
    value = ctx.optional_input(op, 2)
    if value is not None:
        _check_value(ctx, op, value, output)
    rank = len(source.shape)
    paddings = integers(ctx, op, ctx.input(op, 1), "the paddings", 2 * rank)
    before, after = paddings[::2], paddings[1::2]
    padded = tuple(a + n + b for a, n, b in zip(before, source.shape, after, strict=True))
    ctx.require(op, min(paddings, default=0) >= 0, f"pads by {paddings}; negative paddings are not supported")
    ctx.require(op, output.shape == padded, f"gives the shape {list(padded)}, and its output has {list(output.shape)}")
    if not any(paddings):
        ctx.alias(output, ctx.value(op, source))
        return
    read, written = ctx.value(op, source), ctx.result(output)
    itemsize = DTYPES[source.dtype].itemsize
    constant = padding_value(ctx, op)
    if constant is None and value is not None:
        copy(ctx, op, ctx.value(op, value), written, [Axis(output.elements, 0, 1)], itemsize)
    elif constant is not None:
        fill(ctx, op, written, constant, output.elements)
    strides = row_major(output.shape)
    first = sum(a * stride for a, stride in zip(before, strides, strict=True))
    inside = Operand(written.buffer, written.offset + first * itemsize)
    copy(ctx, op, read, inside, axes(source.shape, row_major(source.shape), strides), itemsize)


def padding_value(ctx: Lowering, op: Operator) -> NDArray[np.generic] | None:
    """The scalar that PAD or PADV2 writes into the border; None when it is computed at run time."""
    output, value = ctx.output(op), ctx.optional_input(op, 2)
    if value is None:
        zero = ctx.zero_point(op, output) if output.dtype == "int8" else 0
        return np.array(zero, DTYPES[output.dtype])
    constant = ctx.constant(value)
    return None if constant is None else constant.reshape(())


def _check_value(ctx: Lowering, op: Operator, value: Tensor, output: Tensor) -> None:
    ctx.require_dtype(op, value, output.dtype)
    ctx.require(op, value.elements == 1, f"has {value.elements} padding values in {value.name!r}; one is needed")
    if output.dtype == "int8":
        ctx.require(
            op,
            ctx.scale(op, value) == ctx.scale(op, output) and ctx.zero_point(op, value) == ctx.zero_point(op, output),
            f"has another scale or zero point in the padding value {value.name!r} than in {output.name!r}",
        )
