"""Incremental inference: a model that looks at a window of frames computes only what a new hop changes.

streamed = stream(graph, window_frames=49, hop_frames=2)
planned = plan(lower(streamed.graph, core))
"""

from __future__ import annotations

from fieldwren.graph import Graph
from fieldwren.streaming.analysis import analyse
from fieldwren.streaming.incremental import incremental
from fieldwren.streaming.interpreter import StreamInterpreter
from fieldwren.streaming.streamed import Streamed

__all__ = ["StreamInterpreter", "Streamed", "stream", "stride_in_time"]


def stream(graph: Graph, *, window_frames: int, hop_frames: int) -> Streamed:
    """The incremental form of `graph`, whose input is a window of `window_frames` frames, the oldest first.

    Raises UnsupportedError or BadInputError with the reason for a model that cannot be streamed at that hop.
    """
    return incremental(analyse(graph, window_frames), hop_frames)


def stride_in_time(graph: Graph, *, window_frames: int) -> int:
    """Frames by which the window must move for one set of states to do; other hops are possible with several."""
    return analyse(graph, window_frames).stride
