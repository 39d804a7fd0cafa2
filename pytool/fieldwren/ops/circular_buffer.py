"""CIRCULAR_BUFFER, the custom operator of streaming convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.custom_options import custom_options, integer
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.registry import lowers

NAME = "CIRCULAR_BUFFER"
_MAX_PERIOD = 1 << 20
_EVERY_TIME = (5, 13, 25)
"""Slots of the buffers that the reference runs every time when the model names no period."""


@lowers(NAME, dtypes=("int8",))
def lower_circular_buffer(ctx: Lowering, op: Operator) -> None:
    """Input [n, 1, width, depth], output [n, slots, width, depth], a state tensor.

    Where the period (option cycles_max) is above 1, the rest of the model runs every so many inferences only; in
    between its outputs keep their values. The reference leaves in its outputs then what was in memory.
    """
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, output, "int8")
    ctx.require(
        op,
        len(source.shape) == len(output.shape) == 4
        and source.shape[1] == 1
        and output.shape[1] > 0
        and (1, *source.shape[2:]) == (output.shape[0], *output.shape[2:])
        and source.shape[0] == 1,
        f"turns {list(source.shape)} into {list(output.shape)}",
    )
    ctx.require(op, output.is_variable, f"writes {output.name!r}, which is no variable tensor: nothing keeps it")
    state = ctx.value(op, output)
    period = _period(ctx, op, output)
    cycle = ctx.state(f"{output.name}_cycle", 8, "int32", np.array([period, 0], np.int32))
    parameters = {"slots": output.shape[1], "depth": output.shape[2] * output.shape[3], "period": period}
    operands = {"input": ctx.value(op, source), "buffer": state, "cycle": cycle}
    ctx.emit(op, "circular_buffer", parameters, operands)
    if period > 1:
        ctx.skip_rest(op, cycle.buffer, 4)


def _period(ctx: Lowering, op: Operator, output: Tensor) -> int:
    """The option cycles_max; without it what the reference guesses from the shapes of the models it was made for."""
    options: Any = custom_options(ctx, op) if op.custom_options else {}
    if options.get("cycles_max", 0) != 0:
        return integer(ctx, op, options, "cycles_max", 1, _MAX_PERIOD)
    unnamed = [other for other in ctx.subgraph.operators if other.name == NAME and other.index <= op.index]
    if output.shape[1] in _EVERY_TIME or (len(unnamed) == 5 and output.shape[2:] == (2, 96)):
        return 1
    return 2
