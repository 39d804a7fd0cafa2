"""DYNAMIC_UPDATE_SLICE: a tensor with a box of it replaced."""

from __future__ import annotations

from fieldwren.graph import DTYPES, Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import check_same_type
from fieldwren.ops.registry import ANY, lowers

_RANK = 5


@lowers("DYNAMIC_UPDATE_SLICE", dtypes=ANY)
def lower_dynamic_update_slice(ctx: Lowering, op: Operator) -> None:
    """Inputs: the tensor, the box, and int32[rank] where the box starts, which may be computed."""
    source, update, indices, output = ctx.input(op, 0), ctx.input(op, 1), ctx.input(op, 2), ctx.output(op)
    check_same_type(ctx, op, source, update, output)
    ctx.require_dtype(op, indices, "int32")
    rank = len(source.shape)
    ctx.require(
        op,
        0 < rank <= _RANK
        and output.shape == source.shape
        and len(update.shape) == rank
        and indices.shape == (rank,)
        and all(0 < n <= size for n, size in zip(update.shape, source.shape, strict=True)),
        f"writes {list(update.shape)} at {list(indices.shape)} indices into {list(source.shape)}, output "
        f"{list(output.shape)}",
    )
    operand = ctx.value(op, source)
    target = ctx.result(output)
    ctx.emit(op, "copy", {"bytes": source.nbytes}, {"input": operand, "output": target}, in_place=[("output", "input")])
    padding = (1,) * (_RANK - rank)
    sizes, extents = (*padding, *source.shape), (*padding, *update.shape)
    ctx.emit(
        op,
        "dynamic_update_slice",
        {
            "rank": rank,
            "element_bytes": DTYPES[source.dtype].itemsize,
            **{f"size{i}": size for i, size in enumerate(sizes)},
            **{f"extent{i}": extent for i, extent in enumerate(extents)},
        },
        {"update": ctx.value(op, update), "indices": ctx.value(op, indices), "output": target},
    )
