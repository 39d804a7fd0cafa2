"""ADD_N."""

from __future__ import annotations

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.quantise import smaller_than_one
from fieldwren.ops.registry import lowers
from fieldwren.program import Operand

_HEADROOM = 20


@lowers("ADD_N", dtypes=("int8", "float32"))
def lower_add_n(ctx: Lowering, op: Operator) -> None:
    """Two or more tensors of one shape and type; int8 ones have one scale and zero point."""
    inputs, output = [ctx.input(op, number) for number in range(len(op.inputs))], ctx.output(op)
    ctx.require(op, len(inputs) >= 2, f"adds {len(inputs)} tensors; two or more are needed")
    for tensor in (*inputs, output):
        ctx.require_dtype(op, tensor, inputs[0].dtype)
        ctx.require(op, tensor.shape == inputs[0].shape, f"adds {list(tensor.shape)} to {list(inputs[0].shape)}")
    count = output.elements
    if output.dtype == "float32":
        sums: Operand | None = None
        for number, tensor in enumerate(inputs):
            value = ctx.value(op, tensor)
            is_last = number == len(inputs) - 1
            target = ctx.result(output) if is_last else ctx.temporary(f"{output.name}_{number}", 4 * count, "float32")
            operands = {"partial": sums, "input": value, "sums": target}
            ctx.emit(op, "add_n_sum_f32", {"count": count}, operands, in_place=[("sums", "partial")])
            sums = target
        return
    scale, zero_point = ctx.scale(op, inputs[0]), ctx.zero_point(op, inputs[0])
    for tensor in inputs[1:]:
        ctx.require(
            op,
            ctx.scale(op, tensor) == scale and ctx.zero_point(op, tensor) == zero_point,
            f"has other scales or zero points in {inputs[0].name!r} and {tensor.name!r}",
        )
    multiplier, shift = smaller_than_one(ctx, op, 2 * scale / ((1 << _HEADROOM) * ctx.scale(op, output)))
    sums = None
    for number, tensor in enumerate(inputs):
        value = ctx.value(op, tensor)
        target = ctx.temporary(f"{output.name}_{number}", 4 * count, "int32")
        operands = {"partial": sums, "input": value, "sums": target}
        parameters = {"count": count, "zero_point": zero_point}
        ctx.emit(op, "add_n_sum_s8", parameters, operands, in_place=[("sums", "partial")])
        sums = target
    ctx.emit(
        op,
        "add_n_s8",
        {
            "count": count,
            "output_zero_point": ctx.zero_point(op, output),
            "multiplier": multiplier,
            "shift": shift,
        },
        {"sums": sums, "output": ctx.result(output)},
        in_place=[("output", "sums")],
    )
