from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwren.plan.arena import Block, Span, largest, layout, lower_bound

spans = st.lists(
    st.builds(
        lambda first, length, size: Span(first, first + length, 4 * size),
        st.integers(0, 12),
        st.integers(0, 6),
        st.integers(1, 50),
    ),
    max_size=16,
)


@st.composite
def a_block(draw: st.DrawFn) -> Block:
    """A buffer whose size changes while results are written over it."""
    first = draw(st.integers(0, 12))
    block = []
    for _ in range(draw(st.integers(1, 3))):
        last = first + draw(st.integers(0, 4))
        block.append(Span(first, last, 4 * draw(st.integers(1, 50))))
        first = last + 1
    return tuple(block)


def alone(items: list[Span]) -> list[Block]:
    return [(item,) for item in items]


def greedy_by_size(items: list[Span]) -> int:
    """The arena of the planner that TFLM uses: largest first, each at the lowest free address."""
    placed: list[tuple[int, Span]] = []
    for span in sorted(items, key=lambda s: -s.nbytes):
        position = 0
        for start, other in sorted(((o, s) for o, s in placed if s.overlaps(span)), key=lambda x: x[0]):
            if position + span.nbytes <= start:
                break
            position = max(position, start + other.nbytes)
        placed.append((position, span))
    return max((o + s.nbytes for o, s in placed), default=0)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(spans)
def test_spans_alive_together_never_share_memory(items: list[Span]) -> None:
    total, offsets = layout([(span,) for span in items])
    for (i, a), (j, b) in itertools.combinations(enumerate(items), 2):
        if a.overlaps(b):
            assert offsets[i] + a.nbytes <= offsets[j] or offsets[j] + b.nbytes <= offsets[i]
    assert all(offset >= 0 and offset + span.nbytes <= total for offset, span in zip(offsets, items, strict=True))
    assert lower_bound([(span,) for span in items]) <= total <= greedy_by_size(items)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(spans.filter(lambda items: len(items) <= 5))
def test_small_graphs_are_as_small_as_any_order_gets(items: list[Span]) -> None:
    def first_fit(order: tuple[int, ...]) -> int:
        placed: dict[int, int] = {}
        for i in order:
            position = 0
            for start, j in sorted((o, j) for j, o in placed.items() if items[j].overlaps(items[i])):
                if position + items[i].nbytes <= start:
                    break
                position = max(position, start + items[j].nbytes)
            placed[i] = position
        return max((o + items[i].nbytes for i, o in placed.items()), default=0)

    best = min(first_fit(order) for order in itertools.permutations(range(len(items))))
    assert layout([(span,) for span in items])[0] <= best


def test_the_result_is_repeatable() -> None:
    items = [Span(i % 5, i % 5 + i % 3, 4 * (7 * i % 13 + 1)) for i in range(30)]
    blocks = [(item,) for item in items]
    assert layout(blocks) == layout(list(blocks))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(a_block(), max_size=12))
def test_blocks_never_meet_while_both_are_alive(blocks: list[Block]) -> None:
    total, offsets = layout(blocks)
    for (i, a), (j, b) in itertools.combinations(enumerate(blocks), 2):
        for x, y in itertools.product(a, b):
            if x.overlaps(y):
                assert offsets[i] + x.nbytes <= offsets[j] or offsets[j] + y.nbytes <= offsets[i]
    assert all(offset + largest(block) <= total for offset, block in zip(offsets, blocks, strict=True))
    assert lower_bound(blocks) <= total


def test_memory_behind_a_result_that_shrank_is_free() -> None:
    """64 bytes become 16 in place; 48 bytes that are needed only then lie behind them."""
    total, offsets = layout([(Span(0, 2, 64), Span(3, 5, 16)), (Span(4, 6, 48),)])
    assert (total, offsets) == (64, [0, 16])
