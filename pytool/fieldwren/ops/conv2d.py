"""CONV_2D, also grouped and dilated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.bias import folded_bias, wide_bias
from fieldwren.ops.lowering import Lowering, is_adapted
from fieldwren.ops.padding import window
from fieldwren.ops.quantise import activation_range, channel_multipliers
from fieldwren.ops.registry import lowers
from fieldwren.ops.rows import blocked, requantised
from fieldwren.ops.variants import Int8Layer, lower_by_variant, variant

FAMILY = "conv2d_s8"


@lowers("CONV_2D", dtypes=("int8", "int16"), families=(FAMILY,))
def lower_conv2d(ctx: Lowering, op: Operator) -> None:
    """Input and output NHWC, weights [out, kh, kw, in / groups]."""
    source, weights, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    ctx.require_dtype(op, source, "int8", "int16")
    ctx.require_dtype(op, weights, "int8")
    ctx.require_dtype(op, output, source.dtype)
    filters = ctx.need_constant(op, weights, "the filter")
    ctx.require(
        op,
        len(source.shape) == len(output.shape) == len(weights.shape) == 4,
        f"has shapes {list(source.shape)}, {list(weights.shape)}, {list(output.shape)}; all must have four dimensions",
    )
    batches, in_h, in_w, in_c = source.shape
    channels, k_h, k_w, depth = weights.shape
    ctx.require(
        op,
        output.shape[0] == batches and output.shape[3] == channels and depth > 0 and in_c % depth == 0,
        f"has input {list(source.shape)}, filter {list(weights.shape)} and output {list(output.shape)}, which do not match",
    )
    groups = in_c // depth
    ctx.require(op, groups > 0 and channels % groups == 0, f"has {channels} output channels in {groups} groups")
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
        "output_channels": channels,
        "kernel_height": k_h,
        "kernel_width": k_w,
        "stride_height": stride_h,
        "stride_width": stride_w,
        "dilation_height": dilation_h,
        "dilation_width": dilation_w,
        "pad_top": pad_top,
        "pad_left": pad_left,
        "groups": groups,
        **activation_range(ctx, op, output),
    }
    multiplier, shift = channel_multipliers(ctx, op, source, weights, output, channels)
    if source.dtype == "int16":
        # The reference adds no zero points here: they are 0 by definition.
        wide, is_narrow = wide_bias(ctx, op, ctx.optional_input(op, 2), filters.reshape(channels, -1), shift)
        operands = {
            "input": ctx.value(op, source),
            "weights": ctx.const(filters, weights.name),
            "bias": ctx.const(wide, f"{weights.name}_bias"),
            "multiplier": ctx.const(multiplier, f"{weights.name}_multiplier"),
            "shift": ctx.const(shift, f"{weights.name}_shift"),
            "output": ctx.result(output),
        }
        macs = output.elements * k_h * k_w * depth
        ctx.emit(op, "conv2d_s16", {**shape, "is_narrow": is_narrow}, operands, macs=macs)
        return
    shape["input_zero_point"] = ctx.zero_point(op, source)
    shape["output_zero_point"] = ctx.zero_point(op, output)
    sums = filters.astype(np.int64).sum(axis=(1, 2, 3))
    bias = folded_bias(ctx, op, ctx.optional_input(op, 2), channels, shape["input_zero_point"], sums)
    lower_conv2d_int8(ctx, op, shape, filters, bias, multiplier, shift)


def lower_conv2d_int8(
    ctx: Lowering,
    op: Operator,
    shape: Mapping[str, int],
    filters: NDArray[np.int8],
    bias: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    shift: NDArray[np.int8],
) -> None:
    """Emits the convolution with `filters` [out, kh, kw, in / groups] whose zero points are folded into `bias`."""
    macs = ctx.output(op).elements * filters[0].size
    lower_by_variant(ctx, op, FAMILY, Int8Layer(shape, filters, bias, multiplier, shift, macs))


@variant(FAMILY, name="grouped")
def _grouped(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    if layer.shape["groups"] == 1:
        return False
    name = ctx.input(op, 1).name
    operands = {
        "input": ctx.value(op, ctx.input(op, 0)),
        "bias": ctx.table(op, layer.bias, f"{name}_bias"),
        "weights": ctx.const(layer.weights, name),
        "multiplier": ctx.table(op, layer.multiplier, f"{name}_multiplier"),
        "shift": ctx.table(op, layer.shift, f"{name}_shift"),
        "output": ctx.result(ctx.output(op)),
    }
    ctx.emit(op, "conv2d_grouped_s8", layer.shape, operands, macs=layer.macs)
    return True


@variant(FAMILY, name="portable")
def _portable(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    shape = layer.shape
    if shape["groups"] != 1:
        return False
    source, output, name = ctx.input(op, 0), ctx.output(op), ctx.input(op, 1).name
    channels, depth = layer.weights.shape[0], int(np.prod(layer.weights.shape[1:]))
    rows = layer.weights.reshape(channels, depth)
    made = requantised(
        rows,
        layer.bias,
        layer.multiplier,
        layer.shift,
        zero_point=shape["output_zero_point"],
        output_min=shape["output_min"],
        is_general=is_adapted(op),
    )
    operands = {
        "input": ctx.value(op, source),
        "bias": ctx.table(op, layer.bias, f"{name}_bias"),
        "weights": ctx.const(blocked(rows), name),
        "multiplier": ctx.table(op, made.multiplier, f"{name}_multiplier"),
        "shift": ctx.table(op, made.shift, f"{name}_shift"),
        "scratch": ctx.temporary(f"{output.name}_windows", 2 * depth, "int8"),
        "output": ctx.result(output),
    }
    parameters = {key: value for key, value in shape.items() if key != "groups"}
    # Windows of one pixel are copied before anything is written over them.
    ones = ("kernel_height", "kernel_width", "stride_height", "stride_width")
    is_pointwise = all(shape[key] == 1 for key in ones)
    ctx.emit(
        op,
        "conv2d_s8",
        {**parameters, "requantisation": made.kind},
        operands,
        macs=layer.macs,
        in_place=[("output", "input")] if is_pointwise and output.nbytes <= source.nbytes else [],
    )
    return True
