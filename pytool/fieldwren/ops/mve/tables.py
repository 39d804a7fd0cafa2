"""The tables of the MVE kernels: weights that may be read a little too far, constants for every output channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.dsp.requantise import mode
from fieldwren.ops.lowering import Lowering
from fieldwren.program import Operand

VECTOR_BYTES = 16
LANES = 4
GENERAL, SIGNED = 0, 1
"""FW_REQUANTISE_… of firmware/kernels/requantise.h."""


def kind(multiplier: NDArray[np.int32], shift: NDArray[np.int8], *, zero_point: int, output_min: int) -> int:
    """The cheapest FW_REQUANTISE_… that is exact in fw_mve_scale() for all of these channels, whatever their sums."""
    wanted = mode(output_min, zero_point)
    most = 1 if wanted != SIGNED else 0
    return wanted if np.all((shift < most) | (multiplier == 0)) and not np.any(shift > 0) else GENERAL


def padded_depth(depth: int) -> int:
    """Bytes of a row with its zeros: whole vectors."""
    return -(-depth // VECTOR_BYTES) * VECTOR_BYTES


def weight_table(ctx: Lowering, op: Operator, weights: NDArray[np.int8]) -> Operand:
    """`weights` in their order, and behind them what whole vectors may read."""
    return ctx.const(np.pad(weights.reshape(-1), (0, VECTOR_BYTES)), ctx.input(op, 1).name)


def row_tables(
    ctx: Lowering, op: Operator, bias: NDArray[np.int32], multiplier: NDArray[np.int32], shift: NDArray[np.int8]
) -> Operand:
    """Bias, multiplier and shift of four channels after four; the last four overlap those before, or are padded."""
    starts = [*range(0, bias.size - LANES + 1, LANES)]
    if bias.size % LANES:
        starts.append(max(0, bias.size - LANES))
    constants = np.stack([bias, multiplier, shift.astype(np.int32)])
    constants = np.pad(constants, ((0, 0), (0, max(0, LANES - bias.size))))
    blocks = np.stack([constants[:, start : start + LANES] for start in starts])
    return ctx.const(blocks, f"{ctx.input(op, 1).name}_tables")
