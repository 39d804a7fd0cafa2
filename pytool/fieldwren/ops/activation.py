"""RELU, RELU6 and RELU_N1_TO_1 as operators of their own."""

from __future__ import annotations

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.conversion import lower_requantisation
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import quantised_limits
from fieldwren.ops.registry import lowers

_RANGES = {"RELU": (0.0, None), "RELU6": (0.0, 6.0), "RELU_N1_TO_1": (-1.0, 1.0)}
_SUFFIXES = {"int8": "s8", "int16": "s16"}


@lowers("RELU", "RELU6", "RELU_N1_TO_1", dtypes=("float32", *_SUFFIXES))
def lower_relu(ctx: Lowering, op: Operator) -> None:
    """int8, int16 and float32. RELU and RELU_N1_TO_1 rescale; RELU6 of the reference does not."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, "float32", *_SUFFIXES)
    ctx.require_dtype(op, output, source.dtype)
    ctx.require(op, source.elements == output.elements, f"turns {list(source.shape)} into {list(output.shape)}")
    if source.dtype == "float32":
        _lower_float(ctx, op, source, output)
        return
    if source.dtype == "int16" and op.name != "RELU6":
        for tensor in (source, output):
            ctx.require(op, ctx.zero_point(op, tensor) == 0, f"has a zero point in the int16 tensor {tensor.name!r}")
    if op.name == "RELU6":
        # The reference clamps by the input's scale, and takes the output's for the same.
        low, high = quantised_limits(ctx, op, source, *_RANGES[op.name])
        _emit_clamp(ctx, op, source, output, ctx.zero_point(op, source), high)
        return
    low, high = quantised_limits(ctx, op, output, *_RANGES[op.name])
    real = ctx.scale(op, source) / ctx.scale(op, output)
    if real == 1.0 and ctx.zero_point(op, source) == ctx.zero_point(op, output):
        _emit_clamp(ctx, op, source, output, low, high)
    else:
        lower_requantisation(ctx, op, source, output, real, (low, high))


def _emit_clamp(ctx: Lowering, op: Operator, source: Tensor, output: Tensor, low: int, high: int) -> None:
    ctx.emit(
        op,
        f"clamp_{_SUFFIXES[source.dtype]}",
        {"count": source.elements, "output_min": low, "output_max": high},
        {"input": ctx.value(op, source), "output": ctx.result(output)},
        in_place=[("output", "input")],
    )


def _lower_float(ctx: Lowering, op: Operator, source: Tensor, output: Tensor) -> None:
    low, high = _RANGES[op.name]
    kernel, limits = ("relu_f32", {}) if high is None else ("clamp_f32", {"output_min": low, "output_max": high})
    ctx.emit(
        op,
        kernel,
        {"count": source.elements, **limits},
        {"input": ctx.value(op, source), "output": ctx.result(output)},
        in_place=[("output", "input")],
    )
