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

_WORTH_A_PHASE = 0.9

__all__ = ["StreamInterpreter", "Streamed", "stream", "stride_in_time"]


def stream(graph: Graph, *, window_frames: int, hop_frames: int) -> Streamed:
    """The incremental form of `graph`, whose input is a window of `window_frames` frames, the oldest first.

    Layers whose rows lie further apart than the hop need more phases, and every phase makes all its steps at once: they
    are run whole unless that would be a tenth more work, for every phase takes RAM. Raises UnsupportedError or
    BadInputError with the reason for a model that cannot be streamed at that hop.
    """
    lower(graph, PORTABLE)  # refuses what makes no sense, so that nothing here has to
    found: list[tuple[int, int, Streamed]] = []
    refused: BadInputError | None = None
    for stride in reversed(analyse(graph, window_frames).strides):
        try:
            streamed = incremental(analyse(graph, window_frames, stride_most=stride), hop_frames)
        except BadInputError as error:
            refused = refused or error
            continue
        found.append((streamed.phases, lower(streamed.graph, PORTABLE).macs, streamed))
    if not found:
        assert refused is not None
        raise refused
    found.sort(key=lambda each: each[:2])
    best = found[0]
    for phases, macs, streamed in found[1:]:
        if phases > best[0] and macs <= _WORTH_A_PHASE * best[1]:
            best = phases, macs, streamed
    return best[2]


def stride_in_time(graph: Graph, *, window_frames: int) -> int:
    """Frames by which the window must move for one set of states to do; other hops are possible with several.

    Layers at whose stride nothing of the window would be left are not counted: they run whole.
    """
    strides = analyse(graph, window_frames).strides
    counted = (analyse(graph, window_frames, stride_most=stride).stride for stride in reversed(strides))
    return next(stride for stride in counted if stride < window_frames)
