"""LOGISTIC: int8 as a table, int16 by interpolation in a table of the sigmoid."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.fixed_point import logistic, requantise, rounding_divide_by_pot
from fieldwren.ops.lookup import lower_lookup
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import quantise_multiplier
from fieldwren.ops.registry import lowers
from fieldwren.ops.unary import lower_float

_INPUT_INTEGER_BITS = 4
_LOG2_TOLERANCE = 1e-3
"""CheckedLog2 takes a scale this close to a power of two for one."""
_REFERENCE_IS_ONE_HIGHER = (
    *(4, 8, 12, 14, 15, 16, 17, 19, 20, 21, 22, 25, 27, 28, 29, 30, 31, 33, 34, 35, 37, 39, 40, 41, 43, 44, 45, 46),
    *(49, 50, 54, 62, 63, 64, 66, 82, 86, 93, 100, 103, 112, 116, 135, 255),
)


def sigmoid_table() -> NDArray[np.uint16]:
    """sigmoid(i / 24) in 0.16 fixed point, uint16[256], as the reference's int16 LOGISTIC and TANH use it.

    The reference's table lies one above the rounded function in some places.
    """
    table = np.rint(65536 / (1 + np.exp(-np.arange(256) / 24)))
    table[list(_REFERENCE_IS_ONE_HIGHER)] += 1
    return table.astype(np.uint16)


@lowers("LOGISTIC", dtypes=("int8", "int16", "float32"))
def lower_logistic(ctx: Lowering, op: Operator) -> None:
    """int8 to int8 with zero point -128, int16 to int16 with zero points 0, float32."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, "int8", "int16", "float32")
    ctx.require_dtype(op, output, source.dtype)
    if source.dtype == "int8":
        _lower_int8(ctx, op, source, output)
    elif source.dtype == "int16":
        _lower_int16(ctx, op, source, output)
    else:
        lower_float(ctx, op, source, output)


def _lower_int8(ctx: Lowering, op: Operator, source: Tensor, output: Tensor) -> None:
    zero_point = ctx.zero_point(op, output)
    ctx.require(op, zero_point == -128, f"has the output zero point {zero_point}; -128 is needed")
    scale, input_zero_point = ctx.scale(op, source), ctx.zero_point(op, source)
    multiplier, shift = quantise_multiplier(scale * (1 << (31 - _INPUT_INTEGER_BITS)))
    ctx.require(op, shift >= 0, f"has the input scale {scale:g}; 2^-27 is the smallest supported")
    radius = input_radius(_INPUT_INTEGER_BITS, shift)

    def function(values: NDArray[np.int64]) -> NDArray[np.int64]:
        centred = values - input_zero_point
        rescaled = requantise(np.clip(centred, -radius, radius), multiplier, shift)
        inside = rounding_divide_by_pot(logistic(rescaled, _INPUT_INTEGER_BITS), 31 - 8) - 128
        outside = np.where(centred <= -radius, -128, 127)
        return np.where(np.abs(centred) < radius, np.clip(inside, -128, 127), outside)

    lower_lookup(ctx, op, source, output, function)


def _lower_int16(ctx: Lowering, op: Operator, source: Tensor, output: Tensor) -> None:
    for tensor in (source, output):
        ctx.require(op, ctx.zero_point(op, tensor) == 0, f"has a zero point in the int16 tensor {tensor.name!r}")
    scale = ctx.scale(op, output)
    ctx.require(op, is_power_of_two(scale, -15), f"has the output scale {scale:g}; 2^-15 is needed")
    ctx.require(op, source.elements == output.elements, f"turns {list(source.shape)} into {list(output.shape)}")
    multiplier, shift = sigmoid_input_scale(ctx, op, source)
    ctx.emit(
        op,
        "logistic_s16",
        {"count": source.elements, "multiplier": multiplier, "shift": shift},
        {
            "input": ctx.value(op, source),
            "table": ctx.const(sigmoid_table(), "sigmoid_table"),
            "output": ctx.result(output),
        },
        in_place=[("output", "input")],
    )


def input_radius(integer_bits: int, shift: int) -> int:
    """Inputs this far from the zero point and farther saturate: CalculateInputRadius with 31 bits."""
    return math.floor(((1 << integer_bits) - 1) * (1 << (31 - integer_bits)) / 2.0**shift)


def is_power_of_two(scale: float, power: int) -> bool:
    """True when CheckedLog2 takes `scale` for 2^power."""
    return abs(math.log2(scale) - power) < _LOG2_TOLERANCE


def sigmoid_input_scale(ctx: Lowering, op: Operator, source: Tensor) -> tuple[int, int]:
    """(multiplier, shift) that bring int16 inputs to the table's steps of 1 / (3 * 4096)."""
    scale = ctx.scale(op, source)
    # An input in Q3.12 already has steps of 1 / 4096.
    if is_power_of_two(scale, -12):
        return 3, 0
    real, shift = scale * 4096 * 3, 0
    while real <= 32767 / 2 and shift <= 30:
        real, shift = real * 2, shift + 1
    ctx.require(op, real < 32768, f"has the input scale {scale:g}; 2.66 is the largest supported")
    return int(real), shift
