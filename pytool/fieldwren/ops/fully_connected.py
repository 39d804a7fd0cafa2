"""FULLY_CONNECTED."""

from __future__ import annotations

import numpy as np

from fieldwren.graph import Operator
from fieldwren.ops.bias import folded_bias, wide_bias
from fieldwren.ops.lowering import Lowering, is_adapted
from fieldwren.ops.quantise import activation_range, channel_multipliers, requantisation
from fieldwren.ops.registry import lowers
from fieldwren.ops.rows import GENERAL, blocked, requantised
from fieldwren.ops.variants import Int8Layer, lower_by_variant, variant

FAMILY = "fully_connected_s8"


@lowers("FULLY_CONNECTED", dtypes=("int8", "int16"), families=(FAMILY,))
def lower_fully_connected(ctx: Lowering, op: Operator) -> None:
    """Input [..., in] flattened to rows of the filter's width, weights [out, in]."""
    source, weights, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    ctx.require_dtype(op, source, "int8", "int16")
    ctx.require_dtype(op, weights, "int8")
    ctx.require_dtype(op, output, source.dtype)
    matrix = ctx.need_constant(op, weights, "the weights")
    ctx.require(
        op,
        matrix.ndim == 2 and matrix.size > 0,
        f"has weights of shape {list(weights.shape)}; two dimensions are needed",
    )
    ctx.require(
        op,
        op.options.get("weights_format", 0) == 0,
        "has shuffled weights, which TensorFlow Lite Micro does not run either",
    )
    channels, width = matrix.shape
    batches = source.elements // width
    ctx.require(
        op,
        batches * width == source.elements and batches * channels == output.elements,
        f"has input {list(source.shape)}, weights {list(weights.shape)} and output {list(output.shape)}, which do not match",
    )
    input_zero_point, weights_zero_point = ctx.zero_point(op, source), ctx.zero_point(op, weights)
    centred = matrix.astype(np.int64) - weights_zero_point
    parameters = {
        "batches": batches,
        "input_size": width,
        "output_size": channels,
        "output_zero_point": ctx.zero_point(op, output),
        **activation_range(ctx, op, output),
    }
    macs = batches * channels * width
    is_per_channel = weights.quantisation is not None and weights.quantisation.scales.size > 1
    if is_per_channel:
        ctx.require(op, weights_zero_point == 0, f"has per-channel weights {weights.name!r} with a zero point")
        multipliers, shifts = channel_multipliers(ctx, op, source, weights, output, channels)
    else:
        pair = requantisation(ctx, op, ctx.scale(op, source) * ctx.scale(op, weights) / ctx.scale(op, output))
        multipliers, shifts = np.array(pair[:1], np.int32), np.array(pair[1:], np.int8)
    operands = {"input": ctx.value(op, source)}
    if source.dtype == "int16":
        wide, is_narrow = wide_bias(ctx, op, ctx.optional_input(op, 2), centred, shifts, input_zero_point)
        operands |= {
            "weights": ctx.const(matrix, weights.name),
            "bias": ctx.const(wide, f"{weights.name}_bias"),
            "multiplier": ctx.const(multipliers, f"{weights.name}_multiplier"),
            "shift": ctx.const(shifts, f"{weights.name}_shift"),
            "output": ctx.result(output),
        }
        kinds = {"is_narrow": is_narrow, "is_per_channel": is_per_channel, "weights_zero_point": weights_zero_point}
        ctx.emit(op, "fully_connected_s16", {**parameters, **kinds}, operands, macs=macs)
        return
    bias = folded_bias(ctx, op, ctx.optional_input(op, 2), channels, input_zero_point, centred.sum(axis=1))
    layer_shape = {**parameters, "weights_zero_point": weights_zero_point, "is_per_channel": is_per_channel}
    layer = Int8Layer(layer_shape, matrix, bias, np.resize(multipliers, channels), np.resize(shifts, channels), macs)
    lower_by_variant(ctx, op, FAMILY, layer)


@variant(FAMILY, name="portable")
def _portable(ctx: Lowering, op: Operator, layer: Int8Layer) -> bool:
    name, shape = ctx.input(op, 1).name, dict(layer.shape)
    weights_zero_point, is_per_channel = shape.pop("weights_zero_point"), shape.pop("is_per_channel")
    made = requantised(
        layer.weights.astype(np.int64) - weights_zero_point,
        layer.bias,
        layer.multiplier,
        layer.shift,
        zero_point=shape["output_zero_point"],
        output_min=shape["output_min"],
        is_general=is_adapted(op),
    )
    parameters: dict[str, int | float] = dict(shape)
    operands = {
        "input": ctx.value(op, ctx.input(op, 0)),
        "weights": ctx.const(blocked(layer.weights), name),
        "bias": ctx.table(op, layer.bias, f"{name}_bias"),
        "output": ctx.result(ctx.output(op)),
    }
    if is_per_channel or is_adapted(op):
        operands |= {
            "multiplier": ctx.table(op, made.multiplier, f"{name}_multiplier"),
            "shift": ctx.table(op, made.shift, f"{name}_shift"),
        }
        parameters["requantisation"] = made.kind
        ctx.emit(op, "fully_connected_per_channel_s8", parameters, operands, macs=layer.macs)
        return True
    # One multiplier serves all outputs: the short form must have left it the same for all.
    is_short = np.unique(made.multiplier).size == 1 and np.unique(made.shift).size == 1
    parameters |= {
        "weights_zero_point": weights_zero_point,
        "requantisation": made.kind if is_short else GENERAL,
        "multiplier": int((made.multiplier if is_short else layer.multiplier)[0]),
        "shift": int((made.shift if is_short else layer.shift)[0]),
    }
    ctx.emit(op, "fully_connected_s8", parameters, operands, macs=layer.macs)
    return True
