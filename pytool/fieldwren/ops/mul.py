"""MUL."""

from __future__ import annotations

import numpy as np

from fieldwren.graph import Operator
from fieldwren.ops.elementwise import binary
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import activation_limits, activation_range, float_activation_range, requantisation
from fieldwren.ops.registry import lowers

_KERNELS = {"int8": "mul_s8", "int16": "mul_s16", "int32": "mul_s32", "float32": "mul_f32"}


@lowers("MUL", dtypes=tuple(_KERNELS))
def lower_mul(ctx: Lowering, op: Operator) -> None:
    """int8, int16 without zero points, plain int32 and float32, with broadcasting."""
    first, second, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    ctx.require_dtype(op, first, *_KERNELS)
    for tensor in (second, output):
        ctx.require_dtype(op, tensor, first.dtype)
    if first.dtype == "int16":
        for tensor in (first, second, output):
            ctx.require(op, ctx.zero_point(op, tensor) == 0, f"has a zero point in the int16 tensor {tensor.name!r}")
    call = binary(ctx, op, first, second, output)
    parameters: dict[str, int | float] = dict(call.parameters)
    if first.dtype in ("int8", "int16"):
        real = ctx.scale(op, first) * ctx.scale(op, second) / ctx.scale(op, output)
        multiplier, shift = requantisation(ctx, op, real)
        parameters |= {
            "first_zero_point": ctx.zero_point(op, first),
            "second_zero_point": ctx.zero_point(op, second),
            "output_zero_point": ctx.zero_point(op, output),
            "multiplier": multiplier,
            "shift": shift,
            **activation_range(ctx, op, output),
        }
    elif first.dtype == "int32":
        # The product is not rescaled, whatever scales the tensors name, and the activation counts in units of it.
        info = np.iinfo(np.int32)
        low, high = activation_limits(ctx, op)
        parameters |= {
            "output_min": int(info.min) if low is None else int(low),
            "output_max": int(info.max) if high is None else int(high),
        }
    else:
        parameters |= float_activation_range(ctx, op)
    ctx.emit(op, _KERNELS[first.dtype], parameters, call.operands, in_place=call.in_place)
