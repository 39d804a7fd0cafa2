"""EQUAL, NOT_EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL."""

from __future__ import annotations

from fieldwren.graph import DTYPE_CODES, Operator
from fieldwren.ops.elementwise import binary
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import smaller_than_one
from fieldwren.ops.registry import lowers

_LESS, _EQUAL, _GREATER, _UNORDERED = 1, 2, 4, 8
"""fw_relation_t of firmware/kernels/comparison.h."""
_ACCEPTED = {
    "EQUAL": _EQUAL,
    "NOT_EQUAL": _LESS | _GREATER | _UNORDERED,
    "GREATER": _GREATER,
    "GREATER_EQUAL": _GREATER | _EQUAL,
    "LESS": _LESS,
    "LESS_EQUAL": _LESS | _EQUAL,
}
_PLAIN = ("int32", "int64", "float32")


@lowers("EQUAL", "NOT_EQUAL", dtypes=("int8", *_PLAIN, "bool"))
@lowers("GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", dtypes=("int8", *_PLAIN))
def lower_comparison(ctx: Lowering, op: Operator) -> None:
    """int8 as the real numbers that they stand for; int32, int64, float32 and (for equality) bool as they are."""
    first, second, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    ctx.require_dtype(op, second, first.dtype)
    ctx.require_dtype(op, output, "bool")
    parameters = {"accepted": _ACCEPTED[op.name]}
    if first.dtype == "int8":
        for name, tensor in (("first", first), ("second", second)):
            multiplier, shift = smaller_than_one(ctx, op, ctx.scale(op, tensor))
            parameters |= {
                f"{name}_zero_point": ctx.zero_point(op, tensor),
                f"{name}_multiplier": multiplier,
                f"{name}_shift": shift,
            }
        kernel = "comparison_s8"
    else:
        parameters["type"] = DTYPE_CODES[first.dtype]
        kernel = "comparison"
    call = binary(ctx, op, first, second, output)
    ctx.emit(op, kernel, parameters | call.parameters, call.operands)
