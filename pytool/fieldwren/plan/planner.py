"""Program → Plan: which buffers share memory, and where everything lies."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from fieldwren.errors import UnsupportedError
from fieldwren.plan.arena import Block, Span, layout, lower_bound
from fieldwren.program import Operand, Place, Program

ALIGNMENT = 4
"""Every buffer starts at a multiple of this many bytes, or of its own `align` if that is larger; arena and state
themselves are aligned to 16."""


_LARGEST_PLACE_BYTES = 1 << 29
"""Operands are encoded with 30 bits of offset."""


@dataclass(frozen=True)
class Plan:
    """A Program with addresses. `offsets[i]` counts from the start of buffer i's place (arena, constants or state)."""

    program: Program
    offsets: tuple[int, ...]
    arena_bytes: int
    arena_bound_bytes: int
    """The most bytes alive at once: no layout can be smaller."""
    const_bytes: int
    state_bytes: int

    def address(self, operand: Operand) -> int:
        """Offset of `operand` from the start of its place."""
        return self.offsets[operand.buffer] + operand.offset


def aligned(nbytes: int, alignment: int = ALIGNMENT) -> int:
    """`nbytes` rounded up to a multiple of `alignment`."""
    return -(-nbytes // alignment) * alignment


def plan(program: Program) -> Plan:
    """Lays out arena, constants and state of `program`."""
    groups = _groups(program)
    blocks = _blocks(program, groups)
    arena_bytes, placed = layout(list(blocks.values()))
    by_group = dict(zip(blocks, placed, strict=True))
    offsets, const_bytes, state_bytes = [], 0, 0
    for index, buffer in enumerate(program.buffers):
        if buffer.place is Place.ARENA:
            offsets.append(by_group.get(groups[index], 0))
        elif buffer.place is Place.CONST:
            const_bytes = aligned(const_bytes, buffer.align)
            offsets.append(const_bytes)
            const_bytes += aligned(buffer.nbytes)
        else:
            state_bytes = aligned(state_bytes, buffer.align)
            offsets.append(state_bytes)
            state_bytes += aligned(buffer.nbytes)
    for what, nbytes in (("arena", arena_bytes), ("constants", const_bytes), ("state", state_bytes)):
        if nbytes > _LARGEST_PLACE_BYTES:
            raise UnsupportedError(f"{program.name}: needs {nbytes} bytes of {what}: no microcontroller has that")
    return Plan(
        program=program,
        offsets=tuple(offsets),
        arena_bytes=arena_bytes,
        arena_bound_bytes=lower_bound(list(blocks.values())),
        const_bytes=const_bytes,
        state_bytes=state_bytes,
    )


def _uses(program: Program) -> dict[int, tuple[int, int]]:
    """First and last call that touches each arena buffer; inputs are alive before call 0, outputs after the last."""
    uses: dict[int, tuple[int, int]] = {port.operand.buffer: (-1, -1) for port in program.inputs}
    for number, call in enumerate(program.calls):
        for operand in call.operands:
            if operand is not None:
                first, _ = uses.get(operand.buffer, (number, number))
                uses[operand.buffer] = (first, number)
    for port in program.outputs:
        first, _ = uses.get(port.operand.buffer, (-1, -1))
        uses[port.operand.buffer] = (first, len(program.calls))
    return {index: use for index, use in uses.items() if program.buffers[index].place is Place.ARENA}


def _groups(program: Program) -> list[int]:
    """For each buffer the buffer whose memory it shares: a result written over an input that dies in that call."""
    uses = _uses(program)
    group = list(range(len(program.buffers)))
    for number, call in enumerate(program.calls):
        for written, read in call.in_place:
            out, source = call.operands[written], call.operands[read]
            if out is None or source is None or out.offset or source.offset:
                continue
            if out.buffer not in uses or source.buffer not in uses:
                continue
            # Another operand in the same memory could be read after the result has been written over it.
            if sum(operand is not None and operand.buffer == source.buffer for operand in call.operands) > 1:
                continue
            dies, is_born = uses[source.buffer][1] == number, uses[out.buffer][0] == number
            # The read buffer's own size counts, not its group's: a kernel may write no further than it has read.
            fits = call.may_grow or program.buffers[out.buffer].nbytes <= program.buffers[source.buffer].nbytes
            if dies and is_born and fits:
                group[out.buffer] = group[source.buffer]
                break
    return group


def _blocks(program: Program, groups: list[int]) -> dict[int, Block]:
    """When each group of arena buffers that share memory needs how many bytes."""
    uses = _uses(program)
    # All sizes are multiples of the largest alignment, which keeps every offset one.
    alignment = max((program.buffers[index].align for index in uses), default=ALIGNMENT)
    members: dict[int, list[Span]] = {}
    for index, (first, last) in sorted(uses.items()):
        nbytes = aligned(program.buffers[index].nbytes, alignment)
        members.setdefault(groups[index], []).append(Span(first, last, nbytes))
    return {head: _profile(spans) for head, spans in members.items()}


def _profile(spans: list[Span]) -> Block:
    """Spans at one address as spans that follow each other, each as large as the largest of those alive."""
    starts = sorted({span.first for span in spans} | {span.last + 1 for span in spans})
    return tuple(
        Span(first, after - 1, max(alive))
        for first, after in itertools.pairwise(starts)
        if (alive := [span.nbytes for span in spans if span.first <= first <= span.last])
    )
