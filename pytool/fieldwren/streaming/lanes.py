"""How the tensors of a window model lie along time, and which of their rows a hop changes.

A tensor has `count` rows, one after the other in memory, from the oldest to the newest. A row that depends on frames
only, and on nothing about where the window begins or ends, is the same row again in the next window, further up. Rows
near the ends may depend on padding; they have to be computed again for every window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

Range = tuple[int, int]
"""Rows from the first to before the second."""


@dataclass(frozen=True)
class Stream:
    """The rows of one computed tensor, whatever shapes it is looked at in.

    `tensor` computes them; a row has `elements`. `stride` frames lie between two rows. The first `top` and the last
    `bottom` rows depend on the window's ends.
    """

    tensor: int
    count: int
    elements: int
    stride: int
    top: int
    bottom: int

    def fresh(self, hop: int) -> tuple[Range, ...]:
        """The rows that have to be computed after `hop` new frames, a multiple of `stride`."""
        first = self.count - self.bottom - hop // self.stride
        if first <= self.top:
            return ((0, self.count),)
        return ((0, self.top), (first, self.count)) if self.top else ((first, self.count),)


@dataclass(frozen=True)
class Lane:
    """A tensor that consists of the `count` rows of `stream` from `first` on."""

    stream: Stream
    first: int
    count: int

    @property
    def top(self) -> int:
        """Its first rows that depend on the window's ends."""
        return max(0, self.stream.top - self.first)

    @property
    def bottom(self) -> int:
        """Its last rows that depend on the window's ends."""
        return max(0, self.stream.bottom - (self.stream.count - self.first - self.count))


@dataclass(frozen=True)
class Window:
    """Output row r is made of `reach` input rows from r * `stride` - `before` on, as far as they exist."""

    stride: int = 1
    reach: int = 1
    before: int = 0

    def rows(self, wanted: Range, count: int) -> Range:
        """The input rows, out of `count`, that the output rows `wanted` are made of."""
        first = wanted[0] * self.stride - self.before
        last = (wanted[1] - 1) * self.stride - self.before + self.reach
        return max(first, 0), min(last, count)

    def padding(self, wanted: Range) -> int:
        """Rows missing before the first."""
        return max(self.before - wanted[0] * self.stride, 0)

    def edges(self, lane: Lane, count: int) -> tuple[int, int]:
        """(top, bottom) of `count` output rows made of `lane`."""
        top = -(-(lane.top + self.before) // self.stride)
        whole = (lane.count - lane.bottom - self.reach + self.before) // self.stride + 1
        return min(top, count), count - max(min(whole, count), 0)


POINTWISE = Window()


def time_axis(shape: Sequence[int], count: int, elements: int) -> int | None:
    """The dimension of `shape` whose slices are `count` rows of `elements`; None where there is none.

    It is the first that is not 1. A flat tensor has its rows in one dimension with their elements: then too it is that
    one, and `is_flat` tells.
    """
    for axis, size in enumerate(shape):
        if size != 1:
            inner = prod(shape[axis + 1 :])
            fits = (size == count and inner == elements) or (size == count * elements and inner == 1)
            return axis if fits else None
    return None


def is_flat(shape: Sequence[int], axis: int, count: int) -> bool:
    """True where dimension `axis` holds rows together with their elements."""
    return shape[axis] != count


def with_rows(shape: Sequence[int], axis: int, count: int, rows: int) -> tuple[int, ...]:
    """`shape` with `rows` in place of `count` rows."""
    return tuple(size // count * rows if i == axis else size for i, size in enumerate(shape))
