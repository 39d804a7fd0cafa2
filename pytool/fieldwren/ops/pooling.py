"""AVERAGE_POOL_2D, MAX_POOL_2D, L2_POOL_2D."""

from __future__ import annotations

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.padding import window
from fieldwren.ops.quantise import activation_range, float_activation_range
from fieldwren.ops.registry import lowers

_KERNELS = {"AVERAGE_POOL_2D": "average_pool2d", "MAX_POOL_2D": "max_pool2d"}
_SUFFIXES = {"int8": "s8", "int16": "s16"}
_FLOAT_OPERATIONS = {"AVERAGE_POOL_2D": 0, "MAX_POOL_2D": 1, "L2_POOL_2D": 2}
"""fw_pool_t of firmware/kernels/pooling_f32.h."""
_MAX_SCALE_DIFFERENCE = 1e-6
_MAX_WINDOW = {"int8": 1 << 23, "int16": 1 << 15}
"""Pixels whose sum cannot overflow 32 bits."""


@lowers("AVERAGE_POOL_2D", "MAX_POOL_2D", dtypes=(*_SUFFIXES, "float32"))
@lowers("L2_POOL_2D", dtypes=("float32",))
def lower_pool2d(ctx: Lowering, op: Operator) -> None:
    """Input and output NHWC; int8 and int16 with one scale and zero point: pooling does not rescale."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, output, source.dtype)
    ctx.require(
        op,
        len(source.shape) == len(output.shape) == 4
        and source.shape[0] == output.shape[0]
        and source.shape[3] == output.shape[3],
        f"turns {list(source.shape)} into {list(output.shape)}",
    )
    if source.dtype != "float32":
        check_same_scale(ctx, op, source, output)
    batches, in_h, in_w, channels = source.shape
    k_h, k_w = op.options.get("filter_height", 0), op.options.get("filter_width", 0)
    stride_h, stride_w = op.options.get("stride_h", 0), op.options.get("stride_w", 0)
    pad_top = window(ctx, op, in_h, output.shape[1], k_h, stride_h, 1, axis="height")
    pad_left = window(ctx, op, in_w, output.shape[2], k_w, stride_w, 1, axis="width")
    parameters: dict[str, int | float] = {
        "batches": batches,
        "input_height": in_h,
        "input_width": in_w,
        "channels": channels,
        "output_height": output.shape[1],
        "output_width": output.shape[2],
        "kernel_height": k_h,
        "kernel_width": k_w,
        "stride_height": stride_h,
        "stride_width": stride_w,
        "pad_top": pad_top,
        "pad_left": pad_left,
    }
    operands = {"input": ctx.value(op, source), "output": ctx.result(output)}
    if source.dtype == "float32":
        parameters |= {"operation": _FLOAT_OPERATIONS[op.name], **float_activation_range(ctx, op)}
        ctx.emit(op, "pool2d_f32", parameters, operands)
        return
    pixels = min(k_h, in_h) * min(k_w, in_w)
    ctx.require(
        op, pixels <= _MAX_WINDOW[source.dtype], f"pools {pixels} pixels; at most {_MAX_WINDOW[source.dtype]} fit"
    )
    variant = "_mve" if ctx.core.mve and source.dtype == "int8" else ""
    kernel = f"{_KERNELS[op.name]}_{_SUFFIXES[source.dtype]}{variant}"
    ctx.emit(op, kernel, parameters | activation_range(ctx, op, output), operands)


def check_same_scale(ctx: Lowering, op: Operator, source: Tensor, output: Tensor) -> None:
    """Refuses pooling between tensors of other scales or zero points."""
    ctx.require(
        op,
        abs(ctx.scale(op, source) - ctx.scale(op, output)) <= _MAX_SCALE_DIFFERENCE
        and ctx.zero_point(op, source) == ctx.zero_point(op, output),
        f"has other scales or zero points in {source.name!r} and {output.name!r}: pooling does not rescale",
    )
