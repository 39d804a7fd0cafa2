"""L2_POOL_2D."""

from __future__ import annotations

from fieldwren.graph import Operator
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.padding import window
from fieldwren.ops.quantise import float_activation_range
from fieldwren.ops.registry import lowers


@lowers("L2_POOL_2D", dtypes=("float32",))
def lower_l2_pool2d(ctx: Lowering, op: Operator) -> None:
    """Input and output NHWC; the reference has float32 only."""
    source, output = ctx.input(op, 0), ctx.output(op)
    ctx.require_dtype(op, output, "float32")
    ctx.require(
        op,
        len(source.shape) == len(output.shape) == 4
        and source.shape[0] == output.shape[0]
        and source.shape[3] == output.shape[3],
        f"turns {list(source.shape)} into {list(output.shape)}",
    )
    k_h, k_w = op.options.get("filter_height", 0), op.options.get("filter_width", 0)
    stride_h, stride_w = op.options.get("stride_h", 0), op.options.get("stride_w", 0)
    parameters = {
        "batches": source.shape[0],
        "input_height": source.shape[1],
        "input_width": source.shape[2],
        "channels": source.shape[3],
        "output_height": output.shape[1],
        "output_width": output.shape[2],
        "kernel_height": k_h,
        "kernel_width": k_w,
        "stride_height": stride_h,
        "stride_width": stride_w,
        "pad_top": window(ctx, op, source.shape[1], output.shape[1], k_h, stride_h, 1),
        "pad_left": window(ctx, op, source.shape[2], output.shape[2], k_w, stride_w, 1),
    }
    operands = {"input": ctx.value(op, source), "output": ctx.result(output)}
    ctx.emit(op, "l2_pool2d_f32", parameters | float_activation_range(ctx, op), operands)
