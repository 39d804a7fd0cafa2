"""Incremental inference: a model that looks at a window of frames computes only what a new hop changes.

streamed = stream(graph, window_frames=49, hop_frames=2)
planned = plan(lower(streamed.graph, core))
"""

from __future__ import annotations

from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError
from fieldwren.graph import Graph
from fieldwren.ops.lowering import lower
from fieldwren.streaming.analysis import analyse
from fieldwren.streaming.incremental import incremental
from fieldwren.streaming.interpreter import StreamInterpreter
from fieldwren.streaming.streamed import Streamed

__all__ = ["StreamInterpreter", "Streamed", "stream", "stride_in_time"]


def stream(graph: Graph, *, window_frames: int, hop_frames: int) -> Streamed:
    """The incremental form of `graph`, whose input is a window of `window_frames` frames, the oldest first.

    Layers whose rows lie further apart than the hop need more phases, and every phase makes all its steps at once: where
    it is less work, they are run whole. Raises UnsupportedError or BadInputError with the reason for a model that cannot
    be streamed at that hop.
    """
    whole = analyse(graph, window_frames)
    found: list[tuple[int, int, Streamed]] = []
    refused: BadInputError | None = None
    for most in reversed(whole.strides):
        try:
            streamed = incremental(analyse(graph, window_frames, stride_most=most), hop_frames)
        except BadInputError as error:
            refused = refused or error
            continue
        found.append((lower(streamed.graph, PORTABLE).macs, len(found), streamed))
    if not found:
        assert refused is not None
        raise refused
    return min(found, key=lambda each: each[:2])[2]


def stride_in_time(graph: Graph, *, window_frames: int) -> int:
    """Frames by which the window must move for one set of states to do; other hops are possible with several."""
    return analyse(graph, window_frames).stride
