"""SOFTMAX over the last dimension."""

from __future__ import annotations

import functools
import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.logistic import input_radius
from fieldwren.ops.lookup import interpolated_table
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import quantise_multiplier, requantisation
from fieldwren.ops.registry import lowers

_INTEGER_BITS = 5
_MAX_DEPTH = {"int8": (1 << 12) - 1, "int16": (1 << 16) - 1}
"""More exponentials than that could overflow the 32 bits in which they are summed up."""
_TOLERANCE = 0.001


@lowers("SOFTMAX", dtypes=("int8", "int16", "float32"))
def lower_softmax(ctx: Lowering, op: Operator) -> None:
    """int8 to int8 or int16, int16, float32; the quantised output's scale and zero point are fixed by the reference."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, "int8", "int16", "float32")
    ctx.require_dtype(op, output, *(("int8", "int16") if source.dtype == "int8" else (source.dtype,)))
    ctx.require(
        op,
        len(source.shape) > 0 and source.shape == output.shape and source.elements > 0,
        f"turns {list(source.shape)} into {list(output.shape)}",
    )
    depth = source.shape[-1]
    if source.dtype == "float32":
        parameters = {"rows": source.elements // depth, "depth": depth, "beta": _beta(ctx, op)}
        operands = {"input": ctx.value(op, source), "output": ctx.result(output)}
        ctx.emit(op, "softmax_f32", parameters, operands, in_place=[("output", "input")])
        return
    limit = _MAX_DEPTH[source.dtype]
    ctx.require(op, depth <= limit, f"has {depth} classes; up to {limit} are supported")
    rows = {"rows": source.elements // depth, "depth": depth}
    if source.dtype == "int8":
        _lower_int8(ctx, op, source, output, rows)
    else:
        _lower_int16(ctx, op, source, output, rows)


def _lower_int8(ctx: Lowering, op: Operator, source: Tensor, output: Tensor, rows: dict[str, int]) -> None:
    if output.dtype == "int8":
        check_output(ctx, op, output, -128, 1 / 256, 0.0)
    else:
        check_output(ctx, op, output, -32768, 1 / 65536, _TOLERANCE)
    ctx.emit(
        op,
        "softmax_s8" if output.dtype == "int8" else "softmax_s8_s16",
        {**rows, **asdict(difference_scale(ctx, op, _beta(ctx, op), source))},
        {"input": ctx.value(op, source), "output": ctx.result(output)},
        in_place=[("output", "input")] if output.dtype == "int8" else [],
    )


def _lower_int16(ctx: Lowering, op: Operator, source: Tensor, output: Tensor, rows: dict[str, int]) -> None:
    zero_point = ctx.zero_point(op, source)
    ctx.require(op, zero_point == 0, f"has a zero point in the int16 tensor {source.name!r}")
    check_output(ctx, op, output, 0, 1 / 32768, _TOLERANCE)
    # Differences of -65535 stand for -10.
    multiplier, shift = requantisation(ctx, op, ctx.scale(op, source) * _beta(ctx, op) / (10.0 / 65535.0))
    exponentials, reciprocals = _tables()
    ctx.emit(
        op,
        "softmax_s16",
        {**rows, "multiplier": multiplier, "shift": shift},
        {
            "input": ctx.value(op, source),
            "exponentials": ctx.const(exponentials, "softmax_exponentials"),
            "reciprocals": ctx.const(reciprocals, "softmax_reciprocals"),
            "output": ctx.result(output),
        },
        in_place=[("output", "input")],
    )


@dataclass(frozen=True)
class DifferenceScale:
    """What brings differences of int8 inputs, down to the smallest that counts, to Q5.26."""

    multiplier: int
    shift: int
    smallest_difference: int


def difference_scale(ctx: Lowering, op: Operator, beta: float, source: Tensor) -> DifferenceScale:
    """PreprocessSoftmaxScaling and CalculateInputRadius."""
    real = min(beta * ctx.scale(op, source) * (1 << (31 - _INTEGER_BITS)), (1 << 31) - 1.0)
    ctx.require(op, real > 1, f"has the input scale {ctx.scale(op, source):g}, times beta, below 2^-26")
    multiplier, shift = quantise_multiplier(real)
    return DifferenceScale(multiplier, shift, -input_radius(_INTEGER_BITS, shift))


def _beta(ctx: Lowering, op: Operator) -> float:
    beta = float(np.float32(op.options.get("beta", 0.0)))
    ctx.require(op, math.isfinite(beta) and beta > 0, f"has beta {beta:g}; it must be positive")
    return beta


def check_output(ctx: Lowering, op: Operator, output: Tensor, zero_point: int, scale: float, tolerance: float) -> None:
    """Refuses an output without the scale (up to `tolerance`, relative) and zero point that the reference has built in."""
    found_scale, found_zero_point = ctx.scale(op, output), ctx.zero_point(op, output)
    ctx.require(
        op,
        abs(found_scale - scale) <= tolerance * scale and found_zero_point == zero_point,
        f"has the output scale {found_scale:g} and zero point {found_zero_point}; {scale:g} and {zero_point} are needed",
    )


@functools.cache
def _tables() -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """exp(x) over [-10, 0] and 1 / (1 + x) over [0, 1], in 0.15 fixed point."""
    span = 65535
    return (
        interpolated_table(np.exp, np.float32(10) / np.float32(span), 32767, np.float32(2) / np.float32(span), 0),
        interpolated_table(
            lambda x: 1 / (1 + x), np.float32(1) / np.float32(span), -32768, np.float32(2) / np.float32(span), 0
        ),
    )
