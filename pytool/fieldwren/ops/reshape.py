"""Operators that only rename memory: RESHAPE, SQUEEZE, EXPAND_DIMS."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.registry import ANY, folds, lowers


@lowers("RESHAPE", "SQUEEZE", "EXPAND_DIMS", dtypes=ANY)
def lower_reshape(ctx: Lowering, op: Operator) -> None:
    """The output is the input's memory; the shape was fixed when the model was converted."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require(
        op,
        source.dtype == output.dtype and source.elements == output.elements,
        f"turns {source.dtype}{list(source.shape)} into {output.dtype}{list(output.shape)}",
    )
    ctx.alias(output, ctx.value(op, source))


@folds("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def fold_reshape(ctx: Lowering, op: Operator) -> tuple[NDArray[Any], ...] | None:
    """A constant stays one."""
    value = ctx.constant(ctx.input(op, 0))
    return None if value is None else (value,)
