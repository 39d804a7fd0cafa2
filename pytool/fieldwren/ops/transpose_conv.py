"""TRANSPOSE_CONV."""

from __future__ import annotations

import numpy as np

from fieldwren.graph import Operator
from fieldwren.ops.bias import folded_bias, wide_bias
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.padding import LIMIT, SAME
from fieldwren.ops.quantise import activation_range, channel_multipliers
from fieldwren.ops.registry import lowers


@lowers("TRANSPOSE_CONV", dtypes=("int8", "int16"), dtype_of=2)
def lower_transpose_conv(ctx: Lowering, op: Operator) -> None:
    """Input and output NHWC, weights [out, kh, kw, in]. The output's shape is the tensor's; input 0 only repeats it."""
    weights, source, output = ctx.input(op, 1), ctx.input(op, 2), ctx.output(op)
    ctx.require_dtype(op, weights, "int8")
    ctx.require_dtype(op, output, source.dtype)
    filters = ctx.need_constant(op, weights, "the filter")
    shapes = (source.shape, weights.shape, output.shape)
    ctx.require(
        op,
        all(len(shape) == 4 for shape in shapes)
        and source.shape[0] == output.shape[0]
        and source.shape[3] == weights.shape[3]
        and weights.shape[0] == output.shape[3]
        and all(0 not in shape for shape in shapes),
        f"has input {list(source.shape)}, filter {list(weights.shape)} and output {list(output.shape)}, which do not match",
    )
    channels, k_h, k_w, depth = weights.shape
    stride_h, stride_w = op.options.get("stride_h", 0), op.options.get("stride_w", 0)
    pad_top, pad_left = _padding(ctx, op, (output.shape[1], output.shape[2]), (k_h, k_w), (stride_h, stride_w))
    parameters = {
        "batches": source.shape[0],
        "input_height": source.shape[1],
        "input_width": source.shape[2],
        "input_channels": depth,
        "output_height": output.shape[1],
        "output_width": output.shape[2],
        "output_channels": channels,
        "kernel_height": k_h,
        "kernel_width": k_w,
        "stride_height": stride_h,
        "stride_width": stride_w,
        "pad_top": pad_top,
        "pad_left": pad_left,
        "input_zero_point": ctx.zero_point(op, source),
        "output_zero_point": ctx.zero_point(op, output),
        **activation_range(ctx, op, output),
    }
    multiplier, shift = channel_multipliers(ctx, op, source, weights, output, channels)
    operands = {
        "input": ctx.value(op, source),
        "weights": ctx.const(filters, weights.name),
        "multiplier": ctx.const(multiplier, f"{weights.name}_multiplier"),
        "shift": ctx.const(shift, f"{weights.name}_shift"),
    }
    bias = ctx.optional_input(op, 3)
    macs = source.elements * channels * k_h * k_w
    if source.dtype == "int16":
        ctx.require(op, parameters["input_zero_point"] == 0 == parameters["output_zero_point"], "has int16 zero points")
        if bias is not None:
            # The reference reads any other bias than int16 as int64.
            ctx.require_dtype(op, bias, "int16", "int64")
        wide, _ = wide_bias(ctx, op, bias, filters.reshape(channels, -1), shift, always_wide=True)
        operands |= {"bias": ctx.const(wide, f"{weights.name}_bias"), "output": ctx.result(output)}
        ctx.emit(op, "transpose_conv_s16", parameters, operands, macs=macs)
        return
    plain = folded_bias(ctx, op, bias, channels, 0, np.zeros(channels, np.int64))
    operands |= {"bias": ctx.const(plain, f"{weights.name}_bias"), "output": ctx.result(output)}
    ctx.emit(op, "transpose_conv_s8", parameters, operands, macs=macs)


def _padding(
    ctx: Lowering, op: Operator, output: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int]
) -> tuple[int, int]:
    """(top, left) padding of the convolution that would turn the output into the input: ComputePaddingHeightWidth."""
    steps = []
    for out, taps, step in zip(output, kernel, stride, strict=True):
        ctx.require(op, 0 < step <= LIMIT, f"has stride {step}; strides of 1 to 2^24 are supported")
        ctx.require(op, max(out, taps) <= LIMIT, f"has kernel {taps} and output size {out}: too large")
        size = out + step - (1 if op.options.get("padding", SAME) == SAME else taps)
        steps.append(abs(size) // step * (1 if size >= 0 else -1))
    if min(steps) < 0:
        # The kernel hangs over the output by more than a stride: the reference finds no size, and pads nothing.
        return 0, 0
    top, left = (
        max((count - 1) * step + taps - out, 0) // 2
        for count, out, taps, step in zip(steps, output, kernel, stride, strict=True)
    )
    return top, left
