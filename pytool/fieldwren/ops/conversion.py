"""QUANTIZE and DEQUANTIZE: between float32 and integers, and from one scale to another."""

from __future__ import annotations

import numpy as np

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import requantisation
from fieldwren.ops.registry import lowers

_SUFFIXES = {"int8": "s8", "uint8": "u8", "int16": "s16", "int32": "s32"}
_REQUANTISED = (
    ("int8", "int8"),
    ("int8", "uint8"),
    ("int8", "int16"),
    ("int8", "int32"),
    ("uint8", "int8"),
    ("int16", "int8"),
    ("int16", "int16"),
    ("int16", "int32"),
    ("int32", "int8"),
    ("int32", "int16"),
)
_FROM_FLOAT = ("int8", "int16")
_TO_FLOAT = ("int8", "uint8", "int16")


@lowers("QUANTIZE", dtypes=("float32", *_SUFFIXES))
def lower_quantize(ctx: Lowering, op: Operator) -> None:
    """float32 to int8 or int16, or integers to integers of another scale, zero point or width."""
    source, output = ctx.input(op, 0), ctx.output(op)
    _check(ctx, op, source, output)
    _require_per_tensor(ctx, op, output)
    if source.dtype == "float32":
        ctx.require_dtype(op, output, *_FROM_FLOAT)
        _emit_float(ctx, op, f"quantise_f32_{_SUFFIXES[output.dtype]}", output)
        return
    if (source.dtype, output.dtype) not in _REQUANTISED:
        known = ", ".join(f"{a} to {b}" for a, b in _REQUANTISED)
        ctx.fail(op, f"converts {source.dtype} to {output.dtype}; supported: float32 to int8 or int16, {known}")
    _require_per_tensor(ctx, op, source)
    info = np.iinfo(DTYPES[output.dtype])
    real = ctx.scale(op, source) / ctx.scale(op, output)
    lower_requantisation(ctx, op, source, output, real, (int(info.min), int(info.max)))


@lowers("DEQUANTIZE", dtypes=_TO_FLOAT)
def lower_dequantize(ctx: Lowering, op: Operator) -> None:
    """int8, uint8 or int16 to float32."""
    source, output = ctx.input(op, 0), ctx.output(op)
    _check(ctx, op, source, output)
    ctx.require_dtype(op, source, *_TO_FLOAT)
    ctx.require_dtype(op, output, "float32")
    _require_per_tensor(ctx, op, source)
    _emit_float(ctx, op, f"dequantise_{_SUFFIXES[source.dtype]}_f32", source)


def lower_requantisation(
    ctx: Lowering, op: Operator, source: Tensor, output: Tensor, real: float, limits: tuple[int, int]
) -> None:
    """Emits output = clamp(round((source - zero point) * real) + zero point, *limits)."""
    multiplier, shift = requantisation(ctx, op, real)
    ctx.emit(
        op,
        f"requantise_{_SUFFIXES[source.dtype]}_{_SUFFIXES[output.dtype]}",
        {
            "count": source.elements,
            "input_zero_point": ctx.zero_point(op, source),
            "multiplier": multiplier,
            "shift": shift,
            "output_zero_point": ctx.zero_point(op, output),
            "output_min": limits[0],
            "output_max": limits[1],
        },
        {"input": ctx.value(op, source), "output": ctx.result(output)},
        in_place=_in_place(source, output),
    )


def _in_place(source: Tensor, output: Tensor) -> list[tuple[str, str]]:
    """Bytes, and elements of one type, may be written over what was read; others C must not alias."""
    bytewise = DTYPES[output.dtype].itemsize == 1
    return [("output", "input")] if bytewise or source.dtype == output.dtype else []


def _check(ctx: Lowering, op: Operator, source: Tensor, output: Tensor) -> None:
    ctx.require_dtype(op, source, "float32", *_SUFFIXES)
    ctx.require_dtype(op, output, "float32", *_SUFFIXES)
    ctx.require(op, source.elements == output.elements, f"turns {list(source.shape)} into {list(output.shape)}")


def _require_per_tensor(ctx: Lowering, op: Operator, tensor: Tensor) -> None:
    scales = 0 if tensor.quantisation is None else tensor.quantisation.scales.size
    ctx.require(op, scales == 1, f"needs one scale for {tensor.name!r}, which has {scales}")


def _emit_float(ctx: Lowering, op: Operator, kernel: str, quantised: Tensor) -> None:
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.emit(
        op,
        kernel,
        {
            "count": source.elements,
            "scale": ctx.scale(op, quantised),
            "zero_point": ctx.zero_point(op, quantised),
        },
        {"input": ctx.value(op, source), "output": ctx.result(output)},
        in_place=_in_place(source, output),
    )
