"""Convolutions on cores with DSP instructions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.dsp.band import band_bytes, is_inside, is_one_row, reach, reads_ahead, upright
from fieldwren.ops.dsp.channels import padded, padded_to_pairs, weight_stream
from fieldwren.ops.dsp.fully_connected import lower_fully_connected_dsp
from fieldwren.ops.dsp.requantise import channels, mode
from fieldwren.ops.lowering import Lowering

_PIXELS = 3
_GEOMETRY = (
    *("batches", "input_height", "input_width", "input_channels", "output_height", "output_width"),
    *("kernel_height", "kernel_width", "stride_height", "stride_width", "dilation_height", "dilation_width"),
    *("pad_top", "pad_left", "input_zero_point"),
)


def lower_conv2d_dsp(
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

    `filters` are [out, kh, kw, in].
    """
    if shape["groups"] != 1:
        return False
    count = filters.shape[0]
    if _is_one_vector(shape):
        flat = {**shape, "input_size": filters[0].size, "output_size": count}
        return lower_fully_connected_dsp(ctx, op, flat, filters.reshape(count, -1), bias, multiplier, shift, macs)
    if is_one_row(shape):
        shape, filters = upright(shape), filters.transpose(0, 2, 1, 3)
    rows = channels(filters.reshape(count, -1), bias, multiplier, shift, shape)
    if rows is None:
        return False
    rows = padded(rows, 4)
    stream = weight_stream(padded_to_pairs(rows))
    if stream is None:
        return False
    source, output = ctx.input(op, 0), ctx.output(op)
    depth = rows.weights.shape[1]
    parameters = {
        "output_channels": count,
        "requantisation": mode(shape["output_min"], shape["output_zero_point"]),
        **{name: shape[name] for name in ("output_zero_point", "output_min", "output_max")},
    }
    scratch = 2 * _PIXELS * depth
    if _is_pointwise(shape):
        kernel, is_in_place, may_grow = "conv2d_1x1_s8_dsp", True, count > depth
        parameters |= {"pixels": output.elements // count, "input_channels": depth}
    else:
        kernel, may_grow = "conv2d_s8_dsp", False
        band = band_bytes(shape, _band_rows(shape))
        # Without padding rows can be read where they are, or else the output may be written over the input.
        has_word_rows = shape["dilation_width"] == 1 and shape["kernel_width"] * shape["input_channels"] % 4 == 0
        is_in_place = reads_ahead(shape, count, _band_rows(shape), _PIXELS)
        has_band = not (has_word_rows and is_inside(shape)) or (
            is_in_place and min(source.nbytes, output.nbytes) > band
        )
        is_in_place = is_in_place and has_band
        parameters |= {**{name: shape[name] for name in _GEOMETRY}, "has_band": has_band}
        scratch += (0 if has_word_rows else _PIXELS * depth + 4) + (band if has_band else 0)
    ctx.emit(
        op,
        kernel,
        parameters,
        {
            "input": ctx.value(op, source),
            "weights": ctx.const(stream, f"{ctx.input(op, 1).name}_stream"),
            "scratch": ctx.temporary(f"{output.name}_scratch", scratch, "uint32"),
            "output": ctx.result(output),
        },
        macs=macs,
        in_place=[("output", "input")] if is_in_place else [],
        may_grow=may_grow,
    )
    return True


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
