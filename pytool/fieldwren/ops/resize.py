"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR: the pixels that each output pixel is made from become tables."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import check_same_type, move, row_major
from fieldwren.ops.registry import ANY, lowers
from fieldwren.ops.slices import integers

_MAX_SIZE = 1 << 15
_ONE = 1 << 10


def _checked(ctx: Lowering, op: Operator) -> tuple[Tensor, Tensor, bool, bool]:
    """Input, output, and the options align_corners and half_pixel_centers."""
    source, output = ctx.input(op, 0), ctx.output(op)
    check_same_type(ctx, op, source, output)
    size = integers(ctx, op, ctx.input(op, 1), "the size", 2)
    ctx.require(
        op,
        len(source.shape) == 4
        and output.shape == (source.shape[0], *size, source.shape[3])
        and source.elements > 0
        and output.elements > 0
        and max(*source.shape[1:3], *size) < _MAX_SIZE,
        f"resizes {list(source.shape)} to {size}, and its output has {list(output.shape)}",
    )
    align = bool(op.options.get("align_corners"))
    half = bool(op.options.get("half_pixel_centers"))
    return source, output, align, half


def nearest(size: int, count: int, *, align: bool, half: bool) -> NDArray[np.int64]:
    """The input index of each output index: GetNearestNeighbor, in float32."""
    spread = align and count > 1
    scale = np.float32(size - 1) / np.float32(count - 1) if spread else np.float32(size) / np.float32(count)
    position = (np.arange(count, dtype=np.float32) + np.float32(0.5 if half else 0.0)) * scale
    index = np.floor(position.astype(np.float64) + (0.5 if align else 0.0)).astype(np.int64)
    return np.minimum(index, size - 1)


@lowers("RESIZE_NEAREST_NEIGHBOR", dtypes=ANY)
def lower_resize_nearest(ctx: Lowering, op: Operator) -> None:
    """Any element type. Pixels that repeat a whole number of times need no tables."""
    source, output, align, half = _checked(ctx, op)
    batches, height, width, channels = source.shape
    rows, columns = (nearest(source.shape[axis], output.shape[axis], align=align, half=half) for axis in (1, 2))
    factors = [output.shape[axis] // source.shape[axis] for axis in (1, 2)]
    regular = all(
        factor > 0 and np.array_equal(index, np.repeat(np.arange(source.shape[axis]), factor))
        for axis, index, factor in zip((1, 2), (rows, columns), factors, strict=True)
    )
    if regular:
        strides = row_major(source.shape)
        extents = (batches, height, factors[0], width, factors[1], channels)
        move(ctx, op, source, output, extents, (strides[0], strides[1], 0, strides[2], 0, 1))
        return
    ctx.emit(
        op,
        "resize_nearest",
        {
            "batches": batches,
            "input_height": height,
            "input_width": width,
            "pixel_bytes": channels * DTYPES[source.dtype].itemsize,
            "output_height": output.shape[1],
            "output_width": output.shape[2],
        },
        {
            "input": ctx.value(op, source),
            "rows": ctx.const(rows.astype(np.int16), f"{output.name}_rows"),
            "columns": ctx.const(columns.astype(np.int16), f"{output.name}_columns"),
            "output": ctx.result(output),
        },
    )


def _fixed_neighbours(size: int, count: int, *, align: bool, half: bool) -> NDArray[np.int64]:
    """[count, 3]: two neighbours and the second one's share times 2^10: ComputeInterpolationValuesInteger."""
    spread = align and count > 1
    distance, steps = (size - 1, count - 1) if spread else (size, count)
    scale = (_ONE * distance + steps // 2) // steps
    position = np.arange(count) * scale + (scale // 2 - _ONE // 2 if half else 0)
    # C divides towards zero, and positions before the first pixel are in it.
    first = np.maximum(position // _ONE, 0)
    second = np.minimum(np.where(position > 0, -(-position // _ONE), 0), size - 1)
    return np.stack([first, second, position - _ONE * first], axis=1)


def _float_neighbours(
    size: int, count: int, *, align: bool, half: bool
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """([count, 2] neighbours, the second one's share): ComputeInterpolationValues, in float32."""
    spread = align and count > 1
    scale = np.float32(size - 1) / np.float32(count - 1) if spread else np.float32(size) / np.float32(count)
    index = np.arange(count, dtype=np.float32)
    shift = np.float32(0.5)
    position = (index + shift) * scale - shift if half else index * scale
    first = np.maximum(np.floor(position), 0).astype(np.int64)
    second = np.minimum(np.ceil(position).astype(np.int64), size - 1)
    return np.stack([first, second], axis=1), (position - first.astype(np.float32)).astype(np.float32)


@lowers("RESIZE_BILINEAR", dtypes=("int8", "float32"))
def lower_resize_bilinear(ctx: Lowering, op: Operator) -> None:
    """int8 in the reference's fixed point, float32."""
    source, output, align, half = _checked(ctx, op)
    ctx.require_dtype(op, source, "int8", "float32")
    ctx.require(op, not (align and half), "has both align_corners and half_pixel_centers")
    sizes = [(source.shape[axis], output.shape[axis]) for axis in (1, 2)]
    parameters = {
        "batches": source.shape[0],
        "input_height": source.shape[1],
        "input_width": source.shape[2],
        "channels": source.shape[3],
        "output_height": output.shape[1],
        "output_width": output.shape[2],
    }
    tables: dict[str, NDArray[Any]] = {}
    for name, (size, count) in zip(("row", "column"), sizes, strict=True):
        if source.dtype == "int8":
            neighbours = _fixed_neighbours(size, count, align=align, half=half)
        else:
            neighbours, tables[f"{name}_shares"] = _float_neighbours(size, count, align=align, half=half)
        inside = neighbours[:, :2].min() >= 0 and neighbours[:, :2].max() < size
        ctx.require(op, bool(inside), f"enlarges {size} to {count} pixels; the reference reads outside the input then")
        tables[f"{name}s"] = neighbours.astype(np.int16)
    operands = {"input": ctx.value(op, source)}
    operands |= {name: ctx.const(table, f"{output.name}_{name}") for name, table in tables.items()}
    operands["output"] = ctx.result(output)
    ctx.emit(op, f"resize_bilinear_{'s8' if source.dtype == 'int8' else 'f32'}", parameters, operands)
