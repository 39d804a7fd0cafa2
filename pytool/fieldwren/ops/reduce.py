"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN and REDUCE_ALL over any axes."""

from __future__ import annotations

from dataclasses import dataclass

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import axes, copy, row_major
from fieldwren.ops.quantise import requantisation
from fieldwren.ops.registry import lowers
from fieldwren.ops.slices import axis_number, integers
from fieldwren.program import Operand

_GROUPS = 5
"""Groups of neighbouring dimensions that the kernels tell apart: kept, reduced, kept, reduced, kept."""
_SUMS = {"int8": "sum_s8", "int16": "sum_s16", "float32": "sum_f32"}
_EXTREMES = {
    ("REDUCE_MAX", "int8"): "reduce_max_s8",
    ("REDUCE_MIN", "int8"): "reduce_min_s8",
    ("REDUCE_MAX", "float32"): "reduce_max_f32",
    ("REDUCE_MIN", "float32"): "reduce_min_f32",
}


@dataclass(frozen=True)
class _Loops:
    """The kernels' five extents, the number of elements that each output element is made of, and the input."""

    extents: dict[str, int]
    count: int
    source: Operand


@lowers("MEAN", "SUM", dtypes=tuple(_SUMS))
def lower_sum(ctx: Lowering, op: Operator) -> None:
    """int8, int16 and float32. A quantised mean folds the division into the multiplier: QuantizedMeanOrSum."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, *_SUMS)
    ctx.require_dtype(op, output, source.dtype)
    loops = _loops(ctx, op, source, output)
    count = loops.count
    is_mean = op.name == "MEAN"
    parameters: dict[str, int | float] = dict(loops.extents)
    if source.dtype == "float32":
        ctx.require(op, count < 1 << 24, f"sums up {count} floats; up to 2^24 are supported")
        parameters["divisor"] = float(count) if is_mean else 1.0
    else:
        parameters |= sum_scales(ctx, op, source, output, count, is_mean=is_mean)
    operands = {"input": loops.source, "output": ctx.result(output)}
    ctx.emit(op, _SUMS[source.dtype], parameters, operands)


def sum_scales(
    ctx: Lowering, op: Operator, source: Tensor, output: Tensor, count: int, *, is_mean: bool
) -> dict[str, int]:
    """What becomes of a sum (or mean) of `count` quantised values: offset, multiplier, shift, output zero point."""
    multiplier, shift = requantisation(ctx, op, ctx.scale(op, source) / ctx.scale(op, output))
    if is_mean:
        # As far as it goes the quotient keeps the multiplier's precision.
        bits = min(count.bit_length() - 1, 32, 31 + shift)
        multiplier, shift = (multiplier << bits) // count, shift - bits
    offset = ctx.zero_point(op, source) * count
    return {
        "offset": (offset + (1 << 31)) % (1 << 32) - (1 << 31),
        "multiplier": multiplier,
        "shift": shift,
        "output_zero_point": ctx.zero_point(op, output),
    }


@lowers("REDUCE_MAX", "REDUCE_MIN", dtypes=("int8", "float32"))
def lower_extreme(ctx: Lowering, op: Operator) -> None:
    """int8 without rescaling, and float32."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, output, source.dtype)
    if source.dtype == "int8":
        ctx.require(
            op,
            ctx.scale(op, source) == ctx.scale(op, output) and ctx.zero_point(op, source) == ctx.zero_point(op, output),
            f"has other scales or zero points in {source.name!r} and {output.name!r}, and does not rescale",
        )
    loops = _loops(ctx, op, source, output)
    operands = {"input": loops.source, "output": ctx.result(output)}
    ctx.emit(op, _EXTREMES[op.name, source.dtype], loops.extents, operands)


@lowers("REDUCE_ALL", dtypes=("bool",))
def lower_all(ctx: Lowering, op: Operator) -> None:
    """Whether all truth values hold."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, output, "bool")
    loops = _loops(ctx, op, source, output)
    ctx.emit(op, "reduce_all", loops.extents, {"input": loops.source, "output": ctx.result(output)})


def _loops(ctx: Lowering, op: Operator, source: Tensor, output: Tensor) -> _Loops:
    """The loops over `source`, brought to the order that the kernels take where it has another."""
    rank = len(source.shape)
    reduced = {axis_number(ctx, op, axis, rank) for axis in integers(ctx, op, ctx.input(op, 1), "the axes")}
    ctx.require(op, 0 not in source.shape, f"reduces the empty tensor {source.name!r}")
    kept = [n for axis, n in enumerate(source.shape) if axis not in reduced]
    kept_dims = [1 if axis in reduced else n for axis, n in enumerate(source.shape)]
    ctx.require(
        op,
        list(output.shape) in (kept, kept_dims),
        f"reduces {list(source.shape)} over {sorted(reduced)} to {list(output.shape)}, which does not fit",
    )
    # Neighbouring dimensions of one kind become one: kept, reduced, kept, reduced, kept.
    extents = [1]
    for axis, n in enumerate(source.shape):
        if n == 1:
            continue
        if (axis in reduced) != (len(extents) % 2 == 0):
            extents.append(1)
        extents[-1] *= n
    operand = ctx.value(op, source)
    if len(extents) > _GROUPS:
        operand = _kept_first(ctx, op, source, operand, reduced)
        extents = [output.elements, source.elements // output.elements]
    # One group only: it is the second, whose elements lie closest.
    if len(extents) <= 3:
        extents[1:1] = [1, 1]
    names = ("outer", "first_reduced", "middle", "second_reduced", "inner")
    filled = dict(zip(names, extents + [1] * (_GROUPS - len(extents)), strict=True))
    return _Loops(filled, filled["first_reduced"] * filled["second_reduced"], operand)


def _kept_first(ctx: Lowering, op: Operator, source: Tensor, operand: Operand, reduced: set[int]) -> Operand:
    """A copy of `source` whose reduced dimensions come last, each kind in its old order: sums of floats depend on it."""
    order = sorted(range(len(source.shape)), key=lambda axis: axis in reduced)
    extents = [source.shape[axis] for axis in order]
    strides = row_major(source.shape)
    target = ctx.temporary(f"{source.name}_sorted", source.nbytes, source.dtype)
    loops = axes(extents, [strides[axis] for axis in order], row_major(extents))
    copy(ctx, op, operand, target, loops, DTYPES[source.dtype].itemsize)
    return target
