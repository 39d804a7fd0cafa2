"""SUB and SQUARED_DIFFERENCE."""

from __future__ import annotations

import numpy as np

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.arithmetic import lower_plain_arithmetic
from fieldwren.ops.elementwise import binary
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import activation_range, requantisation, smaller_than_one
from fieldwren.ops.registry import lowers

_SUFFIXES = {"int8": "s8", "int16": "s16"}
_SUB_HEADROOM = {"int8": 20, "int16": 15}
_SQUARE_HEADROOM = {"int8": 7, "int16": 0}


@lowers("SUB", dtypes=("int8", "int16", "int32", "float32"))
def lower_sub(ctx: Lowering, op: Operator) -> None:
    """int8, int16, plain int32 and float32, with broadcasting."""
    first, second, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    if first.dtype not in _SUFFIXES:
        lower_plain_arithmetic(ctx, op, "SUBTRACT")
        return
    _check(ctx, op, first, second, output)
    scales = {"first": ctx.scale(op, first), "second": ctx.scale(op, second)}
    common = 2 * max(scales.values())
    reals = {name: scale / common for name, scale in scales.items()}
    reals["output"] = common / ((1 << _SUB_HEADROOM[output.dtype]) * ctx.scale(op, output))
    parameters = activation_range(ctx, op, output)
    for name, real in reals.items():
        parameters[f"{name}_multiplier"], parameters[f"{name}_shift"] = smaller_than_one(ctx, op, real)
    _emit(ctx, op, f"sub_{_SUFFIXES[output.dtype]}", (first, second, output), parameters)


@lowers("SQUARED_DIFFERENCE", dtypes=("int8", "int16", "int32", "float32"))
def lower_squared_difference(ctx: Lowering, op: Operator) -> None:
    """int8, int16, plain int32 and float32, with broadcasting."""
    first, second, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    if first.dtype not in _SUFFIXES:
        lower_plain_arithmetic(ctx, op, "SQUARED_DIFFERENCE")
        return
    _check(ctx, op, first, second, output)
    scales = {"first": ctx.scale(op, first), "second": ctx.scale(op, second)}
    common = 2 * max(scales.values())
    info = np.iinfo(output.dtype)
    parameters = {"output_min": int(info.min), "output_max": int(info.max)}
    for name, scale in scales.items():
        parameters[f"{name}_multiplier"], parameters[f"{name}_shift"] = smaller_than_one(ctx, op, scale / common)
    # The divisor is a product of an int and a float32.
    levels = float(np.float32(1 << 2 * _SQUARE_HEADROOM[output.dtype]) * np.float32(ctx.scale(op, output)))
    real = common * common / levels
    parameters["output_multiplier"], parameters["output_shift"] = requantisation(ctx, op, real)
    _emit(ctx, op, f"squared_difference_{_SUFFIXES[output.dtype]}", (first, second, output), parameters)


def _check(ctx: Lowering, op: Operator, first: Tensor, second: Tensor, output: Tensor) -> None:
    for tensor in (second, output):
        ctx.require_dtype(op, tensor, first.dtype)
    if first.dtype == "int16":
        tensors = (first, second) if op.name == "SUB" else (first, second, output)
        for tensor in tensors:
            ctx.require(op, ctx.zero_point(op, tensor) == 0, f"has a zero point in the int16 tensor {tensor.name!r}")


def _emit(
    ctx: Lowering, op: Operator, kernel: str, tensors: tuple[Tensor, Tensor, Tensor], parameters: dict[str, int]
) -> None:
    call = binary(ctx, op, *tensors)
    for name, tensor in zip(("first", "second", "output"), tensors, strict=True):
        parameters[f"{name}_zero_point"] = ctx.zero_point(op, tensor)
    ctx.emit(op, kernel, call.parameters | parameters, call.operands, in_place=call.in_place)
