"""Data movement: every operator that only rearranges elements becomes nested loops over two strided layouts.

A layout that turns out to be one contiguous piece of the input is not copied at all: the output names that memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.program import Operand

_LOOPS = 5
_VIEW_ALIGNMENT = 4
_FILL_BYTES = 64


@dataclass(frozen=True)
class Axis:
    """A loop of `extent` steps: how far each moves in the input and in the output (elements, or bytes once scaled)."""

    extent: int
    source: int
    target: int


def row_major(shape: Sequence[int]) -> list[int]:
    """Strides in elements of a densely stored tensor."""
    strides, step = [], 1
    for extent in reversed(shape):
        strides.append(step)
        step *= extent
    return strides[::-1]


def axes(extents: Sequence[int], source: Sequence[int], target: Sequence[int]) -> list[Axis]:
    """One Axis per dimension."""
    return [Axis(*values) for values in zip(extents, source, target, strict=True)]


def simplified(loops: Sequence[Axis]) -> list[Axis]:
    """The same copy in as few loops as possible, ordered so that the output is written as sequentially as it can be."""
    result: list[Axis] = []
    for axis in sorted((a for a in loops if a.extent != 1), key=lambda a: -a.target):
        outer = result[-1] if result else None
        if (
            outer is not None
            and outer.source == axis.source * axis.extent
            and outer.target == axis.target * axis.extent
        ):
            result[-1] = Axis(outer.extent * axis.extent, axis.source, axis.target)
        else:
            result.append(axis)
    return result


def copy(ctx: Lowering, op: Operator, source: Operand, target: Operand, loops: Sequence[Axis], itemsize: int) -> None:
    """Emits the copy of the elements that `loops` visit, starting at the elements that the two operands point to."""
    scaled = simplified([Axis(a.extent, a.source * itemsize, a.target * itemsize) for a in loops])
    if any(axis.extent == 0 for axis in scaled):
        return
    block = itemsize
    if scaled and scaled[-1].source == scaled[-1].target == itemsize:
        block *= scaled.pop().extent
    # More loops than the kernel has: the outer ones are unrolled into calls.
    outer, inner = scaled[: max(len(scaled) - _LOOPS, 0)], scaled[max(len(scaled) - _LOOPS, 0) :]
    inner = [Axis(1, 0, 0)] * (_LOOPS - len(inner)) + inner
    parameters = {"block_bytes": block}
    for number, axis in enumerate(inner):
        parameters |= {
            f"extent{number}": axis.extent,
            f"input_stride{number}": axis.source,
            f"output_stride{number}": axis.target,
        }
    for steps in itertools.product(*(range(axis.extent) for axis in outer)):
        start = sum(step * axis.source for step, axis in zip(steps, outer, strict=True))
        end = sum(step * axis.target for step, axis in zip(steps, outer, strict=True))
        operands = {
            "input": Operand(source.buffer, source.offset + start),
            "output": Operand(target.buffer, target.offset + end),
        }
        ctx.emit(op, "strided_copy", parameters, operands)


def fill(ctx: Lowering, op: Operator, target: Operand, value: NDArray[Any], elements: int) -> None:
    """Emits the filling of `elements` elements with the scalar `value`."""
    words = np.unique(np.frombuffer(np.repeat(value, 4).tobytes(), "<i4"))
    if words.size == 1:
        parameters = {"bytes": elements * value.itemsize, "pattern": int(words[0])}
        ctx.emit(op, "fill", parameters, {"output": target})
        return
    # Eight bytes whose halves differ: blocks as wide as divide the whole evenly.
    count = max((n for n in range(1, _FILL_BYTES // value.itemsize + 1) if elements % n == 0), default=1)
    pattern = ctx.const(np.full(count, value), f"{op.name.lower()}_value")
    repeated = [Axis(elements // count, 0, count), Axis(count, 1, 1)]
    copy(ctx, op, pattern, target, repeated, value.itemsize)


def move(
    ctx: Lowering,
    op: Operator,
    source: Tensor,
    output: Tensor,
    extents: Sequence[int],
    strides: Sequence[int],
    first: int = 0,
) -> None:
    """output[i0, i1, …] = source[first + Σ i·stride], with `extents` in the output's row-major order.

    `first` and `strides` count elements of the source. The output becomes a view where that is possible.
    """
    itemsize = DTYPES[source.dtype].itemsize
    loops = axes(extents, strides, row_major(extents))
    operand = ctx.value(op, source)
    start = Operand(operand.buffer, operand.offset + first * itemsize)
    contiguous = simplified(loops) in ([], [Axis(output.elements, 1, 1)])
    if contiguous and start.offset % max(_VIEW_ALIGNMENT, itemsize) == 0:
        ctx.alias(output, start)
        return
    copy(ctx, op, start, ctx.result(output), loops, itemsize)


def check_same_type(ctx: Lowering, op: Operator, *tensors: Tensor) -> None:
    """Refuses tensors of different types: movement never converts."""
    found = {tensor.dtype for tensor in tensors}
    ctx.require(op, len(found) == 1, f"mixes the types {', '.join(sorted(found))}, and moves elements of one type only")
