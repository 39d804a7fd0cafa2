"""What an update of a head costs a device: instructions, counted in QEMU, and an estimate of its energy."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from fieldwren.boards import Board, load_board
from fieldwren.boards.definition import board_ids
from fieldwren.errors import FieldwrenError
from fieldwren.learn.factory import Factory
from fieldwren.learn.script import Script, run_script
from fieldwren.learn.simulate import BOARDS

_UPDATES = 8


@dataclass(frozen=True)
class UpdateCost:
    """`instructions` of one update, and picojoules of one instruction; None: nobody has measured that."""

    instructions: float | None
    energy_pj: float | None


def update_costs(factory: Factory, boards: Collection[str]) -> dict[str, UpdateCost]:
    """The cost on each of `boards`; names that are no boards (ports, `simulated`) are left out.

    Counted by running updates of this shape in QEMU, on the board itself or on one with the same core.
    """
    known = set(board_ids())
    return {name: _cost(factory, load_board(name)) for name in sorted(set(boards) & known) if name != "host"}


def _cost(factory: Factory, board: Board) -> UpdateCost:
    counted = next((b for b in map(load_board, BOARDS) if b.id != "host" and b.core.cpu == board.core.cpu), None)
    if counted is None:
        return UpdateCost(None, board.energy_pj_per_instruction)
    config = replace(factory.config, guard_samples=0, replays_per_sample=0, replay_per_class=1, pull=0.0)
    plain = replace(factory, config=config, stored=replace(factory.stored, replay={}, guard={}, negatives=None))
    script = Script(factory.row_bytes)
    rows = np.random.default_rng(0).integers(-128, 128, (_UPDATES, factory.row_bytes)).astype(np.int8)
    for number, row in enumerate(rows):
        script.teach(row, number % len(factory.labels))
    try:
        ran = run_script(plain, script, counted)
    except FieldwrenError:  # no emulator or compiler here: then nothing is said
        return UpdateCost(None, board.energy_pj_per_instruction)
    return UpdateCost(ran.instructions / ran.updates, board.energy_pj_per_instruction)
