"""STRIDED_SLICE, SLICE, SPLIT, SPLIT_V, UNPACK: regular parts of a tensor."""

from __future__ import annotations

from collections.abc import Sequence

from fieldwren.graph import Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.movement import check_same_type, move, row_major
from fieldwren.ops.registry import ANY, lowers


def integers(ctx: Lowering, op: Operator, tensor: Tensor, what: str, count: int | None = None) -> list[int]:
    """A constant vector of integers, of `count` elements if given."""
    ctx.require_dtype(op, tensor, "int32", "int64")
    values = [int(v) for v in ctx.need_constant(op, tensor, what).reshape(-1)]
    ctx.require(op, count is None or len(values) == count, f"has {len(values)} values as {what}, {count} are needed")
    return values


def axis_number(ctx: Lowering, op: Operator, axis: int, rank: int) -> int:
    """`axis` counted from the front; refused outside [-rank, rank)."""
    ctx.require(op, -rank <= axis < rank, f"has axis {axis} for a tensor of {rank} dimensions")
    return axis % rank


@lowers("STRIDED_SLICE", dtypes=ANY)
def lower_strided_slice(ctx: Lowering, op: Operator) -> None:
    """Begin, end and strides must be constant; StridedSliceStartForAxis and …EndForAxis of the reference."""
    source, output = ctx.input(op, 0), ctx.output(op)
    check_same_type(ctx, op, source, output)
    for mask in ("ellipsis_mask", "new_axis_mask", "offset"):
        ctx.require(op, not op.options.get(mask), f"uses {mask}, which TensorFlow Lite Micro does not run either")
    rank = len(source.shape)
    begins = integers(ctx, op, ctx.input(op, 1), "the begin", rank)
    ends = integers(ctx, op, ctx.input(op, 2), "the end", rank)
    steps = integers(ctx, op, ctx.input(op, 3), "the strides", rank)
    ctx.require(op, 0 not in steps, "has a stride of 0")
    masks = {name: op.options.get(f"{name}_mask", 0) for name in ("begin", "end", "shrink_axis")}
    starts, extents, shape = [], [], []
    for axis, (size, step) in enumerate(zip(source.shape, steps, strict=True)):
        low, high = (0, size) if step > 0 else (-1, size - 1)
        start = min(max(begins[axis] + (size if begins[axis] < 0 else 0), low), high)
        if masks["begin"] >> axis & 1:
            start = 0 if step > 0 else size - 1
        if masks["shrink_axis"] >> axis & 1:
            ctx.require(
                op, 0 <= start < size, f"takes index {begins[axis]} of dimension {axis}, which has {size} elements"
            )
            extents.append(1)
        else:
            end = min(max(ends[axis] + (size if ends[axis] < 0 else 0), low), high)
            if masks["end"] >> axis & 1:
                end = size if step > 0 else -1
            extents.append(max(-((start - end) // step), 0))
            shape.append(extents[-1])
        starts.append(start)
    ctx.require(op, tuple(shape) == output.shape, f"gives the shape {shape}, and its output has {list(output.shape)}")
    strides = row_major(source.shape)
    first = sum(start * stride for start, stride in zip(starts, strides, strict=True)) if 0 not in extents else 0
    move(ctx, op, source, output, extents, [a * b for a, b in zip(strides, steps, strict=True)], first)


@lowers("SLICE", dtypes=ANY)
def lower_slice(ctx: Lowering, op: Operator) -> None:
    """Begin and size must be constant; a size of -1 takes all that is left."""
    source, output = ctx.input(op, 0), ctx.output(op)
    rank = len(source.shape)
    begins = integers(ctx, op, ctx.input(op, 1), "the begin", rank)
    sizes = integers(ctx, op, ctx.input(op, 2), "the size", rank)
    extents = [size - begin if n == -1 else n for size, begin, n in zip(source.shape, begins, sizes, strict=True)]
    _take(ctx, op, source, output, begins, extents)


def _take(
    ctx: Lowering, op: Operator, source: Tensor, output: Tensor, begins: Sequence[int], extents: Sequence[int]
) -> None:
    """The box of `extents` elements that starts at `begins`."""
    check_same_type(ctx, op, source, output)
    inside = all(
        begin >= 0 and extent >= 0 and begin + extent <= size
        for begin, extent, size in zip(begins, extents, source.shape, strict=True)
    )
    ctx.require(op, inside, f"takes {list(extents)} elements from {list(begins)} of the shape {list(source.shape)}")
    elements = 1
    for extent in extents:
        elements *= extent
    ctx.require(op, elements == output.elements, f"takes {list(extents)} elements into the shape {list(output.shape)}")
    strides = row_major(source.shape)
    first = sum(begin * stride for begin, stride in zip(begins, strides, strict=True))
    move(ctx, op, source, output, extents, strides, first if elements else 0)


def _split(ctx: Lowering, op: Operator, source: Tensor, axis: int, sizes: Sequence[int]) -> None:
    """Gives each output, in order, its part of `axis`."""
    ctx.require(
        op,
        sum(sizes) == source.shape[axis],
        f"splits dimension {axis} of {list(source.shape)} into parts of {list(sizes)} elements",
    )
    begin = 0
    for number, size in enumerate(sizes):
        begins = [begin if i == axis else 0 for i in range(len(source.shape))]
        extents = [size if i == axis else n for i, n in enumerate(source.shape)]
        _take(ctx, op, source, ctx.output(op, number), begins, extents)
        begin += size


@lowers("SPLIT", dtypes=ANY, dtype_of=1)
def lower_split(ctx: Lowering, op: Operator) -> None:
    """Equal parts along a constant axis; the axis comes first among the inputs."""
    source = ctx.input(op, 1)
    axis = axis_number(ctx, op, integers(ctx, op, ctx.input(op, 0), "the axis", 1)[0], len(source.shape))
    ctx.require(
        op,
        source.shape[axis] % len(op.outputs) == 0,
        f"splits {source.shape[axis]} elements into {len(op.outputs)} equal parts",
    )
    _split(ctx, op, source, axis, [source.shape[axis] // len(op.outputs)] * len(op.outputs))


@lowers("SPLIT_V", dtypes=ANY)
def lower_split_v(ctx: Lowering, op: Operator) -> None:
    """Parts along a constant axis, as large as the outputs say (as in the reference; the sizes input is not read)."""
    source = ctx.input(op, 0)
    axis = axis_number(ctx, op, integers(ctx, op, ctx.input(op, 2), "the axis", 1)[0], len(source.shape))
    outputs = [ctx.output(op, number) for number in range(len(op.outputs))]
    for output in outputs:
        ctx.require(
            op, len(output.shape) == len(source.shape), f"splits {list(source.shape)} into {list(output.shape)}"
        )
    _split(ctx, op, source, axis, [output.shape[axis] for output in outputs])


@lowers("UNPACK", dtypes=ANY)
def lower_unpack(ctx: Lowering, op: Operator) -> None:
    """One output for each index of the axis."""
    source = ctx.input(op, 0)
    axis = axis_number(ctx, op, op.options.get("axis", 0), len(source.shape))
    ctx.require(
        op,
        len(op.outputs) == source.shape[axis] == op.options.get("num", 0),
        f"unpacks {source.shape[axis]} slices into {len(op.outputs)} outputs",
    )
    _split(ctx, op, source, axis, [1] * len(op.outputs))
