"""Which of several ways to lower an operator is taken: by what each would append, and what that is predicted to cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from fieldwren.core import Core, Optimise
from fieldwren.costs import predicted
from fieldwren.program import Alternative, Buffer, KernelCall, Operand, Place

_WORTH: Mapping[Optimise, float] = {"balanced": 1.05, "speed": 1.0, "size": 1.5}
"""How many times the fewest instructions a variant may take that saves bytes: balanced, RAM (it works in place) or the
code of one more kernel; size, tables."""
_TIE = 1.01
"""Predictions no further apart than this say nothing: the variant with the least working memory is taken."""


@dataclass(frozen=True)
class Trial:
    """What one way of lowering an operator would append: buffers, calls, and new names of memory."""

    alternative: Alternative
    buffers: tuple[Buffer, ...]
    calls: tuple[KernelCall, ...]
    values: Mapping[int, Operand]
    consts: Mapping[tuple[str, bytes], int]


def alternative(
    name: str, core: Core, first_buffer: int, buffers: Sequence[Buffer], calls: Sequence[KernelCall]
) -> Alternative:
    """What the way `name` costs on `core`; `buffers` are those that it adds, the first of them number `first_buffer`."""
    costs = [predicted(core, call) for call in calls]
    return Alternative(
        name=name,
        kernel=calls[-1].kernel.name,
        instructions=None if None in costs else sum(cost for cost in costs if cost is not None),
        const_bytes=sum(buffer.nbytes for buffer in buffers if buffer.place is Place.CONST),
        scratch_bytes=sum(
            buffers[operand.buffer - first_buffer].nbytes
            for call in calls
            for spec, operand in zip(call.kernel.operands, call.operands, strict=True)
            if spec.is_scratch and operand is not None
        ),
    )


def best(trials: Sequence[Trial], optimise: Optimise, used: Set[str], only: str | None) -> Trial:
    """The way that is taken: `only` if it is among them, else the cheapest, else the first where costs are unknown.

    `used` are the kernels whose code the model has already.
    """
    wanted = [trial for trial in trials if trial.alternative.name == only]
    if wanted:
        return wanted[0]
    if trials[0].alternative.instructions is None:
        return trials[0]
    known = [(t, t.alternative.instructions) for t in trials if t.alternative.instructions is not None]
    known = _within(known, _WORTH[optimise])
    if optimise == "size":
        return min(known, key=lambda pair: pair[0].alternative.const_bytes)[0]
    if optimise == "balanced":
        known = [pair for pair in known if pair[0].calls[-1].in_place] or known
        known = [pair for pair in known if pair[0].alternative.kernel in used] or known
    return min(_within(known, _TIE), key=lambda pair: pair[0].alternative.scratch_bytes)[0]


def _within(known: Sequence[tuple[Trial, int]], factor: float) -> list[tuple[Trial, int]]:
    """Those that are predicted to take at most `factor` times the fewest instructions."""
    fewest = min(instructions for _, instructions in known)
    return [pair for pair in known if pair[1] <= fewest * factor]
