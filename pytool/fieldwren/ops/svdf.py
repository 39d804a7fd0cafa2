"""SVDF of int8: a low-rank filter over a window of inputs that the operator keeps itself."""

from __future__ import annotations

import numpy as np

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import requantisation
from fieldwren.ops.registry import lowers


@lowers("SVDF", dtypes=("int8",))
def lower_svdf(ctx: Lowering, op: Operator) -> None:
    """Input [batch, in], feature weights [filters, in], time weights [filters, memory], bias [units], state.

    A fused activation has no effect in the reference's integer version either.
    """
    source, features, times = (ctx.input(op, number) for number in range(3))
    bias, state, output = ctx.optional_input(op, 3), ctx.input(op, 4), ctx.output(op)
    for tensor in (source, features, output):
        ctx.require_dtype(op, tensor, "int8")
    ctx.require_dtype(op, state, "int8", "int16")
    ctx.require_dtype(op, times, state.dtype)
    ctx.require(op, state.is_variable, f"has the state {state.name!r}, which is not a variable tensor")
    feature_weights = ctx.need_constant(op, features, "the feature weights")
    time_weights = ctx.need_constant(op, times, "the time weights")
    rank = op.options.get("rank", 0)
    ctx.require(
        op,
        rank > 0
        and len(source.shape) == len(features.shape) == len(times.shape) == 2
        and features.shape[1] == source.shape[1]
        and times.shape[0] == features.shape[0]
        and features.shape[0] % rank == 0
        and output.shape == (source.shape[0], features.shape[0] // rank)
        and state.elements == source.shape[0] * times.elements > 0,
        f"has rank {rank}, input {list(source.shape)}, weights {list(features.shape)} and {list(times.shape)}, state "
        f"{list(state.shape)} and output {list(output.shape)}, which do not match",
    )
    batches, width = source.shape
    units = output.shape[1]
    values = np.zeros(units, np.int32)
    if bias is not None:
        ctx.require_dtype(op, bias, "int32")
        values = ctx.need_constant(op, bias, "the bias").reshape(-1)
        ctx.require(op, values.size == units, f"has {values.size} bias values for {units} units")
    feature_multiplier, feature_shift = requantisation(ctx, op, _ratio(ctx, op, source, features, state))
    time_multiplier, time_shift = requantisation(ctx, op, _ratio(ctx, op, state, times, output))
    parameters = {
        "batches": batches,
        "input_size": width,
        "units": units,
        "rank": rank,
        "memory": times.shape[1],
        "input_zero_point": ctx.zero_point(op, source),
        "output_zero_point": ctx.zero_point(op, output),
        "feature_multiplier": feature_multiplier,
        "feature_shift": feature_shift,
        "time_multiplier": time_multiplier,
        "time_shift": time_shift,
    }
    operands = {
        "input": ctx.value(op, source),
        "feature_weights": ctx.const(feature_weights, features.name),
        "time_weights": ctx.const(time_weights, times.name),
        "bias": ctx.const(values, f"{features.name}_bias"),
        "output": ctx.result(output),
        "state": ctx.value(op, state),
    }
    macs = batches * features.shape[0] * (width + times.shape[1])
    state_zero_point = ctx.zero_point(op, state)
    if ctx.core.dsp and state.dtype == "int16" and state_zero_point == 0:
        operands["scratch"] = ctx.temporary(f"{output.name}_input", -(-width // 4) * 8, "uint32")
        ctx.emit(op, "svdf_s16_dsp", parameters, operands, macs=macs)
        return
    parameters |= {"state_bytes": DTYPES[state.dtype].itemsize, "state_zero_point": state_zero_point}
    ctx.emit(op, "svdf", parameters, operands, macs=macs)


def _ratio(ctx: Lowering, op: Operator, a: Tensor, b: Tensor, output: Tensor) -> float:
    """scale(a) * scale(b) / scale(output)."""
    return ctx.scale(op, a) * ctx.scale(op, b) / ctx.scale(op, output)
