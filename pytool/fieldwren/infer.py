"""`fieldwren infer`: tensors in, tensors out, on any board that runs here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fieldwren.boards import load_board
from fieldwren.compiler import compile_model
from fieldwren.execute import execute, interpret
from fieldwren.files import written_whole
from fieldwren.images import core_of
from fieldwren.tensors import load_steps, save_steps


@dataclass(frozen=True)
class InferResult:
    """What was run: number of steps, and the file with out0, out1, …"""

    model: str
    board: str
    steps: int
    outputs: str


def infer(model: str | Path, board: str, inputs: str | Path, outputs: str | Path) -> InferResult:
    """Feeds in0, in1, … of the .npz `inputs`, each [steps, *tensor shape], to `model`; writes out0, … likewise.

    On `host` the Program is executed by fw_run; on other boards rendered C runs in the emulator. The state is
    reset before step 0 and carried between steps. Raises BadInputError for arrays that do not fit the model.
    """
    target = load_board(board)
    planned = compile_model(model, core_of(target))
    steps = load_steps(Path(inputs), planned.program.inputs)
    with written_whole(outputs) as temporary:
        run = interpret(planned, steps) if target.id == "host" else execute(planned, target, steps)
        save_steps(temporary, run.outputs)
    return InferResult(planned.program.name, target.id, len(steps[0]) if steps else 0, str(outputs))
