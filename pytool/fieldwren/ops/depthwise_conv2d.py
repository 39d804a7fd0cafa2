"""DEPTHWISE_CONV_2D, also dilated and with several outputs for each input channel."""

from __future__ import annotations

import numpy as np

from fieldwren.graph import Operator
from fieldwren.ops.bias import folded_bias, wide_bias
from fieldwren.ops.conv2d import FAMILY as CONVOLUTIONS
from fieldwren.ops.conv2d import lower_conv2d_int8
from fieldwren.ops.lowering import Lowering, is_adapted
from fieldwren.ops.padding import window
from fieldwren.ops.quantise import activation_range, channel_multipliers
from fieldwren.ops.registry import lowers
from fieldwren.ops.rows import requantised
from fieldwren.ops.variants import Int8Layer, lower_by_variant, variant

FAMILY = "depthwise_conv2d_s8"


@lowers("DEPTHWISE_CONV_2D", dtypes=("int8", "int16"), families=(FAMILY, CONVOLUTIONS))
def lower_depthwise_conv2d(ctx: Lowering, op: Operator) -> None:
    """Input and output NHWC, weights [1, kh, kw, channels * multiplier], stored as [channels * multiplier, kh, kw]."""
    source, weights, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    ctx.require_dtype(op, source, "int8", "int16")
    ctx.require_dtype(op, weights, "int8")
    ctx.require_dtype(op, output, source.dtype)
    filters = ctx.need_constant(op, weights, "the filter")
    shapes = f"input {list(source.shape)}, filter {list(weights.shape)} and output {list(output.shape)}"
    ctx.require(
        op,
        len(source.shape) == len(output.shape) == len(weights.shape) == 4,
        f"has {shapes}; all must have four dimensions",
    )
    batches, in_h, in_w, in_c = source.shape
    one, k_h, k_w, channels = weights.shape
    multiplier = op.options.get("depth_multiplier", 0)
    ctx.require(
        op,
        one == 1 and in_c > 0 and output.shape[0] == batches and output.shape[3] == channels == in_c * multiplier,
        f"has {shapes} with a depth multiplier of {multiplier}, which do not match",
    )
    stride_h, stride_w = op.options.get("stride_h", 1), op.options.get("stride_w", 1)
    dilation_h, dilation_w = op.options.get("dilation_h_factor", 1), op.options.get("dilation_w_factor", 1)
    pad_top = window(ctx, op, in_h, output.shape[1], k_h, stride_h, dilation_h, axis="height")
    pad_left = window(ctx, op, in_w, output.shape[2], k_w, stride_w, dilation_w, axis="width")

    shape = {
        "batches": batches,
        "input_height": in_h,
        "input_width": in_w,
        "input_channels": in_c,
        "output_height": output.shape[1],
        "output_width": output.shape[2],
        "kernel_height": k_h,
        "kernel_width": k_w,
        "stride_height": stride_h,
        "stride_width": stride_w,
        "dilation_height": dilation_h,
        "dilation_width": dilation_w,
        "pad_top": pad_top,
        "pad_left": pad_left,
        **activation_range(ctx, op, output),
    }
    by_channel = np.moveaxis(filters[0], 2, 0)
    multipliers, shifts = channel_multipliers(ctx, op, source, weights, output, channels)
    bias, name = ctx.optional_input(op, 2), weights.name
    if source.dtype == "int16":
        # A convolution with one group for each input channel. The reference has no 32-bit accumulator here.
        if bias is not None:
            ctx.require_dtype(op, bias, "int64")
        wide, is_narrow = wide_bias(ctx, op, bias, by_channel, shifts)
        operands = {
            "input": ctx.value(op, source),
            "weights": ctx.const(by_channel, name),
            "bias": ctx.const(wide, f"{name}_bias"),
            "multiplier": ctx.const(multipliers, f"{name}_multiplier"),
            "shift": ctx.const(shifts, f"{name}_shift"),
            "output": ctx.result(output),
        }
        parameters = {**shape, "output_channels": channels, "groups": in_c, "is_narrow": is_narrow}
        ctx.emit(op, "conv2d_s16", parameters, operands, macs=output.elements * k_h * k_w)
        return
    shape["input_zero_point"] = ctx.zero_point(op, source)
    shape["output_zero_point"] = ctx.zero_point(op, output)
    sums = by_channel.astype(np.int64).sum(axis=(1, 2))
    folded = folded_bias(ctx, op, bias, channels, shape["input_zero_point"], sums)
    if in_c == 1:
        as_convolution = {**shape, "output_channels": channels, "groups": 1}
        lower_conv2d_int8(ctx, op, as_convolution, by_channel[..., np.newaxis], folded, multipliers, shifts)
    else:
        layer = {**shape, "channel_multiplier": multiplier}
        macs = output.elements * k_h * k_w
        lower_by_variant(ctx, op, FAMILY, Int8Layer(layer, by_channel, folded, multipliers, shifts, macs))


@variant(FAMILY, name="portable")
def _portable(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    source, output, name = ctx.input(op, 0), ctx.output(op), ctx.input(op, 1).name
    shape = layer.shape
    channels, k_h, k_w = layer.weights.shape
    made = requantised(
        layer.weights.reshape(channels, -1),
        layer.bias,
        layer.multiplier,
        layer.shift,
        zero_point=shape["output_zero_point"],
        output_min=shape["output_min"],
        is_general=is_adapted(op),
    )
    width = (shape["output_width"] - 1) * shape["stride_width"] + (k_w - 1) * shape["dilation_width"] + 1
    may_overwrite = shape["dilation_height"] == 1 and output.nbytes <= source.nbytes
    ctx.emit(
        op,
        "depthwise_conv2d_s8",
        {**shape, "requantisation": made.kind},
        {
            "input": ctx.value(op, source),
            "weights": ctx.const(layer.weights, name),
            "bias": ctx.table(op, layer.bias, f"{name}_bias"),
            "multiplier": ctx.table(op, made.multiplier, f"{name}_multiplier"),
            "shift": ctx.table(op, made.shift, f"{name}_shift"),
            "scratch": ctx.temporary(f"{output.name}_rows", k_h * width * shape["input_channels"], "int8"),
            "output": ctx.result(output),
        },
        macs=layer.macs,
        in_place=[("output", "input")] if may_overwrite else [],
    )
    return True
