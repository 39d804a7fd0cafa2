"""BROADCAST_TO, FILL, ZEROS_LIKE, BROADCAST_ARGS: one value in many places."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import check_same_type, fill, move, row_major
from fieldwren.ops.registry import ANY, folds, lowers
from fieldwren.ops.slices import integers


def broadcast_strides(shape: tuple[int, ...], target: tuple[int, ...]) -> list[int] | None:
    """Strides that read a tensor of `shape` as one of `target`; None when it does not broadcast to that."""
    extended = (1,) * (len(target) - len(shape)) + shape
    if len(shape) > len(target) or any(n not in (1, m) for n, m in zip(extended, target, strict=True)):
        return None
    strides = row_major(extended)
    return [0 if n == 1 else stride for n, stride in zip(extended, strides, strict=True)]


@lowers("BROADCAST_TO", dtypes=ANY)
def lower_broadcast_to(ctx: Lowering, op: Operator) -> None:
    """The shape must be constant, and be the output's."""
    source, output = ctx.input(op, 0), ctx.output(op)
    check_same_type(ctx, op, source, output)
    shape = integers(ctx, op, ctx.input(op, 1), "the shape", len(output.shape))
    ctx.require(op, tuple(shape) == output.shape, f"broadcasts to {shape}, and its output has {list(output.shape)}")
    strides = broadcast_strides(source.shape, output.shape)
    if strides is None:
        ctx.fail(op, f"cannot broadcast {list(source.shape)} to {list(output.shape)}")
    move(ctx, op, source, output, output.shape, strides)


@lowers("FILL", dtypes=ANY, dtype_of=1)
def lower_fill(ctx: Lowering, op: Operator) -> None:
    """The shape must be constant, the value may be computed."""
    value, output = ctx.input(op, 1), ctx.output(op)
    check_same_type(ctx, op, value, output)
    shape = integers(ctx, op, ctx.input(op, 0), "the shape", len(output.shape))
    ctx.require(op, tuple(shape) == output.shape, f"fills {shape}, and its output has {list(output.shape)}")
    ctx.require(op, value.elements == 1, f"fills with {value.elements} values")
    known = ctx.constant(value)
    if known is None:
        move(ctx, op, value, output, output.shape, [0] * len(output.shape))
    else:
        _filled(ctx, op, output, known.reshape(()))


@lowers("ZEROS_LIKE", dtypes=ANY)
def lower_zeros_like(ctx: Lowering, op: Operator) -> None:
    """The stored value is 0, whatever the zero point."""
    source, output = ctx.input(op, 0), ctx.output(op)
    check_same_type(ctx, op, source, output)
    ctx.require(op, source.elements == output.elements, f"turns {list(source.shape)} into {list(output.shape)}")
    _filled(ctx, op, output, np.zeros((), DTYPES[output.dtype]))


def _filled(ctx: Lowering, op: Operator, output: Tensor, value: NDArray[Any]) -> None:
    fill(ctx, op, ctx.result(output), value, output.elements)


@folds("BROADCAST_ARGS")
def fold_broadcast_args(ctx: Lowering, op: Operator) -> tuple[NDArray[Any], ...]:
    """The common shape of two constant shapes."""
    first, second = (integers(ctx, op, ctx.input(op, number), "a shape") for number in range(2))
    rank = max(len(first), len(second))
    pairs = zip([1] * (rank - len(first)) + first, [1] * (rank - len(second)) + second, strict=True)
    common = [b if a == 1 else a for a, b in pairs]
    ctx.require(
        op,
        all(broadcast_strides(tuple(shape), tuple(common)) is not None for shape in (first, second)),
        f"broadcasts {first} and {second} to each other, which does not fit",
    )
    return (np.array(common, DTYPES[ctx.output(op).dtype]),)
