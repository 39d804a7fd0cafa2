"""MIRROR_PAD: the border repeats the inside, with the edge (SYMMETRIC) or without it (REFLECT)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from fieldwren.graph import DTYPES, Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import Axis, check_same_type, copy, row_major
from fieldwren.ops.registry import ANY, lowers
from fieldwren.ops.slices import integers
from fieldwren.program import Operand

_REFLECT = 0


@dataclass(frozen=True)
class _Piece:
    """`extent` elements of one axis: where they start in input and output, and the direction in the input."""

    extent: int
    source: int
    target: int
    direction: int


def _pieces(size: int, before: int, after: int, skipped: int) -> list[_Piece]:
    """Border, inside, border. `skipped` edge elements are not repeated."""
    pieces = [
        _Piece(before, before - 1 + skipped, 0, -1),
        _Piece(size, 0, before, 1),
        _Piece(after, size - 1 - skipped, before + size, -1),
    ]
    return [piece for piece in pieces if piece.extent]


@lowers("MIRROR_PAD", dtypes=ANY)
def lower_mirror_pad(ctx: Lowering, op: Operator) -> None:
    """One copy for each combination of border and inside over the axes; the paddings must be constant."""
    source, output = ctx.input(op, 0), ctx.output(op)
    check_same_type(ctx, op, source, output)
    rank = len(source.shape)
    paddings = integers(ctx, op, ctx.input(op, 1), "the paddings", 2 * rank)
    skipped = 1 if op.options.get("mode", _REFLECT) == _REFLECT else 0
    padded = tuple(n + a + b for n, a, b in zip(source.shape, paddings[::2], paddings[1::2], strict=True))
    ctx.require(
        op,
        all(0 <= p <= source.shape[i // 2] - skipped for i, p in enumerate(paddings)),
        f"pads {list(source.shape)} by {paddings}: a border is negative or wider than what it repeats",
    )
    ctx.require(op, output.shape == padded, f"gives the shape {list(padded)}, and its output has {list(output.shape)}")
    if not any(paddings):
        ctx.alias(output, ctx.value(op, source))
        return
    per_axis = [_pieces(n, a, b, skipped) for n, a, b in zip(source.shape, paddings[::2], paddings[1::2], strict=True)]
    read, written = row_major(source.shape), row_major(output.shape)
    itemsize = DTYPES[source.dtype].itemsize
    operand, target = ctx.value(op, source), ctx.result(output)
    for parts in itertools.product(*per_axis):
        start = sum(part.source * stride for part, stride in zip(parts, read, strict=True))
        end = sum(part.target * stride for part, stride in zip(parts, written, strict=True))
        loops = [Axis(part.extent, part.direction * a, b) for part, a, b in zip(parts, read, written, strict=True)]
        copy(
            ctx,
            op,
            Operand(operand.buffer, operand.offset + start * itemsize),
            Operand(target.buffer, end * itemsize),
            loops,
            itemsize,
        )
