"""Convolutions on cores with DSP instructions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.dsp.band import band_bytes, is_inside, is_one_row, reach, reads_ahead, upright
from fieldwren.ops.dsp.channels import padded, padded_to_pairs, weight_stream
from fieldwren.ops.dsp.fully_connected import lower_dots, lower_plain, lower_widened
from fieldwren.ops.dsp.requantise import channels, mode
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.variants import Int8Layer, variant
from fieldwren.program import Operand

_PIXELS = 3
_GEOMETRY = (
    *("batches", "input_height", "input_width", "input_channels", "output_height", "output_width"),
    *("kernel_height", "kernel_width", "stride_height", "stride_width", "dilation_height", "dilation_width"),
    *("pad_top", "pad_left", "input_zero_point"),
)


@variant("conv2d_s8", name="vector, widened", needs="dsp")
def lower_vector_widened(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    """Images of one window: a fully connected layer."""
    flat = _as_vector(layer)
    return flat is not None and lower_widened(ctx, op, flat)


@variant("conv2d_s8", name="vector, plain", needs="dsp")
def lower_vector_plain(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    """As lower_vector_widened()."""
    flat = _as_vector(layer)
    return flat is not None and lower_plain(ctx, op, flat)


@variant("conv2d_s8", name="vector, dots", needs="dsp")
def lower_vector_dots(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    """As lower_vector_widened()."""
    flat = _as_vector(layer)
    return flat is not None and lower_dots(ctx, op, flat)


def _as_vector(layer: Int8Layer) -> Int8Layer | None:
    """The fully connected layer that a convolution of one window is."""
    if layer.shape["groups"] != 1 or not _is_one_vector(layer.shape):
        return None
    weights = layer.weights.reshape(layer.weights.shape[0], -1)
    shape = {**layer.shape, "input_size": weights.shape[1], "output_size": weights.shape[0]}
    return replace(layer, shape=shape, weights=weights)


@variant("conv2d_s8", name="1x1", needs="dsp")
def lower_pointwise(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    """Filters of one pixel: pixels are widened where they are, and may be written over."""
    shape, count = layer.shape, layer.weights.shape[0]
    if shape["groups"] != 1 or not _is_pointwise(shape):
        return False
    stream = _stream(layer)
    if stream is None:
        return False
    depth = shape["input_channels"]
    parameters = {**_common(layer), "pixels": ctx.output(op).elements // count, "input_channels": depth}
    operands = _operands(ctx, op, stream, 2 * _PIXELS * depth)
    ctx.emit(
        op,
        "conv2d_1x1_s8_dsp",
        parameters,
        operands,
        macs=layer.macs,
        in_place=[("output", "input")],
        may_grow=count > depth,
    )
    return True


@variant("conv2d_s8", name="windows", needs="dsp")
def lower_windows(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    """Any filter: windows are gathered from the image, or from a band of padded rows."""
    shape, count = layer.shape, layer.weights.shape[0]
    if shape["groups"] != 1:
        return False
    if is_one_row(shape):
        shape = upright(shape)
        layer = replace(layer, shape=shape, weights=layer.weights.transpose(0, 2, 1, 3))
    stream = _stream(layer)
    if stream is None:
        return False
    source, output = ctx.input(op, 0), ctx.output(op)
    depth = -(-layer.weights[0].size // 4) * 4
    band = band_bytes(shape, _band_rows(shape))
    # Without padding rows can be read where they are, or else the output may be written over the input.
    has_word_rows = shape["dilation_width"] == 1 and shape["kernel_width"] * shape["input_channels"] % 4 == 0
    is_in_place = reads_ahead(shape, count, _band_rows(shape), _PIXELS)
    has_band = not (has_word_rows and is_inside(shape)) or (is_in_place and min(source.nbytes, output.nbytes) > band)
    scratch = 2 * _PIXELS * depth + (0 if has_word_rows else _PIXELS * depth + 4) + (band if has_band else 0)
    parameters = {**_common(layer), **{name: shape[name] for name in _GEOMETRY}, "has_band": has_band}
    ctx.emit(
        op,
        "conv2d_s8_dsp",
        parameters,
        _operands(ctx, op, stream, scratch),
        macs=layer.macs,
        in_place=[("output", "input")] if is_in_place and has_band else [],
    )
    return True


def _stream(layer: Int8Layer) -> NDArray[np.uint32] | None:
    """The weight stream; None where it would not be exact."""
    weights = layer.weights.reshape(layer.weights.shape[0], -1)
    rows = channels(weights, layer.bias, layer.multiplier, layer.shift, layer.shape)
    return None if rows is None else weight_stream(padded_to_pairs(padded(rows, 4)))


def _common(layer: Int8Layer) -> dict[str, int]:
    shape = layer.shape
    return {
        "output_channels": layer.weights.shape[0],
        "requantisation": mode(shape["output_min"], shape["output_zero_point"]),
        **{name: shape[name] for name in ("output_zero_point", "output_min", "output_max")},
    }


def _operands(ctx: Lowering, op: Operator, stream: NDArray[np.uint32], scratch: int) -> dict[str, Operand]:
    output = ctx.output(op)
    return {
        "input": ctx.value(op, ctx.input(op, 0)),
        "weights": ctx.const(stream, f"{ctx.input(op, 1).name}_stream"),
        "scratch": ctx.temporary(f"{output.name}_scratch", scratch, "uint32"),
        "output": ctx.result(output),
    }


def _is_one_vector(shape: Mapping[str, int]) -> bool:
    """True where each image has one window, which is all of its memory."""
    return (
        shape["output_height"] == shape["output_width"] == 1
        and shape["kernel_height"] == shape["input_height"]
        and shape["kernel_width"] == shape["input_width"]
        and shape["pad_top"] == shape["pad_left"] == 0
        and (shape["dilation_height"] == 1 or shape["kernel_height"] == 1)
        and (shape["dilation_width"] == 1 or shape["kernel_width"] == 1)
    )


def _is_pointwise(shape: Mapping[str, int]) -> bool:
    ones = ("kernel_height", "kernel_width", "stride_height", "stride_width")
    return all(shape[name] == 1 for name in ones) and shape["input_channels"] % 4 == 0


def _band_rows(shape: Mapping[str, int]) -> int:
    """fw_conv2d_s8_dsp_band_rows()."""
    rows_ahead = 0 if shape["output_height"] == 1 else 2 if shape["output_width"] == 1 else 1
    return rows_ahead * shape["stride_height"] + reach(shape, "height")
