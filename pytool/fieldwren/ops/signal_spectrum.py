"""TensorFlow Lite Micro's signal operators from samples to energies."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import Operator
from fieldwren.ops.custom_options import custom_options, integer
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.registry import lowers

_MAX_FFT = 1 << 15


@lowers("SignalWindow", dtypes=("int16",))
def lower_window(ctx: Lowering, op: Operator) -> None:
    """Samples times a window, int16."""
    source, weights, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    for tensor in (source, weights, output):
        ctx.require_dtype(op, tensor, "int16")
    ctx.require(
        op,
        source.shape == output.shape and len(weights.shape) == 1 and source.shape[-1:] == weights.shape,
        f"multiplies {list(source.shape)} by a window of {list(weights.shape)} into {list(output.shape)}",
    )
    shift = integer(ctx, op, custom_options(ctx, op), "shift", 0, 31)
    ctx.emit(
        op,
        "signal_window",
        {"rows": math.prod(source.shape[:-1]), "columns": source.shape[-1], "shift": shift},
        {"input": ctx.value(op, source), "weights": ctx.value(op, weights), "output": ctx.result(output)},
        in_place=[("output", "input")],
    )


@lowers("SignalFftAutoScale", dtypes=("int16",))
def lower_fft_auto_scale(ctx: Lowering, op: Operator) -> None:
    """Samples shifted up as far as 16 bits hold them, and by how many bits."""
    source, output, shift = ctx.input(op, 0), ctx.output(op), ctx.output(op, 1)
    for tensor in (source, output):
        ctx.require_dtype(op, tensor, "int16")
    ctx.require_dtype(op, shift, "int32")
    ctx.require(
        op,
        len(source.shape) == 1 and source.shape == output.shape and shift.elements == 1,
        f"scales {list(source.shape)} into {list(output.shape)} and {list(shift.shape)}",
    )
    ctx.emit(
        op,
        "signal_fft_auto_scale",
        {"count": source.elements},
        {"input": ctx.value(op, source), "output": ctx.result(output), "shift": ctx.result(shift)},
        in_place=[("output", "input")],
    )


def _turned(turns: NDArray[np.float64]) -> NDArray[np.uint32]:
    """exp(-2πi · turns) * 32767, rounded half up like kissfft's, real part in the low half of the word."""
    angle = -2.0 * np.pi * turns
    re, im = (np.floor(0.5 + 32767.0 * part).astype(np.int64) & 0xFFFF for part in (np.cos(angle), np.sin(angle)))
    return (re | im << 16).astype(np.uint32)


def _half_length(ctx: Lowering, op: Operator) -> int:
    """Half of the option fft_length, which must be a power of two."""
    length = integer(ctx, op, custom_options(ctx, op), "fft_length", 4, _MAX_FFT)
    ctx.require(op, length & (length - 1) == 0, f"has the fft_length {length}; powers of two are supported")
    return length // 2


@lowers("SignalRfft", dtypes=("int16",))
def lower_rfft(ctx: Lowering, op: Operator) -> None:
    """int16 samples to fft_length / 2 + 1 complex numbers."""
    source, output = ctx.input(op, 0), ctx.output(op)
    for tensor in (source, output):
        ctx.require_dtype(op, tensor, "int16")
    half = _half_length(ctx, op)
    ctx.require(
        op,
        len(source.shape) > 0
        and output.shape == (*source.shape[:-1], 2 * half + 2)
        and 0 < source.shape[-1] <= 2 * half,
        f"transforms {list(source.shape)} into {list(output.shape)} with the fft_length {2 * half}",
    )
    ctx.emit(
        op,
        "signal_rfft",
        {"rows": math.prod(source.shape[:-1]), "input_size": source.shape[-1], "half": half},
        {
            "input": ctx.value(op, source),
            "twiddles": ctx.const(_turned(np.arange(half) / half), "fft_twiddles"),
            "split": ctx.const(_turned((np.arange(half // 2) + 1) / (2 * half) + 0.25), "fft_split"),
            "output": ctx.result(output),
        },
    )


@lowers("SignalIrfft", dtypes=("int16",))
def lower_irfft(ctx: Lowering, op: Operator) -> None:
    """fft_length / 2 + 1 complex numbers of int16 to samples."""
    source, output = ctx.input(op, 0), ctx.output(op)
    for tensor in (source, output):
        ctx.require_dtype(op, tensor, "int16")
    half = _half_length(ctx, op)
    ctx.require(
        op,
        len(source.shape) > 0 and source.shape[-1] == 2 * half + 2 and output.shape == (*source.shape[:-1], 2 * half),
        f"transforms {list(source.shape)} into {list(output.shape)} with the fft_length {2 * half}",
    )
    ctx.emit(
        op,
        "signal_irfft",
        {"rows": math.prod(source.shape[:-1]), "half": half},
        {
            "input": ctx.value(op, source),
            "twiddles": ctx.const(_turned(-np.arange(half) / half), "inverse_fft_twiddles"),
            "split": ctx.const(_turned(-(np.arange(half // 2) + 1) / (2 * half) - 0.25), "inverse_fft_split"),
            "output": ctx.result(output),
        },
    )


@lowers("SignalEnergy", dtypes=("int16",))
def lower_energy(ctx: Lowering, op: Operator) -> None:
    """Squared magnitudes of complex int16 numbers between two indices; the others, undefined in the reference, are 0."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, source, "int16")
    ctx.require_dtype(op, output, "uint32")
    bins = output.elements
    ctx.require(
        op,
        len(source.shape) == len(output.shape) == 1 and source.elements == 2 * bins,
        f"takes the energies of {list(source.shape)} numbers into {list(output.shape)}",
    )
    options = custom_options(ctx, op)
    start, end = (integer(ctx, op, options, name, 0, bins) for name in ("start_index", "end_index"))
    operands = {"input": ctx.value(op, source), "output": ctx.result(output)}
    ctx.emit(op, "signal_energy", {"bins": bins, "start": start, "end": end}, operands)
