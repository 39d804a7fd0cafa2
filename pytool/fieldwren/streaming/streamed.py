"""What a window model becomes, and how it is to be run."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from fieldwren.graph import Graph


@dataclass(frozen=True)
class Streamed:
    """An incremental model, `graph`: it takes the newest `fed_frames` frames and gives what the window model would.

    It is run every `hop_frames` frames. Where that is no multiple of the model's stride in time, `phases` instances of
    its state take turns, and each of them moves on by `fed_frames` = `phases` * `hop_frames`.
    """

    graph: Graph
    window_frames: int
    hop_frames: int
    phases: int

    @property
    def fed_frames(self) -> int:
        """Frames in the input."""
        return self.phases * self.hop_frames

    @property
    def warm_up(self) -> int:
        """Runs after a reset before the first whose window is full; their outputs mean nothing."""
        return -(-self.window_frames // self.hop_frames) - 1

    @property
    def first_frames(self) -> int:
        """Frames until the first run, so that a window is full after exactly `window_frames`."""
        return self.window_frames - self.warm_up * self.hop_frames


def phases_of(stride: int, hop_frames: int) -> int:
    """States that take turns when rows that lie `stride` frames apart are looked at every `hop_frames`."""
    return stride // gcd(stride, hop_frames)
