"""ABS, RSQRT, and float32 NEG, SQUARE, SQRT, FLOOR, CEIL, ROUND, EXP, LOG; SIN and COS are refused by name."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.fixed_point import inverse_square_root, requantise
from fieldwren.ops.lookup import lower_lookup
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import requantisation
from fieldwren.ops.registry import lowers

_OPERATIONS = {
    "ABS": 0,
    "NEG": 1,
    "SQUARE": 2,
    "SQRT": 3,
    "RSQRT": 4,
    "FLOOR": 5,
    "CEIL": 6,
    "ROUND": 7,
    "HARD_SWISH": 8,
    "EXP": 9,
    "LOG": 10,
    "LOGISTIC": 11,
}
"""fw_unary_t of firmware/kernels/unary.h."""
_RSQRT_SHIFT = 20
_SAME_SCALE = (1 << 30, 1)
"""A multiplier and shift that keep a number."""


def lower_float(ctx: Lowering, op: Operator, source: Tensor, output: Tensor) -> None:
    """A function of float32 with the reference's bits: what IEEE 754 defines, its exponential and logarithm."""
    ctx.require_dtype(op, output, "float32")
    ctx.require(op, source.elements == output.elements, f"turns {list(source.shape)} into {list(output.shape)}")
    ctx.emit(
        op,
        "unary_f32",
        {"count": source.elements, "operation": _OPERATIONS[op.name]},
        {"input": ctx.value(op, source), "output": ctx.result(output)},
        in_place=[("output", "input")],
    )


@lowers("NEG", "SQUARE", "SQRT", "FLOOR", "CEIL", "ROUND", "EXP", "LOG", dtypes=("float32",))
def lower_unary(ctx: Lowering, op: Operator) -> None:
    """float32 only, as in the reference."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, "float32")
    lower_float(ctx, op, source, output)


@lowers("ABS", dtypes=("int8", "int16", "float32"))
def lower_abs(ctx: Lowering, op: Operator) -> None:
    """int8 as a table, int16 without zero points, float32."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, output, source.dtype)
    if source.dtype == "float32":
        lower_float(ctx, op, source, output)
        return
    real = ctx.scale(op, source) / ctx.scale(op, output)
    same = ctx.scale(op, source) == ctx.scale(op, output)
    multiplier, shift = _SAME_SCALE if same else requantisation(ctx, op, real)
    zero_points = ctx.zero_point(op, source), ctx.zero_point(op, output)
    if source.dtype == "int8":

        def function(values: NDArray[np.int64]) -> NDArray[np.int64]:
            magnitude = requantise(np.abs(values - zero_points[0]), multiplier, shift)
            return np.clip(magnitude + zero_points[1], -128, 127)

        lower_lookup(ctx, op, source, output, function)
        return
    _lower_int16(ctx, op, "abs_s16", multiplier, shift)


def _lower_int16(ctx: Lowering, op: Operator, kernel: str, multiplier: int, shift: int) -> None:
    source, output = ctx.input(op, 0), ctx.output(op)
    zero_points = ctx.zero_point(op, source), ctx.zero_point(op, output)
    ctx.require(op, zero_points == (0, 0), "has int16 tensors with zero points")
    ctx.require(op, source.elements == output.elements, f"turns {list(source.shape)} into {list(output.shape)}")
    ctx.emit(
        op,
        kernel,
        {"count": source.elements, "multiplier": multiplier, "shift": shift},
        {"input": ctx.value(op, source), "output": ctx.result(output)},
        in_place=[("output", "input")],
    )


@lowers("RSQRT", dtypes=("int8", "int16", "float32"))
def lower_rsqrt(ctx: Lowering, op: Operator) -> None:
    """int8 as a table, int16 without zero points, float32.

    Inputs below the zero point, on which the reference stops, give the largest value.
    """
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, output, source.dtype)
    if source.dtype == "float32":
        lower_float(ctx, op, source, output)
        return
    real = 1 / (math.sqrt(ctx.scale(op, source)) * ctx.scale(op, output))
    multiplier, shift = requantisation(ctx, op, real)
    zero_points = ctx.zero_point(op, source), ctx.zero_point(op, output)
    if source.dtype == "int16":
        ctx.require(op, shift >= _RSQRT_SHIFT - 31, f"has scales that make all results 0 (factor {real:g})")
        _lower_int16(ctx, op, "rsqrt_s16", multiplier, shift)
        return

    def value(x: int) -> int:
        if x <= 0:
            return 127
        inverse, inverse_shift = inverse_square_root(x)
        data = requantise(np.array(1), inverse, inverse_shift + _RSQRT_SHIFT)
        return int(requantise(data, multiplier, shift - _RSQRT_SHIFT)) + zero_points[1]

    def function(values: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.clip([value(int(v) - zero_points[0]) for v in values], -128, 127)

    lower_lookup(ctx, op, source, output, function)
