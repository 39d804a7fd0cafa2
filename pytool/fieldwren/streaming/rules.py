"""For each operator: how its rows over time follow from those of its inputs, or that it needs the whole window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from fieldwren.graph import Operator, Subgraph, Tensor
from fieldwren.ops.streaming import fits_sums
from fieldwren.streaming.lanes import POINTWISE, Lane, Stream, Window, is_flat, time_axis

_UNARY = (
    *("RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "PRELU", "ELU", "LOGISTIC", "TANH", "HARD_SWISH"),
    *("QUANTIZE", "DEQUANTIZE", "CAST", "ABS", "NEG", "SQRT", "RSQRT", "SQUARE", "EXP", "LOG"),
)
_BINARY = ("ADD", "SUB", "MUL", "DIV", "SQUARED_DIFFERENCE", "MAXIMUM", "MINIMUM")
_RENAMING = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
_LAST_AXIS = ("SOFTMAX", "LOG_SOFTMAX")
_SAME = 0


@dataclass(frozen=True)
class Rows:
    """The operator computes rows of `stream`, each from a `window` of the rows of its streamed inputs."""

    stream: Stream
    window: Window


@dataclass(frozen=True)
class Renamed:
    """The output is memory of the input."""

    lane: Lane


@dataclass(frozen=True)
class Reduced:
    """A sum over all rows of the input, and over the `width` pixels of a row; `kind` is the STREAM_ operator."""

    kind: str
    width: int


Flow = Rows | Renamed | Reduced
"""What an operator does along time; None stands for one that needs its inputs whole."""


@dataclass(frozen=True)
class Known:
    """What is known when an operator is looked at: the lanes of the tensors before it, and what is constant."""

    subgraph: Subgraph
    lanes: Mapping[int, Lane]
    constant: frozenset[int]

    def tensor(self, op: Operator, position: int) -> Tensor:
        """Input `position` of `op`."""
        return self.subgraph.tensors[op.inputs[position]]

    def output(self, op: Operator) -> Tensor:
        """The first output of `op`."""
        return self.subgraph.tensors[op.outputs[0]]

    def values(self, op: Operator, position: int) -> list[int] | None:
        """A constant vector of integers; None where the file does not hold it."""
        if position >= len(op.inputs) or op.inputs[position] < 0:
            return None
        data = self.tensor(op, position).data
        return None if data is None else [int(value) for value in np.ravel(data)]


def flow(known: Known, op: Operator) -> Flow | None:
    """What `op`, which has a streamed input and one output, does along time."""
    rule = _RULES.get(op.name)
    if rule is None or len(op.outputs) != 1 or op.is_custom:
        return None
    return rule(known, op)


def _rows(known: Known, op: Operator, lanes: Sequence[Lane], window: Window) -> Rows | None:
    """The flow into the output of `op`; None where its rows do not follow each other in memory, or there is one only."""
    output, lane = known.output(op), lanes[0]
    if any(other.stream.stride != lane.stream.stride or other.count != lane.count for other in lanes):
        return None
    axis = next((i for i, size in enumerate(output.shape) if size != 1), None)
    if axis is None:
        return None
    count = lane.count if window == POINTWISE else output.shape[axis]
    if (
        count < 2
        or output.elements == 0
        or output.elements % count
        or time_axis(output.shape, count, output.elements // count) is None
    ):
        return None
    edges = [window.edges(each, count) for each in lanes]
    top, bottom = max(edge[0] for edge in edges), max(edge[1] for edge in edges)
    stride = lane.stream.stride * window.stride
    return Rows(Stream(output.index, count, output.elements // count, stride, top, bottom), window)


def _axis(known: Known, op: Operator, position: int) -> int | None:
    """The time dimension of a streamed input; None for a flat one."""
    lane, tensor = known.lanes[op.inputs[position]], known.tensor(op, position)
    axis = time_axis(tensor.shape, lane.count, lane.stream.elements)
    return None if axis is None or is_flat(tensor.shape, axis, lane.count) else axis


def _elementwise(known: Known, op: Operator) -> Flow | None:
    output = known.output(op)
    lanes = [known.lanes[index] for index in op.inputs if index in known.lanes]
    rows = _rows(known, op, lanes, POINTWISE)
    if rows is None:
        return None
    axis = next(i for i, size in enumerate(output.shape) if size != 1)
    flat = is_flat(output.shape, axis, rows.stream.count)
    for index in op.inputs:
        shape = known.subgraph.tensors[index].shape
        if index in known.lanes:
            if len(shape) != len(output.shape) or shape[: axis + 1] != output.shape[: axis + 1]:
                return None
        elif index not in known.constant:
            return None
        elif prod(shape) != 1:
            # A constant may differ from channel to channel, but not from row to row.
            place = axis - (len(output.shape) - len(shape))
            if flat or (place >= 0 and shape[place] != 1):
                return None
    return rows


def _renaming(known: Known, op: Operator) -> Flow | None:
    lane = known.lanes.get(op.inputs[0])
    if lane is None or time_axis(known.output(op).shape, lane.count, lane.stream.elements) is None:
        return None
    return Renamed(lane)


def _window_operator(known: Known, op: Operator) -> Flow | None:
    source, output = known.tensor(op, 0), known.output(op)
    if op.inputs[0] not in known.lanes or any(index in known.lanes for index in op.inputs[1:]):
        return None
    axis = _axis(known, op, 0)
    if axis not in (1, 2) or len(source.shape) != 4 or len(output.shape) != 4:
        return None
    if op.name == "AVERAGE_POOL_2D" and (reduced := _whole_average(known, op, axis)) is not None:
        return reduced
    window = _window(known, op, axis)
    if window is None or any(size != 1 for size in output.shape[:axis]):
        return None
    return _rows(known, op, [known.lanes[op.inputs[0]]], window)


def _window(known: Known, op: Operator, axis: int) -> Window | None:
    """The window of a convolution or pool along `axis` 1 (height) or 2 (width)."""
    options, letter, name = op.options, "hw"[axis - 1], ("height", "width")[axis - 1]
    if "POOL" in op.name:
        kernel, dilation = options.get(f"filter_{name}", 0), 1
    else:
        weights = known.tensor(op, 1)
        if len(weights.shape) != 4:
            return None
        kernel, dilation = weights.shape[axis], options.get(f"dilation_{letter}_factor", 1)
    stride = options.get(f"stride_{letter}", 1)
    if kernel < 1 or stride < 1 or dilation < 1:
        return None
    reach = (kernel - 1) * dilation + 1
    size, output = known.tensor(op, 0).shape[axis], known.output(op).shape[axis]
    before = max((output - 1) * stride + reach - size, 0) // 2 if options.get("padding", _SAME) == _SAME else 0
    return Window(stride, reach, before)


def _whole_average(known: Known, op: Operator, axis: int) -> Reduced | None:
    """An average over all of time, of whole rows or of each of their pixels."""
    source, output = known.tensor(op, 0), known.output(op)
    kernel = op.options.get("filter_height", 0), op.options.get("filter_width", 0)
    if output.shape[axis] != 1 or kernel[axis - 1] != source.shape[axis]:
        return None
    width = source.shape[2] if axis == 1 else 1
    covers = axis == 2 or (output.shape[2] == 1 and kernel[1] == width)
    if not covers or kernel[2 - axis] != source.shape[3 - axis] or not fits_sums(source, output, width):
        return None
    return Reduced("STREAM_AVERAGE_POOL_2D", width)


def _reduction(known: Known, op: Operator) -> Flow | None:
    """MEAN and SUM over time, and over the dimensions right behind it."""
    source, output = known.tensor(op, 0), known.output(op)
    axes = known.values(op, 1)
    time = _axis(known, op, 0) if op.inputs[0] in known.lanes else None
    if axes is None or time is None:
        return None
    rank = len(source.shape)
    reduced = {axis % rank for axis in axes if -rank <= axis < rank}
    behind = time
    while behind in reduced:
        behind += 1
    others = [axis for axis in reduced if axis >= behind and source.shape[axis] != 1]
    width = prod(source.shape[time + 1 : behind])
    if behind == time or others or not fits_sums(source, output, width):
        return None
    return Reduced(f"STREAM_{op.name}", width)


def _fully_connected(known: Known, op: Operator) -> Flow | None:
    """The rows of a matrix: where the weights are as wide as the last dimension, time is among the others."""
    if op.inputs[0] not in known.lanes or any(i in known.lanes for i in op.inputs[1:]):
        return None
    axis = _axis(known, op, 0)
    weights, lane = known.tensor(op, 1), known.lanes[op.inputs[0]]
    if axis is None or len(weights.shape) != 2 or lane.stream.elements % weights.shape[1]:
        return None
    return _rows(known, op, [lane], POINTWISE)


def _last_axis(known: Known, op: Operator) -> Flow | None:
    axis = _axis(known, op, 0)
    if axis is None or axis == len(known.tensor(op, 0).shape) - 1:
        return None
    return _rows(known, op, [known.lanes[op.inputs[0]]], POINTWISE)


def _concatenation(known: Known, op: Operator) -> Flow | None:
    output = known.output(op)
    if any(index not in known.lanes for index in op.inputs):
        return None
    axes = {_axis(known, op, position) for position in range(len(op.inputs))}
    joined = op.options.get("axis", 0) % len(output.shape)
    if len(axes) != 1 or None in axes or joined <= min(axis for axis in axes if axis is not None):
        return None
    return _rows(known, op, [known.lanes[index] for index in op.inputs], POINTWISE)


def _padding(known: Known, op: Operator) -> Flow | None:
    axis, paddings = (_axis(known, op, 0) if op.inputs[0] in known.lanes else None), known.values(op, 1)
    if axis is None or paddings is None or any(i in known.lanes for i in op.inputs[1:]):
        return None
    before, after = paddings[2 * axis : 2 * axis + 2]
    lane, output = known.lanes[op.inputs[0]], known.output(op)
    if any(paddings[: 2 * axis]) or min(paddings) < 0 or output.shape[axis] != lane.count + before + after:
        return None
    rows = _rows(known, op, [lane], Window(before=before)) if before or after else _rows(known, op, [lane], POINTWISE)
    if rows is None:
        return None
    # A piece of the output holds at least one row of the input, or there would be nothing to copy.
    top = before + max(lane.top, 1) if before else lane.top
    bottom = after + max(lane.bottom, 1) if after else lane.bottom
    stream = rows.stream
    made = Stream(stream.tensor, stream.count, stream.elements, stream.stride, top, bottom)
    return Rows(made, rows.window)


def _crop(known: Known, op: Operator) -> Flow | None:
    """SLICE and STRIDED_SLICE that leave out rows at the ends, and nothing else."""
    source, output = known.tensor(op, 0), known.output(op)
    axis, begins = (_axis(known, op, 0) if op.inputs[0] in known.lanes else None), known.values(op, 1)
    if axis is None or begins is None or len(begins) != len(source.shape) or len(output.shape) != len(source.shape):
        return None
    if op.name == "STRIDED_SLICE":
        steps = known.values(op, 3)
        masks = ("ellipsis_mask", "new_axis_mask", "shrink_axis_mask", "offset")
        if steps is None or any(step != 1 for step in steps) or any(op.options.get(mask) for mask in masks):
            return None
        if op.options.get("begin_mask", 0) >> axis & 1:
            begins[axis] = 0
    rest = [i for i in range(len(source.shape)) if i != axis]
    begin, lane = begins[axis], known.lanes[op.inputs[0]]
    begin += lane.count if begin < 0 else 0
    count = output.shape[axis]
    if any(source.shape[i] != output.shape[i] for i in rest) or count < 2 or not 0 <= begin <= lane.count - count:
        return None
    return Renamed(Lane(lane.stream, lane.first + begin, count))


_RULES: Mapping[str, Callable[[Known, Operator], Flow | None]] = {
    **dict.fromkeys((*_UNARY, *_BINARY), _elementwise),
    **dict.fromkeys(_RENAMING, _renaming),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D"), _window_operator),
    **dict.fromkeys(("MEAN", "SUM"), _reduction),
    **dict.fromkeys(_LAST_AXIS, _last_axis),
    **dict.fromkeys(("PAD", "PADV2"), _padding),
    **dict.fromkeys(("SLICE", "STRIDED_SLICE"), _crop),
    "FULLY_CONNECTED": _fully_connected,
    "CONCATENATION": _concatenation,
}
