"""Depthwise convolutions on cores with DSP instructions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from fieldwren.graph import Operator
from fieldwren.ops.dsp.band import band_bytes, is_inside, is_one_row, reach, reads_ahead, upright
from fieldwren.ops.dsp.requantise import Channels, channels, mode
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.variants import Int8Layer, variant

_KEPT = (
    *("batches", "input_height", "input_width", "output_height", "output_width"),
    *("pad_top", "pad_left", "input_zero_point", "output_zero_point", "output_min", "output_max"),
)
_WINDOW = (*("kernel_height", "kernel_width", "stride_height", "stride_width", "dilation_height", "dilation_width"),)


@variant("depthwise_conv2d_s8", name="3x3", needs="dsp")
def lower_3x3(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    """Filters of 3×3 with one stride of 1 or 2: a plane of each channel, the weights in registers."""
    rows = _channels(layer) if _is_3x3(layer.shape) else None
    if rows is not None:
        _emit_3x3(ctx, op, layer.shape, rows, _parameters(layer.shape, rows), layer.macs)
    return rows is not None


@variant("depthwise_conv2d_s8", name="planes", needs="dsp")
def lower_planes(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    """A plane of each channel: pays where windows overlap much."""
    if _is_one_column(layer.shape):
        layer = _upright(layer)
    shape = layer.shape
    fits = shape["dilation_height"] == shape["dilation_width"] == 1 and shape["stride_width"] in (1, 2)
    rows = _channels(layer) if fits else None
    if rows is not None:
        _emit_planes(ctx, op, shape, rows, _parameters(shape, rows), layer.macs)
    return rows is not None


@variant("depthwise_conv2d_s8", name="taps", needs="dsp")
def lower_taps(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    """Any filter: four channels of an output at a time."""
    if is_one_row(layer.shape):
        layer = _upright(layer)
    rows = _channels(layer)
    if rows is not None:
        _emit_any(ctx, op, layer.shape, rows, _parameters(layer.shape, rows), layer.macs)
    return rows is not None


def _upright(layer: Int8Layer) -> Int8Layer:
    return replace(layer, shape=upright(layer.shape), weights=layer.weights.transpose(0, 2, 1))


def _channels(layer: Int8Layer) -> Channels | None:
    """The channels of a layer with one output for each input channel; None where the kernels would not be exact."""
    if layer.shape["channel_multiplier"] != 1:
        return None
    flat = layer.weights.reshape(layer.weights.shape[0], -1)
    return channels(flat, layer.bias, layer.multiplier, layer.shift, layer.shape)


def _parameters(shape: Mapping[str, int], rows: Channels) -> dict[str, int]:
    return {
        **{name: shape[name] for name in _KEPT},
        "channels": rows.weights.shape[0],
        "requantisation": mode(shape["output_min"], shape["output_zero_point"]),
    }


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
