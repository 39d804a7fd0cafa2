"""L2_NORMALIZATION of int8 over the last dimension."""

from __future__ import annotations

import math

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.registry import lowers

_MAX_DEPTH = (1 << 15) - 1


@lowers("L2_NORMALIZATION", dtypes=("int8",))
def lower_l2_normalization(ctx: Lowering, op: Operator) -> None:
    """The output is read with the scale 1 / 128 and the zero point 0."""
    source, output = ctx.input(op, 0), ctx.output(op)
    for tensor in (source, output):
        ctx.require_dtype(op, tensor, "int8")
    activation = op.options.get("fused_activation_function", "NONE")
    ctx.require(op, activation == "NONE", f"has the fused activation {activation}, which is not supported")
    ctx.require(
        op,
        len(source.shape) > 0 and source.shape == output.shape,
        f"turns {list(source.shape)} into {list(output.shape)}",
    )
    depth = source.shape[-1]
    ctx.require(op, 0 < depth <= _MAX_DEPTH, f"has rows of {depth} elements; up to {_MAX_DEPTH} are supported")
    ctx.emit(
        op,
        "l2_normalization_s8",
        {"rows": math.prod(source.shape[:-1]), "depth": depth, "input_zero_point": ctx.zero_point(op, source)},
        {"input": ctx.value(op, source), "output": ctx.result(output)},
        in_place=[("output", "input")],
    )
