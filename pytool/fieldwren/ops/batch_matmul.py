"""BATCH_MATMUL."""

from __future__ import annotations

from collections.abc import Sequence

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.broadcast import broadcast_strides
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import requantisation
from fieldwren.ops.registry import lowers

_MAX_RANK = 5
_MAX_WIDE_DEPTH = 1 << 16
"""Products of int16 whose sum stays below 2^47."""
_MAX_WIDE_SHIFT = 7


@lowers("BATCH_MATMUL", dtypes=("int8", "int16"))
def lower_batch_matmul(ctx: Lowering, op: Operator) -> None:
    """[…, m, k] × […, k, n], either one transposed (adj_x, adj_y) or broadcast over the leading dimensions."""
    first, second, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    for tensor in (second, output):
        ctx.require_dtype(op, tensor, first.dtype)
    left, right = _matrices(first, op.options.get("adj_x")), _matrices(second, op.options.get("adj_y"))
    ranks = (len(first.shape), len(second.shape), len(output.shape))
    ctx.require(
        op,
        min(ranks) >= 2 and max(ranks) <= _MAX_RANK and left is not None and right is not None,
        f"multiplies {list(first.shape)} and {list(second.shape)}; two to five dimensions are supported",
    )
    assert left is not None and right is not None
    (rows, depth), (inner, columns) = left, right
    batches = output.shape[:-2]
    strides = [_batch_strides(tensor, batches) for tensor in (first, second)]
    leading = (_extended(tensor.shape[:-2], len(batches)) for tensor in (first, second))
    extents = [max(sizes) for sizes in zip(*leading, strict=False)]
    if (
        depth != inner
        or output.shape[-2:] != (rows, columns)
        or list(batches) != extents
        or output.elements == 0
        or None in strides
    ):
        ctx.fail(
            op, f"multiplies {list(first.shape)} and {list(second.shape)} to {list(output.shape)}, which does not fit"
        )
    zero_points = [ctx.zero_point(op, tensor) for tensor in (first, second, output)]
    real = ctx.scale(op, first) * ctx.scale(op, second) / ctx.scale(op, output)
    multiplier, shift = requantisation(ctx, op, real)
    if first.dtype == "int16":
        ctx.require(op, zero_points == [0, 0, 0], "has int16 tensors with zero points")
        ctx.require(
            op,
            depth <= _MAX_WIDE_DEPTH and shift <= _MAX_WIDE_SHIFT,
            f"sums {depth} products, scaled by 2^{shift}; 2^16 and 2^{_MAX_WIDE_SHIFT} are supported",
        )
    parameters = {
        **{f"batch{i}": n for i, n in enumerate([1] * (3 - len(batches)) + list(batches))},
        "rows": rows,
        "columns": columns,
        "depth": depth,
        **_named("first", strides[0] or []),
        **_named("second", strides[1] or []),
        "first_row": 1 if op.options.get("adj_x") else depth,
        "first_depth": rows if op.options.get("adj_x") else 1,
        "second_column": depth if op.options.get("adj_y") else 1,
        "second_depth": 1 if op.options.get("adj_y") else columns,
        "first_zero_point": zero_points[0],
        "second_zero_point": zero_points[1],
        "output_zero_point": zero_points[2],
        "multiplier": multiplier,
        "shift": shift,
    }
    operands = {"first": ctx.value(op, first), "second": ctx.value(op, second), "output": ctx.result(output)}
    kernel = "batch_matmul_s8" if first.dtype == "int8" else "batch_matmul_s16"
    ctx.emit(op, kernel, parameters, operands, macs=output.elements * depth)


def _matrices(tensor: Tensor, is_transposed: bool | None) -> tuple[int, int] | None:
    if len(tensor.shape) < 2:
        return None
    height, width = tensor.shape[-2:]
    return (width, height) if is_transposed else (height, width)


def _extended(shape: Sequence[int], rank: int) -> list[int]:
    return [1] * (rank - len(shape)) + list(shape)


def _batch_strides(tensor: Tensor, batches: tuple[int, ...]) -> list[int] | None:
    """Elements from one matrix of `tensor` to the next along each leading dimension; 0 where it repeats."""
    strides = broadcast_strides(tensor.shape[:-2], batches)
    matrix = tensor.shape[-2] * tensor.shape[-1]
    return None if strides is None else [stride * matrix for stride in strides]


def _named(name: str, strides: Sequence[int]) -> dict[str, int]:
    return {f"{name}_batch{i}": stride for i, stride in enumerate([0] * (3 - len(strides)) + list(strides))}
