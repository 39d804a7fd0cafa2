"""Arena layout: offsets for buffers that are alive over intervals, as low in memory as the search finds."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

_EXHAUSTIVE_UP_TO = 7
_SEARCH_STEPS = 400


@dataclass(frozen=True)
class Span:
    """`nbytes` of memory (a multiple of the alignment) in use from call `first` to call `last`, inclusive."""

    first: int
    last: int
    nbytes: int

    def overlaps(self, other: Span) -> bool:
        """True when both are in use during one call."""
        return self.first <= other.last and other.first <= self.last


Block = tuple[Span, ...]
"""Spans at one address, one after the other in time: a buffer, and the results that are written over it."""


def lower_bound(blocks: Sequence[Block]) -> int:
    """The most bytes alive at once: no layout needs less."""
    changes: dict[int, int] = {}
    for block in blocks:
        for span in block:
            changes[span.first] = changes.get(span.first, 0) + span.nbytes
            changes[span.last + 1] = changes.get(span.last + 1, 0) - span.nbytes
    alive = peak = 0
    for call in sorted(changes):
        alive += changes[call]
        peak = max(peak, alive)
    return peak


def largest(block: Block) -> int:
    """Bytes from the block's address to its end at its largest."""
    return max(span.nbytes for span in block)


def _conflicts(blocks: Sequence[Block]) -> list[list[tuple[int, int, int]]]:
    """For each block those alive together with it: (other, own bytes then, the other's bytes then), each the most.

    One pass over all spans in the order of their beginnings: only spans that overlap are ever compared.
    """
    together: list[dict[int, tuple[int, int]]] = [{} for _ in blocks]

    def meet(one: int, own: Span, other: int, others: Span) -> None:
        before = together[one].get(other, (0, 0))
        together[one][other] = max(before[0], own.nbytes), max(before[1], others.nbytes)

    alive: list[tuple[int, Span]] = []
    for index, span in sorted(
        ((i, s) for i, block in enumerate(blocks) for s in block), key=lambda item: item[1].first
    ):
        alive = [(other, others) for other, others in alive if others.last >= span.first]
        for other, others in alive:
            if other != index:
                meet(index, span, other, others)
                meet(other, others, index, span)
        alive.append((index, span))
    return [[(other, *nbytes) for other, nbytes in sorted(found.items())] for found in together]


def _first_fit(
    order: Sequence[int], blocks: Sequence[Block], conflicts: Sequence[Sequence[tuple[int, int, int]]]
) -> tuple[int, list[int]]:
    """(bytes, offsets) when blocks are placed in `order`, each at the lowest free address."""
    offsets = [-1] * len(blocks)
    total = 0
    for index in order:
        # A block may not begin between `own` bytes before another one and that one's end.
        taken = sorted(
            (offsets[other] - own, offsets[other] + others)
            for other, own, others in conflicts[index]
            if offsets[other] >= 0
        )
        position = 0
        for latest, free in taken:
            if position <= latest:
                break
            position = max(position, free)
        offsets[index] = position
        total = max(total, position + largest(blocks[index]))
    return total, offsets


def _orders(blocks: Sequence[Block]) -> list[list[int]]:
    """Orders that are good on their own: by size, by lifetime × size, by first use."""
    indices = range(len(blocks))
    sizes = [largest(block) for block in blocks]
    areas = [sum((span.last - span.first + 1) * span.nbytes for span in block) for block in blocks]
    return [
        sorted(indices, key=lambda i: (-sizes[i], blocks[i][0].first)),
        sorted(indices, key=lambda i: (-areas[i], blocks[i][0].first)),
        sorted(indices, key=lambda i: (blocks[i][0].first, -sizes[i])),
        sorted(indices, key=lambda i: (-blocks[i][-1].last, -sizes[i])),
    ]


def layout(blocks: Sequence[Block]) -> tuple[int, list[int]]:
    """(bytes, offset of each block): the best of several greedy orders, improved by search until it meets the bound.

    Small graphs are searched exhaustively, larger ones by a fixed number of seeded swaps: the result is repeatable.
    """
    if not blocks:
        return 0, []
    conflicts = _conflicts(blocks)
    bound = lower_bound(blocks)
    results = [(*_first_fit(order, blocks, conflicts), order) for order in _orders(blocks)]
    total, offsets, order = min(results, key=lambda result: result[0])
    if total > bound and len(blocks) <= _EXHAUSTIVE_UP_TO:
        for candidate in itertools.permutations(range(len(blocks))):
            tried, placed = _first_fit(candidate, blocks, conflicts)
            if tried < total:
                total, offsets = tried, placed
    elif total > bound:
        generator = random.Random(0)
        for _ in range(_SEARCH_STEPS):
            i, j = generator.sample(range(len(blocks)), 2)
            swapped = list(order)
            swapped[i], swapped[j] = swapped[j], swapped[i]
            tried, placed = _first_fit(swapped, blocks, conflicts)
            if tried <= total:
                total, offsets, order = tried, placed, swapped
            if total == bound:
                break
    return total, offsets
