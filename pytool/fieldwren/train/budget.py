"""What a network may take, checked before it is trained: parameters, work, flash and RAM on a named board.

The untrained network is quantised with random inputs and planned by the very planner that `check` and `generate` use:
sizes and work do not depend on what the weights are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from fieldwren.boards import load_board
from fieldwren.check import largest_layers, largest_tables
from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError, OverBudgetError
from fieldwren.images import core_of
from fieldwren.ops.lowering import lower
from fieldwren.plan import Plan, plan
from fieldwren.sizes import predict
from fieldwren.tflite.reader import read_bytes
from fieldwren.train.zoo.tables import Table

Limit = Annotated[int, Field(ge=0)]
_CONTRIBUTORS = 3


class Budget(Table):
    """`[budget]` of a train.toml; None is no limit.

    `macs_per_second` are multiply-accumulates for each second of input, windows side by side (the count of the DCASE
    task; an app that looks ten times a second does ten times as much). `flash_bytes` and `ram_bytes` are of the `core` image on
    `board`; where they are not given, the board's own memory is the limit.
    """

    params: Limit | None = None
    macs_per_second: Limit | None = None
    flash_bytes: Limit | None = None
    ram_bytes: Limit | None = None
    board: str | None = None


PRESETS = {"dcase": Budget(params=128_000, macs_per_second=30_000_000)}
"""dcase: the low-complexity task of the DCASE challenges, 128 k parameters and 30 MMAC for a second of audio."""


def preset(name: str) -> Budget:
    """Raises BadInputError for a name that is none."""
    if name not in PRESETS:
        raise BadInputError(f"there is no budget {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def merged(first: Budget | None, second: Budget | None, board: str | None = None) -> Budget | None:
    """The narrower of both limits in each field; the board of `board`, `second`, `first`, in this order."""
    if first is None and second is None and board is None:
        return None
    parts = [budget for budget in (first, second) if budget is not None]
    limits: dict[str, int | str | None] = {}
    for field in ("params", "macs_per_second", "flash_bytes", "ram_bytes"):
        given = [getattr(budget, field) for budget in parts if getattr(budget, field) is not None]
        limits[field] = min(given) if given else None
    named = [budget.board for budget in parts if budget.board is not None]
    return Budget.model_validate({**limits, "board": board or (named[-1] if named else None)})


@dataclass(frozen=True)
class Needs:
    """What a network takes; flash and RAM are None without a board."""

    params: int
    macs_per_second: int
    flash_bytes: int | None
    ram_bytes: int | None


@dataclass(frozen=True)
class _Item:
    field: str
    what: str  # of the figure
    largest: Callable[[Plan], str]


def largest_work(planned: Plan) -> str:
    """The kernel calls with the most multiply-accumulates."""
    calls = sorted(planned.program.calls, key=lambda call: call.macs, reverse=True)
    return ", ".join(f"{call.layer.name} {call.layer.output!r} ({call.macs:,})" for call in calls[:_CONTRIBUTORS])


_ITEMS = (
    _Item("params", "parameters", largest_tables),
    _Item("macs_per_second", "multiply-accumulates a second", largest_work),
    _Item("flash_bytes", "bytes of flash", largest_tables),
    _Item("ram_bytes", "bytes of RAM", largest_layers),
)


def needs(content: bytes, params: int, period_ms: float, board: str | None) -> tuple[Needs, Plan]:
    """What the .tflite `content` takes, run once for every `period_ms` of input, and its plan.

    Raises BadInputError for an unknown board, UnsupportedError for a network that no board runs.
    """
    target = None if board is None else load_board(board)
    planned = plan(lower(read_bytes(content, "model"), PORTABLE if target is None else core_of(target)))
    sizes = None if target is None else predict(planned, target)
    made = Needs(
        params,
        round(planned.program.macs * 1000 / period_ms),
        sizes.flash_bytes if sizes else None,
        sizes.ram_bytes if sizes else None,
    )
    return made, planned


def check_budget(budget: Budget, name: str, content: bytes, params: int, period_ms: float) -> Needs:
    """Raises OverBudgetError with figure, limit and largest contributors of all that does not fit."""
    if (budget.flash_bytes is not None or budget.ram_bytes is not None) and budget.board is None:
        raise BadInputError("[budget]: flash_bytes and ram_bytes are of a board: name it (board, or --board)")
    made, planned = needs(content, params, period_ms, budget.board)
    limits = _limits(budget)
    where = "" if budget.board is None else f" on {budget.board}"
    over = []
    for item in _ITEMS:
        needed, limit = getattr(made, item.field), limits[item.field]
        if limit is not None and needed is not None and needed > limit:
            over.append(
                f"{name} needs {needed:,} {item.what}{where if 'bytes' in item.field else ''} and the budget is "
                f"{limit:,}; the most goes to {item.largest(planned)}"
            )
    if over:
        raise OverBudgetError(". ".join(over))
    return made


def _limits(budget: Budget) -> dict[str, int | None]:
    limits = {item.field: getattr(budget, item.field) for item in _ITEMS}
    memory = None if budget.board is None else load_board(budget.board).memory
    if memory is not None:
        for field, has in (("flash_bytes", memory.app.bytes), ("ram_bytes", memory.ram.bytes)):
            limits[field] = has if limits[field] is None else min(has, limits[field])
    return limits
