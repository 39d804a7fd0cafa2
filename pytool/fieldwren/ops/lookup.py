"""Functions of one int8 value as tables: how LOGISTIC, TANH and other element-wise int8 operators run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.lowering import Lowering

Function = Callable[[NDArray[np.int64]], NDArray[np.int64]]


def lower_lookup(ctx: Lowering, op: Operator, source: Tensor, output: Tensor, function: Function) -> None:
    """Emits a table of `function` over all 256 values of the 8-bit `source`.

    `function` gets int64[256] and returns as many values inside the 8-bit dtype of `output`.
    """
    ctx.require(op, source.elements == output.elements, f"turns {list(source.shape)} into {list(output.shape)}")
    inputs = np.arange(256, dtype=np.uint8).view(DTYPES[source.dtype]).astype(np.int64)
    table = function(inputs).astype(DTYPES[output.dtype])
    ctx.emit(
        op,
        "lookup_8",
        {"count": source.elements},
        {
            "input": ctx.value(op, source),
            "table": ctx.const(table, f"{output.name}_table"),
            "output": ctx.result(output),
        },
        in_place=[("output", "input")],
    )


def interpolated_table(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    input_scale: float | np.float32,
    input_zero_point: int,
    output_scale: float | np.float32,
    output_zero_point: int,
) -> NDArray[np.int16]:
    """int16[513] for fw_lookup_interpolated: LUTPopulate<int16_t> of the reference, in float32 like there.

    Each entry is lowered by half of the error that interpolation would have in the middle of its piece.
    """

    def rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.copysign(np.floor(np.abs(values) + np.float32(0.5)), values)

    def transformed(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return function(values.astype(np.float64)).astype(np.float32)

    low, high = -32768, 32767
    ends = [np.float32(input_scale) * np.float32(end - input_zero_point) for end in (low, high)]
    outputs = [np.float32(output_scale) * np.float32(end - output_zero_point) for end in (low, high)]
    step = (ends[1] - ends[0]) / np.float32(512)
    scaling = np.float32(high - low + 1) / (outputs[1] - outputs[0])
    starts = ends[0] + np.arange(513, dtype=np.float32) * step
    values = transformed(starts)
    middles = rounded(transformed(starts[:-1] + step / np.float32(2)) * scaling)
    samples = rounded(values[:-1] * scaling)
    interpolated = rounded((values[1:] * scaling + samples) / np.float32(2))
    pieces = samples - rounded((interpolated - middles) / np.float32(2))
    last = rounded(transformed(np.array([ends[1]], np.float32)) * scaling)
    table: NDArray[np.int16] = np.clip(np.concatenate([pieces, last]), low, high).astype(np.int16)
    return table
