"""CAST between number types."""

from __future__ import annotations

from fieldwren.graph import DTYPE_CODES, Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.registry import lowers

_INPUTS = ("int8", "int16", "int32", "uint32", "float32", "bool")
_OUTPUTS = ("int8", "int16", "int32", "uint32", "float32")


@lowers("CAST", dtypes=_INPUTS)
def lower_cast(ctx: Lowering, op: Operator) -> None:
    """Values, not bits; quantisation plays no part."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, *_INPUTS)
    ctx.require_dtype(op, output, *_OUTPUTS)
    ctx.require(op, source.elements == output.elements, f"casts {list(source.shape)} into {list(output.shape)}")
    if source.dtype == output.dtype:
        ctx.alias(output, ctx.value(op, source))
        return
    parameters = {
        "elements": output.elements,
        "input_type": DTYPE_CODES[source.dtype],
        "output_type": DTYPE_CODES[output.dtype],
    }
    ctx.emit(op, "cast", parameters, {"input": ctx.value(op, source), "output": ctx.result(output)})
