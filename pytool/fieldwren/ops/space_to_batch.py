"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: pixels at one place of each block become batches, and back.

Both are described by the wide tensor (before SPACE_TO_BATCH_ND), the deep one (after it), and the blocks between them:
deep[(i·bw + j)·n + b, y, x] = padded wide[b, y·bh + i, x·bw + j].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fieldwren.graph import DTYPES, Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import Axis, check_same_type, copy, fill, move, row_major
from fieldwren.ops.registry import ANY, lowers
from fieldwren.ops.slices import integers
from fieldwren.program import Operand


@dataclass(frozen=True)
class _Blocks:
    """Shapes [n, h, w, c] of both tensors; block sizes and margins of the two spatial axes."""

    wide: tuple[int, ...]
    deep: tuple[int, ...]
    sizes: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def has_margins(self) -> bool:
        """True when the wide tensor is padded or cropped."""
        return any((*self.before, *self.after))


@dataclass(frozen=True)
class _Piece:
    """The pixels at one place of the blocks: element offsets in both tensors, and the loops from wide to deep."""

    wide: int
    deep: int
    loops: tuple[Axis, ...]


def _image(shape: Sequence[int]) -> tuple[int, ...]:
    """[n, h, c] as [n, h, 1, c]; four dimensions stay."""
    return tuple(shape) if len(shape) == 4 else (shape[0], shape[1], 1, shape[2])


def _blocks(ctx: Lowering, op: Operator, margin_name: str) -> _Blocks:
    """The checked relation of input, output, block shape and margins."""
    source, output = ctx.input(op, 0), ctx.output(op)
    check_same_type(ctx, op, source, output)
    turns = f"turns {list(source.shape)} into {list(output.shape)}"
    ctx.require(op, len(source.shape) == len(output.shape) in (3, 4), turns)
    axes = len(source.shape) - 2
    sizes = integers(ctx, op, ctx.input(op, 1), "the block shape", axes)
    margins = integers(ctx, op, ctx.input(op, 2), f"the {margin_name}", 2 * axes)
    ctx.require(op, min(sizes) > 0 and min(margins) >= 0, f"has the block shape {sizes} and {margin_name} {margins}")
    sizes, margins = [*sizes, 1][:2], [*margins, 0, 0][:4]
    wide, deep = _image(source.shape), _image(output.shape)
    if op.name == "BATCH_TO_SPACE_ND":
        wide, deep = deep, wide
    blocks = _Blocks(wide, deep, (sizes[0], sizes[1]), (margins[0], margins[2]), (margins[1], margins[3]))
    padded = [wide[1 + i] + blocks.before[i] + blocks.after[i] for i in range(2)]
    ctx.require(
        op,
        deep[0] == wide[0] * sizes[0] * sizes[1]
        and deep[3] == wide[3]
        and padded == [deep[1 + i] * sizes[i] for i in range(2)],
        f"{turns}, which does not fit its blocks {sizes} and {margin_name} {margins}",
    )
    return blocks


def _pieces(blocks: _Blocks) -> list[_Piece]:
    """For each place (i, j) of a block what lies inside the wide tensor."""
    wide, deep = row_major(blocks.wide), row_major(blocks.deep)
    pieces = []
    for place in np.ndindex(blocks.sizes):
        first, last = [0, 0], [0, 0]
        for axis in range(2):
            size, shift = blocks.sizes[axis], blocks.before[axis] - place[axis]
            first[axis] = max(-(-shift // size), 0)
            last[axis] = min((blocks.wide[1 + axis] + shift - 1) // size + 1, blocks.deep[1 + axis])
        rows, columns = (max(b - a, 0) for a, b in zip(first, last, strict=True))
        y, x = (first[a] * blocks.sizes[a] + place[a] - blocks.before[a] for a in range(2))
        batch = (place[0] * blocks.sizes[1] + place[1]) * blocks.wide[0]
        loops = (
            Axis(blocks.wide[0], wide[0], deep[0]),
            Axis(rows, blocks.sizes[0] * wide[1], deep[1]),
            Axis(columns, blocks.sizes[1] * wide[2], deep[2]),
            Axis(blocks.wide[3], 1, 1),
        )
        if rows and columns:
            start = batch * deep[0] + first[0] * deep[1] + first[1] * deep[2]
            pieces.append(_Piece(y * wide[1] + x * wide[2], start, loops))
    return pieces


@lowers("SPACE_TO_BATCH_ND", dtypes=ANY)
def lower_space_to_batch(ctx: Lowering, op: Operator) -> None:
    """The padding holds 0, in quantised tensors as well: what TFLM gives in an arena that was cleared before."""
    blocks = _blocks(ctx, op, "paddings")
    source, output = ctx.input(op, 0), ctx.output(op)
    if not blocks.has_margins:
        _, height, width, depth = blocks.deep
        shape = (blocks.wide[0], height, blocks.sizes[0], width, blocks.sizes[1], depth)
        order, strides = (2, 4, 0, 1, 3, 5), row_major(shape)
        move(ctx, op, source, output, [shape[axis] for axis in order], [strides[axis] for axis in order])
        return
    operand, target = ctx.value(op, source), ctx.result(output)
    itemsize = DTYPES[output.dtype].itemsize
    fill(ctx, op, target, np.zeros((), DTYPES[output.dtype]), output.elements)
    for piece in _pieces(blocks):
        wide = Operand(operand.buffer, operand.offset + piece.wide * itemsize)
        copy(ctx, op, wide, Operand(target.buffer, piece.deep * itemsize), piece.loops, itemsize)


@lowers("BATCH_TO_SPACE_ND", dtypes=ANY)
def lower_batch_to_space(ctx: Lowering, op: Operator) -> None:
    """The inverse; what the crops name is left out."""
    blocks = _blocks(ctx, op, "crops")
    source, output = ctx.input(op, 0), ctx.output(op)
    if not blocks.has_margins:
        shape = (*blocks.sizes, blocks.wide[0], *blocks.deep[1:])
        order, strides = (2, 3, 0, 4, 1, 5), row_major(shape)
        move(ctx, op, source, output, [shape[axis] for axis in order], [strides[axis] for axis in order])
        return
    operand, target = ctx.value(op, source), ctx.result(output)
    itemsize = DTYPES[output.dtype].itemsize
    for piece in _pieces(blocks):
        deep = Operand(operand.buffer, operand.offset + piece.deep * itemsize)
        turned = [Axis(axis.extent, axis.target, axis.source) for axis in piece.loops]
        copy(ctx, op, deep, Operand(target.buffer, piece.wide * itemsize), turned, itemsize)
