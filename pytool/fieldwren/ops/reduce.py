"""MEAN, SUM, REDUCE_MAX and REDUCE_MIN over any axes."""

from __future__ import annotations

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import requantisation
from fieldwren.ops.registry import lowers
from fieldwren.ops.slices import axis_number, integers

_SUMS = {"int8": "sum_s8", "int16": "sum_s16", "float32": "sum_f32"}
_EXTREMES = {"REDUCE_MAX": "reduce_max_s8", "REDUCE_MIN": "reduce_min_s8"}


@lowers("MEAN", "SUM")
def lower_sum(ctx: Lowering, op: Operator) -> None:
    """int8, int16 and float32. A quantised mean folds the division into the multiplier: QuantizedMeanOrSum."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, *_SUMS)
    ctx.require_dtype(op, output, source.dtype)
    loops, count = _loops(ctx, op, source, output)
    is_mean = op.name == "MEAN"
    parameters: dict[str, int | float] = dict(loops)
    if source.dtype == "float32":
        ctx.require(op, count < 1 << 24, f"sums up {count} floats; up to 2^24 are supported")
        parameters["divisor"] = float(count) if is_mean else 1.0
    else:
        parameters |= sum_scales(ctx, op, source, output, count, is_mean=is_mean)
    operands = {"input": ctx.value(op, source), "output": ctx.result(output)}
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


@lowers("REDUCE_MAX", "REDUCE_MIN")
def lower_extreme(ctx: Lowering, op: Operator) -> None:
    """int8 without rescaling."""
    source, output = ctx.input(op, 0), ctx.output(op)
    for tensor in (source, output):
        ctx.require_dtype(op, tensor, "int8")
    ctx.require(
        op,
        ctx.scale(op, source) == ctx.scale(op, output) and ctx.zero_point(op, source) == ctx.zero_point(op, output),
        f"has other scales or zero points in {source.name!r} and {output.name!r}, and does not rescale",
    )
    loops, _ = _loops(ctx, op, source, output)
    operands = {"input": ctx.value(op, source), "output": ctx.result(output)}
    ctx.emit(op, _EXTREMES[op.name], loops, operands)


def _loops(ctx: Lowering, op: Operator, source: Tensor, output: Tensor) -> tuple[dict[str, int], int]:
    """(the kernel's five extents, number of elements that each output element is made of)."""
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
    ctx.require(op, len(extents) <= 5, f"reduces over {sorted(reduced)}: more than two separate groups of dimensions")
    # One group only: it is the second, whose elements lie closest.
    if len(extents) <= 3:
        extents[1:1] = [1, 1]
    names = ("outer", "first_reduced", "middle", "second_reduced", "inner")
    filled = dict(zip(names, extents + [1] * (5 - len(extents)), strict=True))
    return filled, filled["first_reduced"] * filled["second_reduced"]
