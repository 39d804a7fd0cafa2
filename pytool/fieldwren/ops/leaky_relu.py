"""LEAKY_RELU."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.fixed_point import requantise
from fieldwren.ops.lookup import lower_lookup
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import requantisation
from fieldwren.ops.registry import lowers


@lowers("LEAKY_RELU", dtypes=("int8", "int16", "float32"))
def lower_leaky_relu(ctx: Lowering, op: Operator) -> None:
    """int8 as a table, int16 and float32; `alpha`, the slope below 0, may be negative."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, "int8", "int16", "float32")
    ctx.require_dtype(op, output, source.dtype)
    ctx.require(op, source.elements == output.elements, f"turns {list(source.shape)} into {list(output.shape)}")
    slope = np.float32(op.options.get("alpha", 0.0))
    ctx.require(op, bool(np.isfinite(slope)), f"has the slope {slope}")
    if source.dtype == "float32":
        ctx.emit(
            op,
            "leaky_relu_f32",
            {"count": source.elements, "slope": float(slope)},
            {"input": ctx.value(op, source), "output": ctx.result(output)},
            in_place=[("output", "input")],
        )
        return
    negative = ctx.scale(op, source) * float(slope) / ctx.scale(op, output)
    positive = ctx.scale(op, source) / ctx.scale(op, output)
    zero_points = ctx.zero_point(op, source), ctx.zero_point(op, output)
    positive_multiplier, positive_shift = requantisation(ctx, op, positive)
    negative_multiplier, negative_shift = requantisation(ctx, op, abs(negative))
    if source.dtype == "int8":

        def function(values: NDArray[np.int64]) -> NDArray[np.int64]:
            x = values - zero_points[0]
            below = requantise(x, negative_multiplier, negative_shift) * (-1 if negative < 0 else 1)
            scaled = np.where(x >= 0, requantise(x, positive_multiplier, positive_shift), below)
            result: NDArray[np.int64] = np.clip(scaled + zero_points[1], -128, 127)
            return result

        lower_lookup(ctx, op, source, output, function)
        return
    ctx.emit(
        op,
        "leaky_relu_s16",
        {
            "count": source.elements,
            "input_zero_point": zero_points[0],
            "output_zero_point": zero_points[1],
            "positive_multiplier": positive_multiplier,
            "positive_shift": positive_shift,
            "negative_multiplier": negative_multiplier,
            "negative_shift": negative_shift,
            "is_slope_negative": int(negative < 0),
        },
        {"input": ctx.value(op, source), "output": ctx.result(output)},
        in_place=[("output", "input")],
    )
