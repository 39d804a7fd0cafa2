"""TRANSPOSE, REVERSE_V2, SPACE_TO_DEPTH, DEPTH_TO_SPACE: all elements in another order."""

from __future__ import annotations

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import check_same_type, move, row_major
from fieldwren.ops.registry import ANY, lowers
from fieldwren.ops.slices import axis_number, integers


@lowers("TRANSPOSE", dtypes=ANY)
def lower_transpose(ctx: Lowering, op: Operator) -> None:
    """The permutation must be constant."""
    source, output = ctx.input(op, 0), ctx.output(op)
    check_same_type(ctx, op, source, output)
    rank = len(source.shape)
    order = integers(ctx, op, ctx.input(op, 1), "the permutation", rank)
    ctx.require(op, sorted(order) == list(range(rank)), f"has the permutation {order} of {rank} dimensions")
    shape = tuple(source.shape[axis] for axis in order)
    ctx.require(op, output.shape == shape, f"gives the shape {list(shape)}, and its output has {list(output.shape)}")
    strides = row_major(source.shape)
    move(ctx, op, source, output, shape, [strides[axis] for axis in order])


@lowers("REVERSE_V2", dtypes=ANY)
def lower_reverse(ctx: Lowering, op: Operator) -> None:
    """Reverses along constant axes."""
    source, output = ctx.input(op, 0), ctx.output(op)
    check_same_type(ctx, op, source, output)
    ctx.require(op, source.shape == output.shape, f"reverses {list(source.shape)} into {list(output.shape)}")
    rank = len(source.shape)
    reversed_axes = {axis_number(ctx, op, a, rank) for a in integers(ctx, op, ctx.input(op, 1), "the axes")}
    strides = row_major(source.shape)
    first = sum((source.shape[axis] - 1) * strides[axis] for axis in reversed_axes) if output.elements else 0
    steps = [-stride if axis in reversed_axes else stride for axis, stride in enumerate(strides)]
    move(ctx, op, source, output, source.shape, steps, first)


@lowers("SPACE_TO_DEPTH", "DEPTH_TO_SPACE", dtypes=ANY)
def lower_space_and_depth(ctx: Lowering, op: Operator) -> None:
    """Blocks of block_size × block_size pixels become channels, or channels become such blocks."""
    source, output = ctx.input(op, 0), ctx.output(op)
    check_same_type(ctx, op, source, output)
    block = op.options.get("block_size", 0)
    ctx.require(
        op,
        block > 0 and len(source.shape) == len(output.shape) == 4,
        f"has block size {block}, input {list(source.shape)} and output {list(output.shape)}",
    )
    to_depth = op.name == "SPACE_TO_DEPTH"
    deep, wide = (output.shape, source.shape) if to_depth else (source.shape, output.shape)
    batches, height, width, channels = deep
    depth = channels // (block * block)
    ctx.require(
        op,
        wide == (batches, height * block, width * block, depth) and channels == depth * block * block,
        f"turns {list(source.shape)} into {list(output.shape)}, which does not fit its block size {block}",
    )
    inner = (block, width, block) if to_depth else (width, block, block)
    shape = (batches, height, *inner, depth)
    strides, order = row_major(shape), (0, 1, 3, 2, 4, 5)
    move(ctx, op, source, output, [shape[axis] for axis in order], [strides[axis] for axis in order])
