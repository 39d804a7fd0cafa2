"""MAXIMUM, MINIMUM, LOGICAL_OR, LOGICAL_AND, LOGICAL_NOT."""

from __future__ import annotations

import numpy as np

from fieldwren.graph import DTYPE_CODES, Operator
from fieldwren.ops.elementwise import binary
from fieldwren.ops.lookup import lower_lookup
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.registry import lowers

_NUMBERS = ("int8", "int16", "int32", "int64", "float32")


@lowers("MAXIMUM", "MINIMUM", dtypes=_NUMBERS)
def lower_extremum(ctx: Lowering, op: Operator) -> None:
    """Of the stored numbers, whatever their scales, with broadcasting."""
    _lower(ctx, op, _NUMBERS, is_maximum=op.name == "MAXIMUM")


@lowers("LOGICAL_OR", "LOGICAL_AND", dtypes=("bool",))
def lower_logical(ctx: Lowering, op: Operator) -> None:
    """Truth values, with broadcasting: the larger or the smaller of two numbers 0 or 1."""
    _lower(ctx, op, ("bool",), is_maximum=op.name == "LOGICAL_OR")


def _lower(ctx: Lowering, op: Operator, dtypes: tuple[str, ...], *, is_maximum: bool) -> None:
    first, second, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    ctx.require_dtype(op, first, *dtypes)
    for tensor in (second, output):
        ctx.require_dtype(op, tensor, first.dtype)
    call = binary(ctx, op, first, second, output)
    kind = {"type": DTYPE_CODES[first.dtype], "is_maximum": int(is_maximum)}
    ctx.emit(op, "extremum", kind | call.parameters, call.operands, in_place=call.in_place)


@lowers("LOGICAL_NOT", dtypes=("bool",))
def lower_logical_not(ctx: Lowering, op: Operator) -> None:
    """Truth values."""
    source, output = ctx.input(op, 0), ctx.output(op)
    for tensor in (source, output):
        ctx.require_dtype(op, tensor, "bool")
    lower_lookup(ctx, op, source, output, lambda values: np.equal(values, 0).astype(np.int64))
