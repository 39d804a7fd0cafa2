"""The operators that fieldwren.streaming puts between those of a model: rows that are kept from hop to hop.

A slab is state memory that holds consecutive rows of one tensor, the newest last. `STREAM_SLAB` moves its rows up and
lets the operators that compute new rows write them where they belong; `STREAM_ROWS` gives a part of a slab (or of any
tensor) to an operator, without copying where its address allows that. `STREAM_MEAN`, `STREAM_SUM` and
`STREAM_AVERAGE_POOL_2D` keep the sums of what they reduce over time.
"""

from __future__ import annotations

from dataclasses import dataclass

from fieldwren.graph import DTYPES, Operator, Tensor
from fieldwren.ops.lowering import Lowering
from fieldwren.ops.pooling import check_same_scale
from fieldwren.ops.quantise import activation_range
from fieldwren.ops.reduce import sum_scales
from fieldwren.ops.registry import lowers
from fieldwren.program import Operand

WIDTH_MOST = 255
"""Pixels whose sum fits int16."""

_ALIGNMENT = 4


@dataclass(frozen=True)
class Slab:
    """Option `slab` of STREAM_SLAB; all in bytes. `lead` bytes before the first row align those that matter.

    `kept` bytes at `first`, which were `distance` further on, stay. `written` are the tensors that become part of the
    slab, and where.
    """

    nbytes: int
    lead: int
    first: int
    kept: int
    distance: int
    written: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Part:
    """Option `part` of STREAM_ROWS and STREAM_STORE: where the rows begin in the larger tensor, in bytes."""

    offset: int


@dataclass(frozen=True)
class Sums:
    """Option `sums`: how a window lies in the rows at its ends (`top`, `bottom`) and in the running sums (`window`).

    The bottom tensor holds the `new` rows of the sums, then the `bottom` rows. A row has `width` pixels of `channels`.
    """

    new: int
    window: int
    top: int
    bottom: int
    width: int
    channels: int

    @property
    def count(self) -> int:
        """Values that each output is made of."""
        return (self.window + self.top + self.bottom) * self.width


def _option(ctx: Lowering, op: Operator, name: str) -> object:
    """Only fieldwren.streaming makes these operators; a file cannot hold their options."""
    ctx.require(op, name in op.options, "is no operator of model files")
    return op.options[name]


@lowers("STREAM_SLAB")
def lower_slab(ctx: Lowering, op: Operator) -> None:
    """Moves up what stays. The output is the slab, as it will be once its new rows are written."""
    slab = _option(ctx, op, "slab")
    assert isinstance(slab, Slab)
    output = ctx.output(op)
    state = ctx.state(output.name, slab.lead + slab.nbytes, output.dtype)
    if slab.kept > 0:
        offset = slab.lead + slab.first
        is_aligned = offset % _ALIGNMENT == 0 and slab.distance % _ALIGNMENT == 0
        ctx.emit(
            op,
            "shift_rows",
            {"bytes": slab.kept, "distance": slab.distance, "is_aligned": is_aligned},
            {"memory": Operand(state.buffer, offset)},
        )
    ctx.alias(output, Operand(state.buffer, slab.lead))
    for index, offset in slab.written:
        if (slab.lead + offset) % max(_ALIGNMENT, DTYPES[output.dtype].itemsize) == 0:
            ctx.place(index, Operand(state.buffer, slab.lead + offset))


@lowers("STREAM_STORE")
def lower_store(ctx: Lowering, op: Operator) -> None:
    """Copies rows into their slab (input 1), unless they have been computed there."""
    part = _option(ctx, op, "part")
    assert isinstance(part, Part)
    rows, slab = ctx.input(op, 0), ctx.value(op, ctx.input(op, 1))
    source, target = ctx.value(op, rows), Operand(slab.buffer, slab.offset + part.offset)
    if source != target:
        ctx.emit(op, "copy", {"bytes": rows.nbytes}, {"input": source, "output": target})


@lowers("STREAM_ROWS")
def lower_rows(ctx: Lowering, op: Operator) -> None:
    """A view of consecutive rows; a copy where they begin at an address that kernels do not take."""
    part = _option(ctx, op, "part")
    assert isinstance(part, Part)
    source, output = ctx.value(op, ctx.input(op, 0)), ctx.output(op)
    view = Operand(source.buffer, source.offset + part.offset)
    if view.offset % max(_ALIGNMENT, DTYPES[output.dtype].itemsize) == 0:
        ctx.alias(output, view)
    else:
        ctx.emit(op, "copy", {"bytes": output.nbytes}, {"input": view, "output": ctx.result(output)})


@lowers("STREAM_MEAN", "STREAM_SUM", "STREAM_AVERAGE_POOL_2D")
def lower_sums(ctx: Lowering, op: Operator) -> None:
    """int8. Inputs: the rows before those of the running sums (or none), and the new rows of the sums with those after."""
    sums = _option(ctx, op, "sums")
    assert isinstance(sums, Sums)
    top, bottom, output = ctx.optional_input(op, 0), ctx.input(op, 1), ctx.output(op)
    ctx.require_dtype(op, bottom, "int8")
    ctx.require_dtype(op, output, "int8")
    running = ctx.state(f"{output.name}_sums", 4 * sums.channels, "int32")
    newest = ctx.value(op, bottom)
    shape = {"width": sums.width, "channels": sums.channels}
    ctx.emit(
        op,
        "running_sums_s8",
        {"rows": sums.new, "window": sums.window, **shape},
        {
            "input": newest,
            "ring": ctx.state(f"{output.name}_rows", 2 * sums.window * sums.channels, "int16"),
            "sums": running,
            "position": ctx.state(f"{output.name}_position", 4, "int32"),
        },
    )
    edges = Operand(newest.buffer, newest.offset + sums.new * sums.width * sums.channels)
    operands = {
        "sums": running,
        "top": ctx.value(op, top) if top is not None else None,
        "bottom": edges if sums.bottom else None,
        "output": ctx.result(output),
    }
    parameters = {"top_rows": sums.top, "bottom_rows": sums.bottom, **shape}
    if op.name == "STREAM_AVERAGE_POOL_2D":
        check_same_scale(ctx, op, bottom, output)
        parameters |= {"count": sums.count, **activation_range(ctx, op, output)}
        ctx.emit(op, "average_of_sums_s8", parameters, operands)
    else:
        parameters |= sum_scales(ctx, op, bottom, output, sums.count, is_mean=op.name == "STREAM_MEAN")
        ctx.emit(op, "mean_of_sums_s8", parameters, operands)


def fits_sums(source: Tensor, output: Tensor, width: int) -> bool:
    """True where the running sums can hold a row of `width` pixels."""
    return source.dtype == output.dtype == "int8" and width <= WIDTH_MOST
