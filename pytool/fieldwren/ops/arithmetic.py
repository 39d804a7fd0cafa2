"""DIV, FLOOR_DIV, FLOOR_MOD, and all binary arithmetic of plain int32 and float32 tensors."""

from __future__ import annotations

import numpy as np

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.elementwise import binary
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import activation_limits, activation_range, float_activation_range, requantisation
from fieldwren.ops.registry import lowers

_OPERATIONS = {"SUBTRACT": 0, "DIVIDE": 1, "SQUARED_DIFFERENCE": 2, "FLOOR_DIVIDE": 3, "FLOOR_MODULO": 4}
"""fw_arithmetic_t of firmware/kernels/arithmetic.h."""
_WITH_ACTIVATION = ("SUB", "DIV")
_MAX_QUOTIENT_SHIFT = 23


def lower_plain_arithmetic(ctx: Lowering, op: Operator, operation: str, *, integers: bool = True) -> None:
    """Arithmetic on the stored numbers of int32 (if `integers`) or float32 tensors, with broadcasting."""
    first, second, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    ctx.require_dtype(op, first, *(("int32", "float32") if integers else ("float32",)))
    for tensor in (second, output):
        ctx.require_dtype(op, tensor, first.dtype)
    has_activation = op.name in _WITH_ACTIVATION
    parameters: dict[str, int | float] = {"operation": _OPERATIONS[operation]}
    if first.dtype == "int32":
        if has_activation:
            _check_plain(ctx, op, first, second)
        # The activation counts in units of the stored numbers.
        low, high = activation_limits(ctx, op) if has_activation else (None, None)
        info = np.iinfo(np.int32)
        parameters["output_min"] = int(info.min) if low is None else int(low)
        parameters["output_max"] = int(info.max) if high is None else int(high)
    else:
        parameters["is_clamped"] = int(has_activation)
        no_range = {"output_min": 0.0, "output_max": 0.0}
        parameters |= float_activation_range(ctx, op) if has_activation else no_range
    call = binary(ctx, op, first, second, output)
    kernel = "arithmetic_s32" if first.dtype == "int32" else "arithmetic_f32"
    ctx.emit(op, kernel, call.parameters | parameters, call.operands, in_place=call.in_place)


def _check_plain(ctx: Lowering, op: Operator, *tensors: Tensor) -> None:
    for tensor in tensors:
        ctx.require(op, tensor.quantisation is None, f"has the quantised int32 tensor {tensor.name!r}")


@lowers("DIV", dtypes=("int8", "int32", "float32"))
def lower_div(ctx: Lowering, op: Operator) -> None:
    """int8, plain int32 (truncating) and float32, with broadcasting."""
    first, second, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    if first.dtype != "int8":
        lower_plain_arithmetic(ctx, op, "DIVIDE")
        return
    for tensor in (second, output):
        ctx.require_dtype(op, tensor, "int8")
    real = ctx.scale(op, first) / (ctx.scale(op, second) * ctx.scale(op, output))
    multiplier, shift = requantisation(ctx, op, real)
    ctx.require(
        op,
        shift <= _MAX_QUOTIENT_SHIFT,
        f"has scales whose ratio is {real:g}; ratios up to 2^{_MAX_QUOTIENT_SHIFT} are supported",
    )
    call = binary(ctx, op, first, second, output)
    ctx.emit(
        op,
        "div_s8",
        {
            **call.parameters,
            "first_zero_point": ctx.zero_point(op, first),
            "second_zero_point": ctx.zero_point(op, second),
            "output_zero_point": ctx.zero_point(op, output),
            "multiplier": multiplier,
            "shift": shift,
            **activation_range(ctx, op, output),
        },
        call.operands,
        in_place=call.in_place,
    )


@lowers("FLOOR_DIV", dtypes=("float32",))
def lower_floor_div(ctx: Lowering, op: Operator) -> None:
    """float32, with broadcasting."""
    lower_plain_arithmetic(ctx, op, "FLOOR_DIVIDE", integers=False)


@lowers("FLOOR_MOD", dtypes=("float32",))
def lower_floor_mod(ctx: Lowering, op: Operator) -> None:
    """float32, with broadcasting; the result has the sign of the divisor."""
    lower_plain_arithmetic(ctx, op, "FLOOR_MODULO", integers=False)
