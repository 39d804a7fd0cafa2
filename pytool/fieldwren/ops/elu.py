"""ELU: int8 as a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.lookup import lower_lookup
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.registry import lowers


@lowers("ELU", dtypes=("int8",))
def lower_elu(ctx: Lowering, op: Operator) -> None:
    """PopulateLookupTable of the reference: every step in float32."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, output, source.dtype)
    with np.errstate(over="ignore"):
        inverse_scale = np.float32(1) / np.float32(ctx.scale(op, output))
    ctx.require(op, bool(np.isfinite(inverse_scale)), f"has the output scale {ctx.scale(op, output):g}")
    scale = np.float32(ctx.scale(op, source))
    zero_points = ctx.zero_point(op, source), ctx.zero_point(op, output)

    def function(values: NDArray[np.int64]) -> NDArray[np.int64]:
        with np.errstate(over="ignore"):
            x = scale * (values - zero_points[0]).astype(np.float32)
            exponential = np.exp(np.minimum(x, 0).astype(np.float64)).astype(np.float32)
            steps = np.where(x < 0, exponential - np.float32(1), x) * inverse_scale
            # Half away from zero, as TfLiteRound.
            rounded = np.sign(steps) * np.floor(np.abs(steps).astype(np.float64) + 0.5)
            result: NDArray[np.int64] = np.clip(rounded + zero_points[1], -128, 127).astype(np.int64)
            return result

    lower_lookup(ctx, op, source, output, function)
