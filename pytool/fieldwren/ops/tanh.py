"""TANH: int8 as a table, int16 by interpolation in a table of the sigmoid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.fixed_point import requantise, rounding_divide_by_pot, tanh
from fieldwren.ops.logistic import input_radius, is_power_of_two, sigmoid_input_scale, sigmoid_table
from fieldwren.ops.lookup import lower_lookup
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import quantise_multiplier
from fieldwren.ops.registry import lowers

_INPUT_INTEGER_BITS = 4


@lowers("TANH", dtypes=("int8", "int16"))
def lower_tanh(ctx: Lowering, op: Operator) -> None:
    """int8 to int8 (read with scale 1 / 128), int16 to int16 with scale 2^-15 and zero points 0."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, output, source.dtype)
    if source.dtype == "int8":
        _lower_int8(ctx, op, source, output)
    else:
        _lower_int16(ctx, op, source, output)


def _lower_int8(ctx: Lowering, op: Operator, source: Tensor, output: Tensor) -> None:
    scale, zero_point = ctx.scale(op, source), ctx.zero_point(op, source)
    multiplier, shift = quantise_multiplier(scale * (1 << (31 - _INPUT_INTEGER_BITS)))
    ctx.require(op, shift >= 0, f"has the input scale {scale:g}; 2^-27 is the smallest supported")
    radius = input_radius(_INPUT_INTEGER_BITS, shift)

    def function(values: NDArray[np.int64]) -> NDArray[np.int64]:
        centred = values - zero_point
        rescaled = requantise(np.clip(centred, -radius, radius), multiplier, shift)
        inside = rounding_divide_by_pot(tanh(rescaled, _INPUT_INTEGER_BITS), 31 - 7)
        outside = np.where(centred <= -radius, -128, 127)
        return np.where(np.abs(centred) < radius, np.clip(inside, -128, 127), outside)

    lower_lookup(ctx, op, source, output, function)


def _lower_int16(ctx: Lowering, op: Operator, source: Tensor, output: Tensor) -> None:
    for tensor in (source, output):
        ctx.require(op, ctx.zero_point(op, tensor) == 0, f"has a zero point in the int16 tensor {tensor.name!r}")
    scale = ctx.scale(op, output)
    ctx.require(op, is_power_of_two(scale, -15), f"has the output scale {scale:g}; 2^-15 is needed")
    ctx.require(op, source.elements == output.elements, f"turns {list(source.shape)} into {list(output.shape)}")
    # Inputs in Q3.12 and Q4.11 need no rounding.
    exact = [power for power in (-12, -11) if is_power_of_two(ctx.scale(op, source), power)]
    multiplier, shift = (3 << (exact[0] + 12), 0) if exact else sigmoid_input_scale(ctx, op, source)
    ctx.emit(
        op,
        "tanh_s16",
        {"count": source.elements, "multiplier": multiplier, "shift": shift},
        {
            "input": ctx.value(op, source),
            "table": ctx.const(sigmoid_table(), "sigmoid_table"),
            "output": ctx.result(output),
        },
        in_place=[("output", "input")],
    )
