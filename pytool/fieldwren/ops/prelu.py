"""PRELU."""

from __future__ import annotations

from fieldwren.graph import Operator
from fieldwren.ops.elementwise import binary
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import requantisation
from fieldwren.ops.registry import lowers

_KERNELS = {"int8": "prelu_s8", "int16": "prelu_s16", "float32": "prelu_f32"}


@lowers("PRELU", dtypes=tuple(_KERNELS))
def lower_prelu(ctx: Lowering, op: Operator) -> None:
    """int8, int16 and float32 with slopes (int8 beside int16) that broadcast to the input."""
    source, slopes, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    ctx.require_dtype(op, source, *_KERNELS)
    ctx.require_dtype(op, output, source.dtype)
    ctx.require_dtype(op, slopes, "float32" if source.dtype == "float32" else "int8")
    ctx.require(op, source.shape == output.shape, f"turns {list(source.shape)} into {list(output.shape)}")
    call = binary(ctx, op, source, slopes, output)
    parameters = dict(call.parameters)
    if source.dtype != "float32":
        ratio = ctx.scale(op, source) / ctx.scale(op, output)
        product = ctx.scale(op, source) * ctx.scale(op, slopes) / ctx.scale(op, output)
        for name, real in (("positive", ratio), ("negative", product)):
            parameters[f"{name}_multiplier"], parameters[f"{name}_shift"] = requantisation(ctx, op, real)
        for name, tensor in (("input", source), ("slope", slopes), ("output", output)):
            parameters[f"{name}_zero_point"] = ctx.zero_point(op, tensor)
    in_place = [pair for pair in call.in_place if pair[1] == "first"]
    ctx.emit(op, _KERNELS[source.dtype], parameters, call.operands, in_place=in_place)
