"""Binary element-wise operators: two nested loops over operands that repeat along rows, columns or both.

Kernels of this kind have the parameters `rows`, `columns` and, for the operands `first` and `second`, a
`_row_stride` and a `_column_stride` in elements (0 where the operand repeats). Broadcasts that need more loops are
brought to this form by writing the repeating operand out in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.broadcast import broadcast_strides
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import axes, copy, row_major
from fieldwren.program import Operand


@dataclass(frozen=True)
class Binary:
    """The loops and the operands of one call. `in_place` names the operands that the result may be written over."""

    parameters: dict[str, int]
    operands: dict[str, Operand]
    in_place: list[tuple[str, str]]


def binary(ctx: Lowering, op: Operator, first: Tensor, second: Tensor, output: Tensor) -> Binary:
    """Loops for output[…] = f(first[…], second[…]) with NumPy's broadcasting; adds the output to the Program."""
    strides = [broadcast_strides(tensor.shape, output.shape) for tensor in (first, second)]
    expected = [
        max(a, b) for a, b in zip(*(_extended(t.shape, len(output.shape)) for t in (first, second)), strict=False)
    ]
    if None in strides or list(output.shape) != expected:
        ctx.fail(
            op, f"combines {list(first.shape)} and {list(second.shape)} to {list(output.shape)}, which does not fit"
        )
    operands = {"first": ctx.value(op, first), "second": ctx.value(op, second)}
    loops = _merged(output.shape, [s for s in strides if s is not None])
    # The smaller operand first: writing it out may be enough.
    for name, tensor in sorted((("first", first), ("second", second)), key=lambda item: item[1].elements):
        if len(loops) > 2 and tensor.elements != output.elements:
            number = 0 if name == "first" else 1
            operands[name] = written_out(ctx, op, tensor, operands[name], output.shape, strides[number] or [])
            strides[number] = row_major(output.shape)
            loops = _merged(output.shape, [s for s in strides if s is not None])
    (rows, *row_strides), (columns, *column_strides) = [(1, 0, 0)] * (2 - len(loops)) + loops
    parameters = {"rows": rows, "columns": columns}
    for number, name in enumerate(("first", "second")):
        parameters[f"{name}_row_stride"] = row_strides[number]
        parameters[f"{name}_column_stride"] = column_strides[number]
    full = [name for name, tensor in (("first", first), ("second", second)) if tensor.elements == output.elements]
    same_type = [name for name in full if (first if name == "first" else second).dtype == output.dtype]
    operands["output"] = ctx.result(output)
    return Binary(parameters, operands, [("output", name) for name in same_type])


def _extended(shape: Sequence[int], rank: int) -> list[int]:
    return [1] * (rank - len(shape)) + list(shape)


def _merged(shape: Sequence[int], strides: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """[(extent, stride of each operand)], outermost first, in as few loops as possible."""
    loops: list[tuple[int, ...]] = []
    for extent, *steps in zip(shape, *strides, strict=True):
        if extent == 1:
            continue
        if loops and all(outer == inner * extent for outer, inner in zip(loops[-1][1:], steps, strict=True)):
            loops[-1] = (loops[-1][0] * extent, *steps)
        else:
            loops.append((extent, *steps))
    return loops


def written_out(
    ctx: Lowering, op: Operator, tensor: Tensor, operand: Operand, shape: Sequence[int], strides: Sequence[int]
) -> Operand:
    """`tensor` repeated to `shape`: a table if it is constant, else a copy at run time."""
    value = ctx.constant(tensor)
    if value is not None:
        return ctx.const(np.broadcast_to(value, tuple(shape)), tensor.name)
    itemsize = DTYPES[tensor.dtype].itemsize
    target = ctx.temporary(f"{tensor.name}_repeated", int(np.prod(shape)) * itemsize, tensor.dtype)
    copy(ctx, op, operand, target, axes(shape, strides, row_major(shape)), itemsize)
    return target
