"""Depthwise convolutions on cores with DSP instructions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.dsp.band import band_bytes, is_inside, is_one_row, reach, reads_ahead, upright
from fieldwren.ops.dsp.conv2d import lower_conv2d_dsp
from fieldwren.ops.dsp.requantise import Channels, channels, mode
from fieldwren.ops.lowering import Lowering

_KEPT = (
    *("batches", "input_height", "input_width", "output_height", "output_width"),
    *("pad_top", "pad_left", "input_zero_point", "output_zero_point", "output_min", "output_max"),
)
_WINDOW = (*("kernel_height", "kernel_width", "stride_height", "stride_width", "dilation_height", "dilation_width"),)


def lower_depthwise_conv2d_dsp(
    ctx: Lowering,
    op: Operator,
    shape: Mapping[str, int],
    filters: NDArray[np.int8],
    bias: NDArray[np.int32],
    multiplier: NDArray[np.int32],
    shift: NDArray[np.int8],
    macs: int,
) -> bool:
    """Emits a DSP kernel for the convolution whose portable parameters are `shape`; False where none is exact or fits.

    `filters` are [channels, kh, kw].
    """
    if shape["input_channels"] == 1:
        full = {**shape, "output_channels": filters.shape[0], "groups": 1}
        return lower_conv2d_dsp(ctx, op, full, filters[..., np.newaxis], bias, multiplier, shift, macs)
    if shape["channel_multiplier"] != 1:
        return False
    wants_planes = _wants_planes(shape)
    if (is_one_row(shape) and not wants_planes) or (wants_planes and _is_one_column(shape)):
        shape, filters = upright(shape), filters.transpose(0, 2, 1)
    rows = channels(filters.reshape(filters.shape[0], -1), bias, multiplier, shift, shape)
    if rows is None:
        return False
    parameters = {
        **{name: shape[name] for name in _KEPT},
        "channels": filters.shape[0],
        "requantisation": mode(shape["output_min"], shape["output_zero_point"]),
    }
    if _is_3x3(shape):
        _emit_3x3(ctx, op, shape, rows, parameters, macs)
    elif wants_planes:
        _emit_planes(ctx, op, shape, rows, parameters, macs)
    else:
        _emit_any(ctx, op, shape, rows, parameters, macs)
    return True


def _emit_3x3(
    ctx: Lowering, op: Operator, shape: Mapping[str, int], rows: Channels, parameters: Mapping[str, int], macs: int
) -> None:
    source, output, name = ctx.input(op, 0), ctx.output(op), ctx.input(op, 1).name
    stride = shape["stride_height"]
    plane_words = ((shape["output_width"] - 1) * stride + 4) // 2 * ((shape["output_height"] - 1) * stride + 3)
    ctx.emit(
        op,
        "depthwise_conv2d_3x3_s8_dsp",
        {**parameters, "stride": stride},
        {
            "input": ctx.value(op, source),
            "weights": ctx.const(np.column_stack([rows.weights, rows.shift]), f"{name}_taps"),
            "tables": ctx.const(np.column_stack([2 * rows.bias, rows.multiplier]), f"{name}_tables"),
            "scratch": ctx.temporary(f"{output.name}_scratch", 4 * plane_words, "uint32"),
            "output": ctx.result(output),
        },
        macs=macs,
        in_place=[("output", "input")] if output.nbytes <= source.nbytes else [],
    )


def _emit_planes(
    ctx: Lowering, op: Operator, shape: Mapping[str, int], rows: Channels, parameters: Mapping[str, int], macs: int
) -> None:
    source, output, name = ctx.input(op, 0), ctx.output(op), ctx.input(op, 1).name
    stride = shape["stride_width"]
    tap_words = (shape["kernel_width"] + (2 if stride == 1 else 1)) // 2
    pairs = -(-shape["output_width"] // 2)
    row_words = tap_words - 1 + (pairs if stride == 1 else 2 * pairs)
    plane_rows = (shape["output_height"] - 1) * shape["stride_height"] + shape["kernel_height"]
    words = plane_rows * row_words + shape["kernel_height"] * tap_words * (2 if stride == 1 else 1)
    ctx.emit(
        op,
        "depthwise_conv2d_planes_s8_dsp",
        {**parameters, **{key: shape[key] for key in _WINDOW if not key.startswith("dilation")}},
        {
            "input": ctx.value(op, source),
            "weights": ctx.const(rows.weights, f"{name}_taps"),
            "tables": ctx.const(np.column_stack([2 * rows.bias, rows.multiplier]), f"{name}_tables"),
            "shift": ctx.const(rows.shift, f"{name}_shift"),
            "scratch": ctx.temporary(f"{output.name}_scratch", 4 * words, "uint32"),
            "output": ctx.result(output),
        },
        macs=macs,
        in_place=[("output", "input")] if output.nbytes <= source.nbytes else [],
    )


def _emit_any(
    ctx: Lowering, op: Operator, shape: Mapping[str, int], rows: Channels, parameters: Mapping[str, int], macs: int
) -> None:
    source, output, name = ctx.input(op, 0), ctx.output(op), ctx.input(op, 1).name
    has_band = not is_inside(shape)
    band_rows = reach(shape, "height")
    # Without a band outputs never lie behind the windows that are still to be read.
    is_in_place = not has_band or reads_ahead(shape, parameters["channels"], band_rows, 1)
    band = ctx.temporary(f"{output.name}_band", band_bytes(shape, band_rows), "int8") if has_band else None
    ctx.emit(
        op,
        "depthwise_conv2d_s8_dsp",
        {**parameters, **{key: shape[key] for key in _WINDOW}, "has_band": has_band},
        {
            "input": ctx.value(op, source),
            "weights": ctx.const(rows.weights.T, f"{name}_taps"),
            "tables": ctx.const(np.column_stack([rows.bias, rows.multiplier]), f"{name}_tables"),
            "shift": ctx.const(rows.shift, f"{name}_shift"),
            "scratch": band,
            "output": ctx.result(output),
        },
        macs=macs,
        in_place=[("output", "input")] if is_in_place else [],
    )


def _is_3x3(shape: Mapping[str, int]) -> bool:
    return (
        shape["kernel_height"] == shape["kernel_width"] == 3
        and shape["dilation_height"] == shape["dilation_width"] == 1
        and shape["stride_height"] == shape["stride_width"]
        and shape["stride_height"] in (1, 2)
    )


def _is_one_column(shape: Mapping[str, int]) -> bool:
    return shape["input_width"] == shape["output_width"] == shape["kernel_width"] == 1


def _wants_planes(shape: Mapping[str, int]) -> bool:
    """True where widening each channel's plane pays: instructions by inspection of both kernels."""
    if shape["dilation_height"] != 1 or shape["dilation_width"] != 1:
        return False
    if shape["stride_height" if _is_one_column(shape) else "stride_width"] not in (1, 2):
        return False
    taps = shape["kernel_height"] * shape["kernel_width"]
    outputs = shape["output_height"] * shape["output_width"]
    pixels = shape["input_height"] * shape["input_width"]
    return 3 * pixels + 8 * taps + outputs * (1.5 * taps + 10) < outputs * (4 * taps + 11)
