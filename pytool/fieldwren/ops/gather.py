"""GATHER, GATHER_ND, EMBEDDING_LOOKUP: slices of a tensor at indices."""

from __future__ import annotations

import math

import numpy as np

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import check_same_type
from fieldwren.ops.registry import ANY, lowers
from fieldwren.ops.slices import axis_number

_MAX_DEPTH = 5


def _check_constant(ctx: Lowering, op: Operator, indices: Tensor, sizes: list[int]) -> None:
    """Refuses constant indices [..., len(sizes)] that lie outside `sizes`; computed ones are clamped at run time."""
    values = ctx.constant(indices)
    if values is not None and values.size:
        rows = values.reshape(-1, len(sizes))
        ctx.require(
            op,
            bool(np.all(rows >= 0) and np.all(rows < np.array(sizes))),
            f"has the index {rows.min()} or {rows.max()} outside dimensions of {sizes} elements",
        )


@lowers("GATHER", dtypes=ANY)
def lower_gather(ctx: Lowering, op: Operator) -> None:
    """Slices along one axis, with leading batch dimensions that input and indices share."""
    source, indices, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    check_same_type(ctx, op, source, output)
    ctx.require_dtype(op, indices, "int32")
    axis = axis_number(ctx, op, op.options.get("axis", 0), len(source.shape))
    batch_dims = op.options.get("batch_dims", 0)
    batch_dims += len(indices.shape) if batch_dims < 0 else 0
    ctx.require(
        op,
        0 <= batch_dims <= min(axis, len(indices.shape))
        and source.shape[:batch_dims] == indices.shape[:batch_dims]
        and output.shape == source.shape[:axis] + indices.shape[batch_dims:] + source.shape[axis + 1 :],
        f"gathers {list(indices.shape)} from {list(source.shape)} along axis {axis} into {list(output.shape)}",
    )
    _check_constant(ctx, op, indices, [source.shape[axis]])
    ctx.require(op, source.elements > 0 or output.elements == 0, "gathers from an empty tensor")
    _emit_gather(
        ctx,
        op,
        (source, indices, output),
        batches=math.prod(source.shape[:batch_dims]),
        outer=math.prod(source.shape[batch_dims:axis]),
        indices=math.prod(indices.shape[batch_dims:]),
        axis_size=source.shape[axis],
        slice_bytes=math.prod(source.shape[axis + 1 :]) * DTYPES[source.dtype].itemsize,
    )


def _emit_gather(ctx: Lowering, op: Operator, tensors: tuple[Tensor, Tensor, Tensor], **parameters: int) -> None:
    source, indices, output = tensors
    operands = {"input": ctx.value(op, source), "indices": ctx.value(op, indices), "output": ctx.result(output)}
    ctx.emit(op, "gather", parameters, operands)


@lowers("GATHER_ND", dtypes=ANY)
def lower_gather_nd(ctx: Lowering, op: Operator) -> None:
    """The last dimension of the indices holds the coordinates of a slice."""
    source, indices, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    check_same_type(ctx, op, source, output)
    ctx.require_dtype(op, indices, "int32")
    ctx.require(op, len(indices.shape) > 0, "has scalar indices")
    depth = indices.shape[-1]
    ctx.require(
        op,
        0 < depth <= min(len(source.shape), _MAX_DEPTH)
        and output.shape == indices.shape[:-1] + source.shape[depth:]
        and source.elements > 0,
        f"gathers {list(indices.shape)} from {list(source.shape)} into {list(output.shape)}",
    )
    sizes = list(source.shape[:depth])
    _check_constant(ctx, op, indices, sizes)
    ctx.emit(
        op,
        "gather_nd",
        {
            "slices": math.prod(indices.shape[:-1]),
            "depth": depth,
            **{f"size{i}": sizes[i] if i < depth else 1 for i in range(_MAX_DEPTH)},
            "slice_bytes": math.prod(source.shape[depth:]) * DTYPES[source.dtype].itemsize,
        },
        {"input": ctx.value(op, source), "indices": ctx.value(op, indices), "output": ctx.result(output)},
    )


@lowers("EMBEDDING_LOOKUP", dtypes=ANY, dtype_of=1)
def lower_embedding_lookup(ctx: Lowering, op: Operator) -> None:
    """Rows of a table; the indices come first among the inputs."""
    indices, table, output = ctx.input(op, 0), ctx.input(op, 1), ctx.output(op)
    ctx.require_dtype(op, indices, "int32")
    check_same_type(ctx, op, table, output)
    ctx.require(
        op,
        len(indices.shape) == 1 and len(table.shape) >= 2 and output.shape == indices.shape + table.shape[1:],
        f"looks up {list(indices.shape)} rows of {list(table.shape)} for {list(output.shape)}",
    )
    ctx.require(op, table.elements > 0, "looks up rows of an empty table")
    _check_constant(ctx, op, indices, [table.shape[0]])
    _emit_gather(
        ctx,
        op,
        (table, indices, output),
        batches=1,
        outer=1,
        indices=indices.elements,
        axis_size=table.shape[0],
        slice_bytes=math.prod(table.shape[1:]) * DTYPES[table.dtype].itemsize,
    )
