"""Which tensors of a graph are streamed: the lanes of all tensors, and what every operator does along time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import lcm

from fieldwren.errors import UnsupportedError
from fieldwren.graph import Graph, Operator
from fieldwren.streaming.lanes import Lane, Stream, time_axis
from fieldwren.streaming.rules import Flow, Known, Reduced, Renamed, Rows, flow

STATEFUL = ("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE", "CALL_ONCE")


@dataclass(frozen=True)
class Analysis:
    """`flows[i]` of operator i: None where it runs whole, or has nothing to do with time."""

    graph: Graph
    window_frames: int
    lanes: Mapping[int, Lane]
    flows: tuple[Flow | None, ...]

    @property
    def stride(self) -> int:
        """Frames after which all streamed rows have moved by whole rows."""
        return lcm(*(lane.stream.stride for lane in self.lanes.values()))

    @property
    def strides(self) -> tuple[int, ...]:
        """The strides of the streamed tensors, ascending."""
        return tuple(sorted({lane.stream.stride for lane in self.lanes.values()}))


def analyse(graph: Graph, window_frames: int, *, stride_most: int | None = None) -> Analysis:
    """Follows the frames of the only input through `graph`; tensors with a larger stride than `stride_most` run whole.

    Raises UnsupportedError naming the reason for a model that cannot be streamed.
    """
    subgraph = graph.main
    if len(subgraph.inputs) != 1:
        raise UnsupportedError(
            f"{graph.name}: cannot stream: it has {len(subgraph.inputs)} inputs, and frames go to one"
        )
    if any(tensor.is_variable for tensor in subgraph.tensors) or any(op.name in STATEFUL for op in subgraph.operators):
        raise UnsupportedError(
            f"{graph.name}: cannot stream: it keeps a state between inferences already, and sees each frame once as it is"
        )
    source = subgraph.tensors[subgraph.inputs[0]]
    if window_frames < 2 or source.elements % window_frames:
        raise UnsupportedError(
            f"{graph.name}: cannot stream: the input {source.name!r} {list(source.shape)} is no window of {window_frames} frames"
        )
    elements = source.elements // window_frames
    if time_axis(source.shape, window_frames, elements) is None:
        raise UnsupportedError(
            f"{graph.name}: cannot stream: the {window_frames} frames of the input {source.name!r} {list(source.shape)} do not "
            "follow each other in memory"
        )
    lanes = {source.index: Lane(Stream(source.index, window_frames, elements, 1, 0, 0), 0, window_frames)}
    constant = frozenset(tensor.index for tensor in subgraph.tensors if tensor.data is not None)
    flows: list[Flow | None] = []
    for op in subgraph.operators:
        made = _flow(Known(subgraph, lanes, constant), op, stride_most)
        flows.append(made)
        if isinstance(made, Rows):
            lanes[op.outputs[0]] = Lane(made.stream, 0, made.stream.count)
        elif isinstance(made, Renamed):
            lanes[op.outputs[0]] = made.lane
        elif op.name == "SHAPE" or all(index in constant for index in op.inputs if index >= 0):
            constant |= frozenset(op.outputs)
    if not any(isinstance(made, Rows | Reduced) for made in flows):
        whole = (op for op, made in zip(subgraph.operators, flows, strict=True) if made is None and _reads(op, lanes))
        first = next((op for op in whole if op.name != "SHAPE"), None)
        why = "it computes no rows from rows"
        if first is not None:
            why = f"operator {first.index} {first.name} needs the whole window before any row is computed on its own"
        raise UnsupportedError(f"{graph.name}: cannot stream: {why}")
    return Analysis(graph, window_frames, lanes, tuple(flows))


def _reads(op: Operator, lanes: Mapping[int, Lane]) -> bool:
    """True when `op` has a streamed input."""
    return any(index in lanes for index in op.inputs)


def _flow(known: Known, op: Operator, stride_most: int | None) -> Flow | None:
    if op.name == "SHAPE" or not _reads(op, known.lanes):
        return None
    made = flow(known, op)
    if isinstance(made, Rows) and stride_most is not None and made.stream.stride > stride_most:
        return None
    return made
