"""SELECT_V2: from one of two tensors, element by element."""

from __future__ import annotations

import math

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.broadcast import broadcast_strides
from fieldwren.ops.elementwise import written_out
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import check_same_type
from fieldwren.ops.registry import ANY, lowers
from fieldwren.program import Operand


@lowers("SELECT_V2", dtypes=ANY, dtype_of=1)
def lower_select(ctx: Lowering, op: Operator) -> None:
    """A bool condition and two tensors of one type, with broadcasting."""
    condition, first, second, output = (ctx.input(op, 0), ctx.input(op, 1), ctx.input(op, 2), ctx.output(op))
    ctx.require_dtype(op, condition, "bool")
    check_same_type(ctx, op, first, second, output)
    parameters = {"count": output.elements, "element_bytes": DTYPES[output.dtype].itemsize}
    operands: dict[str, Operand | None] = {}
    for name, tensor in (("condition", condition), ("first", first), ("second", second)):
        operands[name], parameters[f"{name}_stride"] = _operand(ctx, op, tensor, output)
    operands["output"] = ctx.result(output)
    ctx.emit(op, "select", parameters, operands)


def _operand(ctx: Lowering, op: Operator, tensor: Tensor, output: Tensor) -> tuple[Operand, int]:
    """Where `tensor` is read, and its stride: anything between one value and a full tensor is written out."""
    strides = broadcast_strides(tensor.shape, output.shape)
    if strides is None:
        ctx.fail(op, f"cannot broadcast {list(tensor.shape)} to {list(output.shape)}")
    operand = ctx.value(op, tensor)
    if tensor.elements == 1:
        return operand, 0
    if tensor.elements == math.prod(output.shape):
        return operand, 1
    return written_out(ctx, op, tensor, operand, output.shape, strides), 1
