"""CUMSUM."""

from __future__ import annotations

import math

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import smaller_than_one
from fieldwren.ops.registry import lowers
from fieldwren.ops.slices import axis_number, integers

_HEADROOM = 20


@lowers("CUMSUM", dtypes=("int8", "float32"))
def lower_cumsum(ctx: Lowering, op: Operator) -> None:
    """Along one constant axis, exclusive and reverse as well."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, output, source.dtype)
    ctx.require(op, source.shape == output.shape, f"turns {list(source.shape)} into {list(output.shape)}")
    (axis,) = integers(ctx, op, ctx.input(op, 1), "the axis", 1)
    axis = axis_number(ctx, op, axis, len(source.shape))
    parameters = {
        "outer": math.prod(source.shape[:axis]),
        "count": source.shape[axis],
        "inner": math.prod(source.shape[axis + 1 :]),
        "is_exclusive": int(bool(op.options.get("exclusive"))),
        "is_reverse": int(bool(op.options.get("reverse"))),
    }
    kernel = "cumsum_f32"
    if source.dtype == "int8":
        kernel = "cumsum_s8"
        real = 2 * ctx.scale(op, source) / ((1 << _HEADROOM) * ctx.scale(op, output))
        multiplier, shift = smaller_than_one(ctx, op, real)
        parameters |= {
            "input_zero_point": ctx.zero_point(op, source),
            "output_zero_point": ctx.zero_point(op, output),
            "multiplier": multiplier,
            "shift": shift,
        }
    operands = {"input": ctx.value(op, source), "output": ctx.result(output)}
    ctx.emit(op, kernel, parameters, operands, in_place=[("output", "input")])
