"""A window model becomes an incremental one: the same results, from the rows that a hop changes.

For every streamed tensor the rows to compute are known (`Stream.fresh`). Working backwards from what the operators
read, each tensor either is needed only where it is fresh, and lives in the arena, or older rows are needed too: then it
gets a slab, state memory that keeps them. Forwards, every operator is put down once for each range of fresh rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from fieldwren.errors import BadInputError
from fieldwren.graph import DTYPES, Graph, Operator
from fieldwren.ops.streaming import Part, Slab, Sums
from fieldwren.streaming.analysis import Analysis
from fieldwren.streaming.lanes import Lane, Range, Stream, Window, time_axis, with_rows
from fieldwren.streaming.rules import Reduced, Renamed, Rows
from fieldwren.streaming.streamed import Streamed, phases_of

_ALIGNMENT = 4


def incremental(analysis: Analysis, hop_frames: int) -> Streamed:
    """The incremental form of the analysed model, for a hop of `hop_frames`.

    Raises BadInputError when a hop replaces the whole window.
    """
    if hop_frames < 1:
        raise BadInputError(f"{analysis.graph.name}: a hop of {hop_frames} frames is none")
    phases = phases_of(analysis.stride, hop_frames)
    if phases * hop_frames >= analysis.window_frames:
        raise BadInputError(
            f"{analysis.graph.name}: cannot stream: a hop of {hop_frames} frames at a stride of {analysis.stride} in time changes "
            f"all of the window of {analysis.window_frames} frames"
        )
    graph = _Writer(analysis, phases * hop_frames).graph()
    return Streamed(graph, analysis.window_frames, hop_frames, phases)


@dataclass(frozen=True)
class _Store:
    """Where the rows of a stream are: in one slab from row `first` on, or in a tensor for each range of fresh rows."""

    fresh: tuple[Range, ...]
    pieces: Mapping[Range, int]
    slab: int | None = None
    first: int = 0


class _Writer:
    """Puts the incremental graph together."""

    def __init__(self, analysis: Analysis, hop: int) -> None:
        self.analysis = analysis
        self.hop = hop
        self.subgraph = analysis.graph.main
        self.tensors = list(self.subgraph.tensors)
        self.operators: list[Operator] = []
        self.demands = self._demands()
        self.stores: dict[int, _Store] = {}
        self.views: dict[tuple[int, Range], int] = {}
        self.whole: set[int] = set()

    def graph(self) -> Graph:
        """The incremental graph."""
        source = self.subgraph.inputs[0]
        fed = self._input(self.analysis.lanes[source].stream)
        for op, flow in zip(self.subgraph.operators, self.analysis.flows, strict=True):
            if isinstance(flow, Rows):
                self._compute(op, flow)
            elif isinstance(flow, Reduced) and (sums := self._sums(op, flow)) is not None:
                self._reduce(op, flow, sums)
            elif not isinstance(flow, Renamed):
                self._run_whole(op)
        for index in self.subgraph.outputs:
            self._make_whole(index, len(self.subgraph.operators))
        made = replace(self.subgraph, tensors=tuple(self.tensors), operators=tuple(self.operators), inputs=(fed,))
        return replace(self.analysis.graph, subgraphs=(made, *self.analysis.graph.subgraphs[1:]))

    # Backwards: which rows are read.

    def _demands(self) -> dict[int, list[Range]]:
        demands: dict[int, list[Range]] = {}

        def need(tensor: int, rows: Range) -> None:
            lane = self.analysis.lanes[tensor]
            demands.setdefault(lane.stream.tensor, []).append((lane.first + rows[0], lane.first + rows[1]))

        def need_whole(tensor: int) -> None:
            if tensor in self.analysis.lanes:
                need(tensor, (0, self.analysis.lanes[tensor].count))

        for index in self.subgraph.outputs:
            need_whole(index)
        for op, flow in reversed(list(zip(self.subgraph.operators, self.analysis.flows, strict=True))):
            streamed = [index for index in op.inputs if index in self.analysis.lanes]
            if isinstance(flow, Rows):
                wanted = demands.get(flow.stream.tensor)
                for rows in _to_compute(flow.stream, self.hop, wanted) if wanted else ():
                    for index in streamed:
                        need(index, flow.window.rows(rows, self.analysis.lanes[index].count))
            elif isinstance(flow, Reduced) and (sums := self._sums(op, flow)) is not None:
                count = self.analysis.lanes[op.inputs[0]].count
                if sums.top:
                    need(op.inputs[0], (0, sums.top))
                need(op.inputs[0], (count - sums.bottom - sums.new, count))
            elif not isinstance(flow, Renamed) and op.name != "SHAPE":
                for index in streamed:
                    need_whole(index)
        return demands

    def _sums(self, op: Operator, flow: Reduced) -> Sums | None:
        """How running sums cover the rows; None where a hop replaces all of them."""
        lane = self.analysis.lanes[op.inputs[0]]
        new, window = self.hop // lane.stream.stride, lane.count - lane.top - lane.bottom
        if new >= window:
            return None
        return Sums(new, window, lane.top, lane.bottom, flow.width, lane.stream.elements // flow.width)

    # Forwards: slabs, views, and the operators between them.

    def _input(self, stream: Stream) -> int:
        """The tensor that the caller feeds, and the slab that remembers earlier frames."""
        rows = (stream.count - self.hop, stream.count)
        fed = self._new(stream.tensor, self._shape(stream.tensor, stream.count, stream, rows))
        op = Operator(0, "INPUT", 1, (), (stream.tensor,))
        self.stores[stream.tensor] = self._store(op, stream, (rows,), {rows: fed})
        self._keep(op, stream, rows)
        return fed

    def _compute(self, op: Operator, flow: Rows) -> None:
        stream = flow.stream
        wanted = self.demands.get(stream.tensor)
        if not wanted:
            return
        ranges = _to_compute(stream, self.hop, wanted)
        pieces = {
            rows: self._new(stream.tensor, self._shape(stream.tensor, stream.count, stream, rows)) for rows in ranges
        }
        self.stores[stream.tensor] = self._store(op, stream, ranges, pieces)
        for rows in ranges:
            inputs = []
            for index in op.inputs:
                if index in self.analysis.lanes:
                    needed = flow.window.rows(rows, self.analysis.lanes[index].count)
                    inputs.append(self._view(op, index, needed))
                else:
                    inputs.append(index)
            self._add(self._on_rows(replace(op, inputs=tuple(inputs), outputs=(pieces[rows],)), op, flow.window, rows))
            self._keep(op, stream, rows)

    def _on_rows(self, piece: Operator, op: Operator, window: Window, rows: Range) -> Operator:
        """`piece`, which computes `rows` of the output of `op`, with the padding that these rows have."""
        if op.name in ("PAD", "PADV2"):
            return self._padded(piece, op, window, rows)
        if "CONV_2D" not in op.name and "POOL_2D" not in op.name:
            return piece
        shape = self.subgraph.tensors[op.inputs[0]].shape
        lane = self.analysis.lanes[op.inputs[0]]
        axis = time_axis(shape, lane.count, lane.stream.elements)
        name = "height" if axis == 1 else "width"
        return replace(piece, options={**op.options, f"explicit_pad_{name}": window.padding(rows)})

    def _padded(self, piece: Operator, op: Operator, window: Window, rows: Range) -> Operator:
        lane, paddings = self.analysis.lanes[op.inputs[0]], self.subgraph.tensors[op.inputs[1]]
        assert paddings.data is not None
        axis = time_axis(self.subgraph.tensors[op.inputs[0]].shape, lane.count, lane.stream.elements)
        assert axis is not None
        before, (first, last) = window.padding(rows), window.rows(rows, lane.count)
        values = np.array(paddings.data).reshape(-1, 2)
        values[axis] = before, rows[1] - rows[0] - before - (last - first)
        index = self._new(paddings.index, paddings.shape, data=values.reshape(paddings.shape))
        return replace(piece, inputs=(piece.inputs[0], index, *piece.inputs[2:]))

    def _reduce(self, op: Operator, flow: Reduced, sums: Sums) -> None:
        source = op.inputs[0]
        count = self.analysis.lanes[source].count
        top = self._view(op, source, (0, sums.top)) if sums.top else -1
        bottom = self._view(op, source, (count - sums.bottom - sums.new, count))
        options = {**op.options, "sums": sums}
        self._add(Operator(op.index, flow.kind, 1, (top, bottom), op.outputs, options))

    def _run_whole(self, op: Operator) -> None:
        """`op` as it is, on whole tensors."""
        if op.name != "SHAPE":
            for index in op.inputs:
                self._make_whole(index, op.index)
        self._add(op)

    def _make_whole(self, index: int, operator: int) -> None:
        """Gives the streamed tensor `index` all of its rows under its own number."""
        lane = self.analysis.lanes.get(index)
        if lane is None or index in self.whole:
            return
        self.whole.add(index)
        op = Operator(operator, "STREAM_ROWS", 1, (), (index,))
        self._rows(op, lane, (0, lane.count), index)

    def _view(self, op: Operator, index: int, rows: Range) -> int:
        """A tensor with `rows` of the streamed tensor `index`, in its shape."""
        lane = self.analysis.lanes[index]
        store, wanted = self.stores[lane.stream.tensor], (lane.first + rows[0], lane.first + rows[1])
        shape = self._shape(index, lane.count, lane.stream, rows)
        if store.slab is None and wanted in store.pieces and self.tensors[store.pieces[wanted]].shape == shape:
            return store.pieces[wanted]
        if (index, rows) not in self.views:
            self.views[index, rows] = self._new(index, shape)
            self._rows(op, lane, rows, self.views[index, rows])
        return self.views[index, rows]

    def _rows(self, op: Operator, lane: Lane, rows: Range, output: int) -> None:
        store = self.stores[lane.stream.tensor]
        first, last = lane.first + rows[0], lane.first + rows[1]
        if store.slab is not None:
            holder, begin = store.slab, store.first
        else:
            begin, holder = next((r[0], t) for r, t in store.pieces.items() if r[0] <= first and last <= r[1])
        part = Part((first - begin) * self._row_bytes(lane.stream))
        self._add(Operator(op.index, "STREAM_ROWS", 1, (holder,), (output,), {"part": part}))

    def _store(self, op: Operator, stream: Stream, fresh: tuple[Range, ...], pieces: Mapping[Range, int]) -> _Store:
        """Memory for a stream, and the operator that moves up what it keeps."""
        wanted = self.demands.get(stream.tensor, [])
        if all(any(r[0] <= first and last <= r[1] for r in fresh) for first, last in wanted):
            return _Store(fresh, pieces)
        begin = min(first for first, _ in wanted)
        size, hop = self._row_bytes(stream), self.hop // stream.stride
        kept = max(begin, stream.top)
        rows = max(stream.count - stream.bottom - hop - kept, 0)
        # The largest range that is read begins where kernels take it.
        largest = max(wanted, key=lambda each: (each[1] - each[0], each[0]))
        shape = (stream.count - begin, stream.elements)
        slab = Slab(
            nbytes=(stream.count - begin) * size,
            lead=-(largest[0] - begin) * size % _ALIGNMENT,
            first=(kept - begin) * size,
            kept=rows * size,
            distance=hop * size,
            written=tuple((pieces[each], (each[0] - begin) * size) for each in fresh),
        )
        index = self._new(stream.tensor, shape)
        self._add(Operator(op.index, "STREAM_SLAB", 1, (), (index,), {"slab": slab}))
        return _Store(fresh, pieces, index, begin)

    def _keep(self, op: Operator, stream: Stream, rows: Range) -> None:
        """Sees to it that computed rows are in the slab."""
        store = self.stores[stream.tensor]
        if store.slab is not None:
            part = Part((rows[0] - store.first) * self._row_bytes(stream))
            self._add(
                Operator(op.index, "STREAM_STORE", 1, (store.pieces[rows], store.slab), (store.slab,), {"part": part})
            )

    def _row_bytes(self, stream: Stream) -> int:
        return stream.elements * DTYPES[self.tensors[stream.tensor].dtype].itemsize

    def _shape(self, index: int, count: int, stream: Stream, rows: Range) -> tuple[int, ...]:
        """The shape of tensor `index`, of `count` rows, with `rows` only."""
        shape = self.subgraph.tensors[index].shape
        axis = time_axis(shape, count, prod(shape) // count)
        assert axis is not None, stream
        return with_rows(shape, axis, count, rows[1] - rows[0])

    def _new(self, like: int, shape: tuple[int, ...], data: Any = None) -> int:
        """A tensor with the type and name of another."""
        index = len(self.tensors)
        self.tensors.append(replace(self.tensors[like], index=index, shape=shape, data=data))
        return index

    def _add(self, op: Operator) -> None:
        self.operators.append(op)


def _to_compute(stream: Stream, hop: int, wanted: list[Range]) -> tuple[Range, ...]:
    """The fresh rows that something reads now, or will read once they are older."""
    first = min(rows[0] for rows in wanted)
    last = max(*(rows[1] for rows in wanted), stream.count - stream.bottom)
    clipped = ((max(rows[0], first), min(rows[1], last)) for rows in stream.fresh(hop))
    return tuple(rows for rows in clipped if rows[0] < rows[1])
