"""CONCATENATION: each input is copied to its place in the output."""

from __future__ import annotations

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import axes, copy, row_major
from fieldwren.ops.quantise import activation_limits
from fieldwren.ops.registry import lowers
from fieldwren.ops.slices import axis_number
from fieldwren.program import Operand

_DTYPES = ("float32", "int8", "int16", "int32", "int64", "bool")


@lowers("CONCATENATION", dtypes=_DTYPES)
def lower_concatenation(ctx: Lowering, op: Operator) -> None:
    """Inputs and output of one type; int8 ones also of one scale and zero point: nothing is rescaled."""
    output = ctx.output(op)
    sources = [ctx.input(op, position) for position in range(len(op.inputs))]
    ctx.require_dtype(op, output, *_DTYPES)
    ctx.require(op, activation_limits(ctx, op) == (None, None), "fuses an activation, which is not supported here")
    axis = axis_number(ctx, op, op.options.get("axis", 0), len(output.shape))
    for source in sources:
        _check(ctx, op, source, output, axis)
    total = sum(source.shape[axis] for source in sources)
    ctx.require(
        op,
        total == output.shape[axis],
        f"joins {total} elements along axis {axis} to {output.shape[axis]} in its output",
    )
    strides = row_major(output.shape)
    itemsize = DTYPES[output.dtype].itemsize
    reads = [ctx.value(op, source) for source in sources]
    target = ctx.result(output)
    position = 0
    for source, read in zip(sources, reads, strict=True):
        place = Operand(target.buffer, target.offset + position * strides[axis] * itemsize)
        copy(ctx, op, read, place, axes(source.shape, row_major(source.shape), strides), itemsize)
        position += source.shape[axis]


def _check(ctx: Lowering, op: Operator, source: Tensor, output: Tensor, axis: int) -> None:
    ctx.require_dtype(op, source, output.dtype)
    matches = len(source.shape) == len(output.shape) and all(
        n == m for i, (n, m) in enumerate(zip(source.shape, output.shape, strict=True)) if i != axis
    )
    ctx.require(
        op, matches, f"joins {list(source.shape)} along axis {axis} to {list(output.shape)}, which does not fit"
    )
    if output.dtype == "int8" and output.quantisation is not None:
        ctx.require(
            op,
            ctx.scale(op, source) == ctx.scale(op, output) and ctx.zero_point(op, source) == ctx.zero_point(op, output),
            f"has another scale or zero point in {source.name!r} than in {output.name!r}",
        )
    if output.dtype == "int16":
        for tensor in (source, output):
            ctx.require(op, ctx.zero_point(op, tensor) == 0, f"has a zero point in the int16 tensor {tensor.name!r}")
