"""ARG_MAX and ARG_MIN."""

from __future__ import annotations

import math

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.registry import lowers
from fieldwren.ops.slices import axis_number, integers

_KERNELS = {"int8": "arg_min_max_s8", "float32": "arg_min_max_f32"}


@lowers("ARG_MAX", "ARG_MIN", dtypes=tuple(_KERNELS))
def lower_arg_min_max(ctx: Lowering, op: Operator) -> None:
    """The first index of the extreme along one constant axis, as int32."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, output, "int32")
    ctx.require_dtype(op, ctx.input(op, 1), "int32")
    (axis,) = integers(ctx, op, ctx.input(op, 1), "the axis", 1)
    axis = axis_number(ctx, op, axis, len(source.shape))
    expected = source.shape[:axis] + source.shape[axis + 1 :]
    ctx.require(
        op,
        0 not in source.shape and output.shape == expected,
        f"turns {list(source.shape)} into {list(output.shape)} along axis {axis}; {list(expected)} follows",
    )
    parameters = {
        "outer": math.prod(source.shape[:axis]),
        "count": source.shape[axis],
        "inner": math.prod(source.shape[axis + 1 :]),
        "is_max": int(op.name == "ARG_MAX"),
    }
    ctx.emit(op, _KERNELS[source.dtype], parameters, {"input": ctx.value(op, source), "output": ctx.result(output)})
