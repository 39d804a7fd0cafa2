"""ADD."""

from __future__ import annotations

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.elementwise import binary
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import activation_limits, activation_range, float_activation_range, smaller_than_one
from fieldwren.ops.registry import lowers

_KERNELS = {"int8": "add_s8", "int16": "add_s16", "int32": "add_s32", "float32": "add_f32"}
_HEADROOM = {"int8": 20, "int16": 15}


@lowers("ADD", dtypes=tuple(_KERNELS))
def lower_add(ctx: Lowering, op: Operator) -> None:
    """int8, int16, plain int32 and float32, with broadcasting."""
    first, second, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    ctx.require_dtype(op, first, *_KERNELS)
    for tensor in (second, output):
        ctx.require_dtype(op, tensor, first.dtype)
    if first.dtype == "int32":
        for tensor in (first, second):
            ctx.require(op, tensor.quantisation is None, f"adds the quantised int32 tensor {tensor.name!r}")
        ctx.require(op, activation_limits(ctx, op) == (None, None), "fuses an activation with an addition of int32")
    call = binary(ctx, op, first, second, output)
    if first.dtype in _HEADROOM:
        parameters: dict[str, int | float] = {
            **add_scales(ctx, op, first, second, output),
            **activation_range(ctx, op, output),
        }
    else:
        parameters = {} if first.dtype == "int32" else {**float_activation_range(ctx, op)}
    ctx.emit(op, _KERNELS[first.dtype], call.parameters | parameters, call.operands, in_place=call.in_place)


def add_scales(ctx: Lowering, op: Operator, first: Tensor, second: Tensor, output: Tensor) -> dict[str, int]:
    """Zero points, multipliers and shifts of a quantised sum: CalculateOpDataAdd."""
    scales = {"first": ctx.scale(op, first), "second": ctx.scale(op, second)}
    common = 2 * max(scales.values())
    reals = {name: scale / common for name, scale in scales.items()}
    reals["output"] = common / ((1 << _HEADROOM[output.dtype]) * ctx.scale(op, output))
    parameters: dict[str, int] = {}
    for name, tensor in (("first", first), ("second", second), ("output", output)):
        multiplier, shift = smaller_than_one(ctx, op, reals[name])
        parameters |= {
            f"{name}_zero_point": ctx.zero_point(op, tensor),
            f"{name}_multiplier": multiplier,
            f"{name}_shift": shift,
        }
    return parameters
