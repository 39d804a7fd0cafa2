"""PACK: tensors of one shape become slices of a new axis."""

from __future__ import annotations

from fieldwren.graph import DTYPES, Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import axes, check_same_type, copy, row_major
from fieldwren.ops.registry import ANY, lowers
from fieldwren.ops.slices import axis_number
from fieldwren.program import Operand


@lowers("PACK", dtypes=ANY)
def lower_pack(ctx: Lowering, op: Operator) -> None:
    """One copy per input."""
    sources = [ctx.input(op, number) for number in range(len(op.inputs))]
    output = ctx.output(op)
    ctx.require(op, len(sources) > 0, "has no inputs")
    check_same_type(ctx, op, *sources, output)
    shape = sources[0].shape
    axis = axis_number(ctx, op, op.options.get("axis", 0), len(shape) + 1)
    packed = (*shape[:axis], len(sources), *shape[axis:])
    ctx.require(
        op,
        all(source.shape == shape for source in sources) and output.shape == packed,
        f"packs {[list(source.shape) for source in sources]} into {list(output.shape)}",
    )
    itemsize = DTYPES[output.dtype].itemsize
    if len(sources) == 1:
        ctx.alias(output, ctx.value(op, sources[0]))
        return
    operands = [ctx.value(op, source) for source in sources]
    target = ctx.result(output)
    strides = row_major(packed)
    for number, operand in enumerate(operands):
        place = Operand(target.buffer, number * strides[axis] * itemsize)
        copy(ctx, op, operand, place, axes(shape, row_major(shape), strides[:axis] + strides[axis + 1 :]), itemsize)
