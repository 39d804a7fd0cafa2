"""L2_NORMALIZATION over the last dimension."""

from __future__ import annotations

import math

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.registry import lowers

_MAX_DEPTH = (1 << 15) - 1


@lowers("L2_NORMALIZATION", dtypes=("int8", "float32"))
def lower_l2_normalization(ctx: Lowering, op: Operator) -> None:
    """float32 and int8, whose output is read with the scale 1 / 128 and the zero point 0."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, output, source.dtype)
    activation = op.options.get("fused_activation_function", "NONE")
    ctx.require(op, activation == "NONE", f"has the fused activation {activation}, which is not supported")
    ctx.require(
        op,
        len(source.shape) > 0 and source.shape == output.shape,
        f"turns {list(source.shape)} into {list(output.shape)}",
    )
    depth = source.shape[-1]
    ctx.require(op, 0 < depth <= _MAX_DEPTH, f"has rows of {depth} elements; up to {_MAX_DEPTH} are supported")
    parameters = {"rows": math.prod(source.shape[:-1]), "depth": depth}
    kernel = "l2_normalization_f32"
    if source.dtype == "int8":
        kernel = "l2_normalization_s8"
        parameters["input_zero_point"] = ctx.zero_point(op, source)
    operands = {"input": ctx.value(op, source), "output": ctx.result(output)}
    ctx.emit(op, kernel, parameters, operands, in_place=[("output", "input")])
