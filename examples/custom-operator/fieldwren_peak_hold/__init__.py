"""PeakHold: the largest value of each element so far, which sinks by `decay` steps an inference (as level meters do)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fieldwren.plugin import Lowering, Operator, add_kernels, custom_options, integer, lowers

add_kernels(Path(__file__).parent / "firmware")


@lowers("PeakHold", dtypes=("int8",))
def lower_peak_hold(ctx: Lowering, op: Operator) -> None:
    """int8 of any shape; input and output have one scale and zero point. After a reset all peaks are at their lowest."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, output, "int8")
    ctx.require(op, source.shape == output.shape, f"turns {list(source.shape)} into {list(output.shape)}")
    same = ctx.scale(op, source) == ctx.scale(op, output) and ctx.zero_point(op, source) == ctx.zero_point(op, output)
    ctx.require(op, same, "has other scales or zero points in its input and output, and does not rescale")
    decay = integer(ctx, op, custom_options(ctx, op), "decay", 0, 255)
    peaks = ctx.state(f"{output.name}_peaks", source.nbytes, "int8", np.full(source.elements, -128, np.int8))
    ctx.emit(
        op,
        "peak_hold_s8",
        {"count": source.elements, "decay": decay},
        {"input": ctx.value(op, source), "peaks": peaks, "output": ctx.result(output)},
        in_place=[("output", "input")],
    )
