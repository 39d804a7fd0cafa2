"""Fully connected layers on cores with DSP instructions."""

from __future__ import annotations

import numpy as np

from fieldwren.graph import Operator
from fieldwren.ops.dsp.channels import padded, row_stream
from fieldwren.ops.dsp.requantise import channels, mode
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.variants import Int8Layer, variant

_GROUP = 4


@variant("fully_connected_s8", name="widened", needs="dsp")
def lower_widened(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    """The input is widened once, for all outputs."""
    return _lower(ctx, op, layer, is_widened=True)


@variant("fully_connected_s8", name="plain", needs="dsp")
def lower_plain(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    """The input is widened again for every four outputs: less to do where there are few."""
    return layer.shape["input_size"] % 4 == 0 and _lower(ctx, op, layer, is_widened=False)


@variant("fully_connected_s8", name="dots", needs="dsp")
def lower_dots(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    """Output by output, weights as they are."""
    return _lower(ctx, op, layer, is_widened=False, is_grouped=False)


def _lower(ctx: Lowering, op: Operator, layer: Int8Layer, *, is_widened: bool, is_grouped: bool = True) -> bool:
    """Emits the DSP kernel; False where it would not be exact. `weights` [out, in] must have no zero point."""
    shape, weights = layer.shape, layer.weights
    count, width = weights.shape
    grouped = count // _GROUP * _GROUP if width >= _GROUP and is_grouped else 0
    if shape.get("weights_zero_point", 0) or (is_grouped and not grouped):
        return False
    rows = channels(weights, layer.bias, layer.multiplier, layer.shift, shape)
    if rows is None:
        return False
    is_per_channel = np.unique(np.stack([rows.multiplier, rows.shift]), axis=1).shape[1] > 1
    first, rest = padded(rows[:grouped], 8 if is_widened else 4), rows[grouped:]
    stream = row_stream(first, is_per_channel=is_per_channel) if grouped else None
    if is_grouped and stream is None:
        return False
    source, output, name = ctx.input(op, 0), ctx.output(op), ctx.input(op, 1).name
    scale = np.column_stack([rest.multiplier, rest.shift]).astype(np.int32)
    has_rest = grouped < count
    scratch = ctx.temporary(f"{output.name}_scratch", 2 * first.weights.shape[1], "uint32") if is_widened else None
    ctx.emit(
        op,
        "fully_connected_s8_dsp",
        {
            **{key: shape[key] for key in ("batches", "input_size", "output_size", "output_zero_point")},
            **{key: shape[key] for key in ("output_min", "output_max")},
            "grouped_outputs": grouped,
            "is_widened": is_widened,
            "is_per_channel": is_per_channel,
            "multiplier": 0 if is_per_channel else int(rows.multiplier[0]),
            "shift": 0 if is_per_channel else int(rows.shift[0]),
            "requantisation": mode(shape["output_min"], shape["output_zero_point"]),
        },
        {
            "input": ctx.value(op, source),
            "weights": ctx.const(stream, f"{name}_stream") if stream is not None else None,
            "rest_weights": ctx.const(rest.weights, f"{name}_rest") if has_rest else None,
            "rest_bias": ctx.const(rest.bias, f"{name}_rest_bias") if has_rest else None,
            "rest_scale": ctx.const(scale, f"{name}_rest_scale") if has_rest and is_per_channel else None,
            "scratch": scratch,
            "output": ctx.result(output),
        },
        macs=layer.macs,
    )
    return True
