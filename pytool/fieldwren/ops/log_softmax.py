"""LOG_SOFTMAX over the last dimension."""

from __future__ import annotations

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import smaller_than_one
from fieldwren.ops.registry import lowers
from fieldwren.ops.softmax import check_output, difference_scale

_MAX_DEPTH = (1 << 12) - 1
"""More exponentials could overflow the 32 bits in which they are summed up."""


@lowers("LOG_SOFTMAX", dtypes=("int8", "float32"))
def lower_log_softmax(ctx: Lowering, op: Operator) -> None:
    """int8 to int8 with scale 1 / 16 and zero point 127, float32."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, "int8", "float32")
    ctx.require_dtype(op, output, source.dtype)
    ctx.require(
        op,
        len(source.shape) > 0 and source.shape == output.shape and source.elements > 0,
        f"turns {list(source.shape)} into {list(output.shape)}",
    )
    depth = source.shape[-1]
    rows = {"rows": source.elements // depth, "depth": depth}
    if source.dtype == "int8":
        _lower_int8(ctx, op, source, output, rows)
        return
    operands = {"input": ctx.value(op, source), "output": ctx.result(output)}
    ctx.emit(op, "log_softmax_f32", rows, operands, in_place=[("output", "input")])


def _lower_int8(ctx: Lowering, op: Operator, source: Tensor, output: Tensor, rows: dict[str, int]) -> None:
    ctx.require(op, rows["depth"] <= _MAX_DEPTH, f"has {rows['depth']} classes; up to {_MAX_DEPTH} are supported")
    check_output(ctx, op, output, 127, 1 / 16, 0.0)
    scale = difference_scale(ctx, op, 1.0, source)
    # The inverse, as PreprocessLogSoftmaxScalingExp takes it.
    reverse_multiplier, reverse_shift = smaller_than_one(ctx, op, (1 << (31 - scale.shift)) / scale.multiplier)
    ctx.emit(
        op,
        "log_softmax_s8",
        {
            **rows,
            "multiplier": scale.multiplier,
            "shift": scale.shift,
            "reverse_multiplier": reverse_multiplier,
            "reverse_shift": reverse_shift,
            "smallest_difference": scale.smallest_difference,
        },
        {"input": ctx.value(op, source), "output": ctx.result(output)},
        in_place=[("output", "input")],
    )
