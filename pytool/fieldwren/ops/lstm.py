"""UNIDIRECTIONAL_SEQUENCE_LSTM with int8 or int16 activations, int8 weights and an int16 cell state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.bias import folded_bias, wide_bias
from fieldwren.ops.logistic import sigmoid_table
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import requantisation
from fieldwren.ops.registry import lowers

_INPUTS = 24
_GATES = range(4)
"""Gates in the order of the operator's inputs: input, forget, cell, output."""
_INPUT_WEIGHTS, _RECURRENT_WEIGHTS, _BIASES = 1, 5, 12
_HIDDEN, _CELL = 18, 19
_ABSENT = {9: "peephole weights", 16: "a projection", 20: "layer normalisation"}
_GATE_SCALE = 2.0**-12
_ACTIVATION_SCALE = 2.0**-15
_MAX_CELL_POWER = 2


@dataclass(frozen=True)
class _Layers:
    """The eight fully connected layers: tables over gates, and each gate's input and recurrent scale in turn."""

    input_weights: NDArray[np.int8]
    recurrent_weights: NDArray[np.int8]
    input_bias: NDArray[Any]
    recurrent_bias: NDArray[Any]
    multipliers: NDArray[np.int32]
    shifts: NDArray[np.int8]


@lowers("UNIDIRECTIONAL_SEQUENCE_LSTM", dtypes=("int8", "int16"))
def lower_lstm(ctx: Lowering, op: Operator) -> None:
    """Input [batch, step, in] ([step, batch, in] if time-major), output [.., .., units]; two state tensors."""
    ctx.require(op, len(op.inputs) == _INPUTS, f"has {len(op.inputs)} inputs; {_INPUTS} are needed")
    for number, what in _ABSENT.items():
        ctx.require(op, ctx.optional_input(op, number) is None, f"has {what}, which TensorFlow Lite Micro does not run")
    activation = op.options.get("fused_activation_function", "NONE")
    ctx.require(op, activation == "TANH", f"has the cell activation {activation}; TANH is supported")
    source, output = ctx.input(op, 0), ctx.output(op)
    hidden, cell = ctx.input(op, _HIDDEN), ctx.input(op, _CELL)
    ctx.require_dtype(op, source, "int8", "int16")
    ctx.require_dtype(op, hidden, source.dtype)
    ctx.require_dtype(op, output, source.dtype)
    ctx.require_dtype(op, cell, "int16")
    for state in (hidden, cell):
        ctx.require(op, state.is_variable, f"has the state {state.name!r}, which is not a variable tensor")
    ctx.require(
        op,
        len(source.shape) == len(output.shape) == 3 and source.shape[:2] == output.shape[:2] and source.elements > 0,
        f"has input {list(source.shape)} and output {list(output.shape)}, which do not match",
    )
    is_time_major = bool(op.options.get("time_major"))
    steps, batches = source.shape[:2] if is_time_major else source.shape[1::-1]
    units = output.shape[2]
    for state in (hidden, cell):
        ctx.require(
            op, state.elements == batches * units > 0, f"has the state {list(state.shape)} for {batches} × {units}"
        )
    layers = _layers(ctx, op, source, hidden, units)
    operands = {
        "input": ctx.value(op, source),
        "input_weights": ctx.const(layers.input_weights, f"{output.name}_input_weights"),
        "recurrent_weights": ctx.const(layers.recurrent_weights, f"{output.name}_recurrent_weights"),
        "input_bias": ctx.const(layers.input_bias, f"{output.name}_input_bias"),
        "recurrent_bias": ctx.const(layers.recurrent_bias, f"{output.name}_recurrent_bias"),
        "multiplier": ctx.const(layers.multipliers, f"{output.name}_multiplier"),
        "shift": ctx.const(layers.shifts, f"{output.name}_shift"),
        "sigmoid_table": ctx.const(sigmoid_table(), "sigmoid_table"),
        "output": ctx.result(output),
        "hidden": ctx.value(op, hidden),
        "cell": ctx.value(op, cell),
    }
    parameters = {
        "batches": batches,
        "steps": steps,
        "input_size": source.shape[2],
        "units": units,
        "is_time_major": int(is_time_major),
        "hidden_zero_point": ctx.zero_point(op, hidden),
        **_cell_parameters(ctx, op, hidden, cell),
    }
    kernel = "lstm_s8" if source.dtype == "int8" else "lstm_s16"
    if ctx.core.dsp and _products_fit(layers, source.dtype):
        kernel += "_dsp"
        parameters["is_short"] = _is_short(layers, source.dtype)
        lanes = -(-source.shape[2] // 4) + -(-units // 4)
        operands["scratch"] = ctx.temporary(f"{output.name}_lanes", 8 * lanes, "uint32")
    macs = batches * steps * len(_GATES) * units * (source.shape[2] + units)
    ctx.emit(op, kernel, parameters, operands, macs=macs)


def _largest_sum(layers: _Layers, dtype: str) -> int:
    """A bound of the absolute sums of products, over all rows of weights and inputs of `dtype`."""
    rows = (layers.input_weights, layers.recurrent_weights)
    weights = max(int(np.abs(part.astype(np.int64)).sum(axis=-1).max(initial=0)) for part in rows)
    return weights << (7 if dtype == "int8" else 15)


def _products_fit(layers: _Layers, dtype: str) -> bool:
    """True where 32 bits hold the sums; those of int8 may wrap as the reference's do."""
    return dtype == "int8" or _largest_sum(layers, dtype) < 1 << 31


def _is_short(layers: _Layers, dtype: str) -> bool:
    """True where firmware/kernels/lstm_dsp.h may scale in the short form."""
    if dtype != "int8":
        return False
    biases = (layers.input_bias, layers.recurrent_bias)
    bias = max(int(np.abs(part.astype(np.int64)).max(initial=0)) for part in biases)
    # One bit less than 2^30: half a unit of the largest shift is added to the product.
    is_small = _largest_sum(layers, dtype) + bias < 1 << 29
    return is_small and bool(np.all((layers.shifts <= -1) & (layers.shifts >= -30)))


def _cell_parameters(ctx: Lowering, op: Operator, hidden: Tensor, cell: Tensor) -> dict[str, int]:
    """Scales around the cell state: CreateLstmCellStateInfo, CreateInterGateMulParams."""
    scale = ctx.scale(op, cell)
    power = round(math.log2(scale))
    ctx.require(op, power <= _MAX_CELL_POWER, f"has the cell state scale {scale:g}; 4 is the largest supported")
    # A cell state in Q3.12 is what the table takes; finer ones are rounded to it.
    multiplier, shift = (3, -12 - power) if power < -12 else (3 << (power + 12), 0)
    clip = float(np.float32(op.options.get("cell_clip", 0.0)))
    update = _ACTIVATION_SCALE * _ACTIVATION_SCALE
    update_multiplier, update_shift = requantisation(ctx, op, update / scale)
    hidden_multiplier, hidden_shift = requantisation(ctx, op, update / ctx.scale(op, hidden))
    return {
        "cell_tanh_multiplier": multiplier,
        "cell_tanh_shift": shift,
        "cell_clip": int(min(clip / scale, 32767.0)) if clip > 0 else 0,
        "update_multiplier": update_multiplier,
        "update_shift": update_shift,
        "hidden_multiplier": hidden_multiplier,
        "hidden_shift": hidden_shift,
    }


def _layers(ctx: Lowering, op: Operator, source: Tensor, hidden: Tensor, units: int) -> _Layers:
    """All weights and biases, checked and packed."""
    input_parts: list[NDArray[np.int8]] = []
    recurrent_parts: list[NDArray[np.int8]] = []
    scales: list[tuple[int, int]] = []
    for gate in _GATES:
        parts = input_parts, recurrent_parts
        columns = (source, _INPUT_WEIGHTS, source.shape[2]), (hidden, _RECURRENT_WEIGHTS, units)
        for part, (feeding, first, width) in zip(parts, columns, strict=True):
            weights = ctx.input(op, first + gate)
            ctx.require_dtype(op, weights, "int8")
            matrix = ctx.need_constant(op, weights, "the weights")
            ctx.require(
                op,
                matrix.shape == (units, width) and ctx.zero_point(op, weights) == 0,
                f"has weights {list(matrix.shape)} where [{units}, {width}] without a zero point are needed",
            )
            product = ctx.scale(op, feeding) * ctx.scale(op, weights)
            scales.append(requantisation(ctx, op, product / _GATE_SCALE))
            part.append(matrix)
    shifts = np.array([shift for _, shift in scales], np.int8)
    biases = [
        _biases(ctx, op, gate, (input_parts[gate], recurrent_parts[gate]), (source, hidden), shifts) for gate in _GATES
    ]
    return _Layers(
        input_weights=np.stack(input_parts),
        recurrent_weights=np.stack(recurrent_parts),
        input_bias=np.stack([bias for bias, _ in biases]),
        recurrent_bias=np.stack([bias for _, bias in biases]),
        multipliers=np.array([multiplier for multiplier, _ in scales], np.int32),
        shifts=shifts,
    )


def _biases(
    ctx: Lowering,
    op: Operator,
    gate: int,
    weights: tuple[NDArray[np.int8], NDArray[np.int8]],
    feeding: tuple[Tensor, Tensor],
    shifts: NDArray[np.int8],
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Bias of the gate's input layer and of its recurrent layer, which has none of its own, zero points folded in."""
    stored = ctx.input(op, _BIASES + gate)
    ctx.require_dtype(op, stored, "int32" if feeding[0].dtype == "int8" else "int64")
    result: list[NDArray[Any]] = []
    for matrix, tensor, bias in zip(weights, feeding, (stored, None), strict=True):
        zero_point = ctx.zero_point(op, tensor)
        if tensor.dtype == "int8":
            sums = matrix.astype(np.int64).sum(axis=1)
            result.append(folded_bias(ctx, op, bias, len(matrix), zero_point, sums))
        else:
            result.append(wide_bias(ctx, op, bias, matrix, shifts, zero_point)[0])
    return result[0], result[1]
