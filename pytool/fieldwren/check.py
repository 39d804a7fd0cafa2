"""`fieldwren check`: does the model fit the board, and if not, why; nothing is compiled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fieldwren.app import MANIFEST, load_app
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import Board, load_board
from fieldwren.compiler import compile_model
from fieldwren.images import core_of
from fieldwren.plan import Plan
from fieldwren.program import Place
from fieldwren.sizes import Prediction, phases_bytes, predict
from fieldwren.tflite import read_model

_CONTRIBUTORS = 3


@dataclass(frozen=True)
class Reason:
    """A limit that is exceeded. `needs` and `has` are bytes."""

    constraint: str
    needs: int
    has: int
    message: str


@dataclass(frozen=True)
class CheckResult:
    """Sizes of the `core` image (start-up and inference) in bytes; `ops` counts the model's operators."""

    model: str
    board: str
    fits: bool
    flash_bytes: int
    ram_bytes: int
    arena_bytes: int
    state_bytes: int
    stack_bytes: int
    weights_bytes: int
    code_bytes: int
    estimated: bool
    macs: int
    ops: Mapping[str, int]
    reasons: tuple[Reason, ...]


def check(model: str | Path, board: str) -> CheckResult:
    """Lowers and plans `model`, a .tflite or an app folder, for `board` and compares the sizes with the board's memory.

    An app's model is taken as its firmware runs it: `state_bytes` are those of a streaming one, of all its phases.
    Raises UnsupportedError for a model that no board can run, naming operator and tensor.
    """
    target = load_board(board)
    planned, ops, phases = _planned(Path(model), target)
    prediction = predict(planned, target, phases)
    reasons = tuple(_reasons(planned, target, prediction))
    return CheckResult(
        model=planned.program.name,
        board=target.id,
        fits=not reasons,
        flash_bytes=prediction.flash_bytes,
        ram_bytes=prediction.ram_bytes,
        arena_bytes=planned.arena_bytes,
        state_bytes=phases_bytes(planned, phases),
        stack_bytes=prediction.stack_bytes,
        weights_bytes=prediction.weights_bytes,
        code_bytes=prediction.code_bytes,
        estimated=prediction.estimated,
        macs=planned.program.macs,
        ops=ops,
        reasons=reasons,
    )


def _planned(path: Path, board: Board) -> tuple[Plan, Mapping[str, int], int]:
    """(the model as it runs, the operators of its file, instances of its state)."""
    if not path.is_dir() and path.name != MANIFEST:
        planned = compile_model(path, core_of(board))
        return planned, dict(planned.program.operators), 1
    app = load_app(path)
    model, planned = load_device_app(app, board)
    operators = Counter(op.name for op in read_model(app.model_path).main.operators)
    return planned, operators, 1 if model.streaming is None else model.streaming.phases


def _reasons(planned: Plan, board: Board, prediction: Prediction) -> list[Reason]:
    if board.memory is None:
        return []
    limits = (
        ("flash", prediction.flash_bytes, board.memory.app.bytes, _largest_tables(planned)),
        ("ram", prediction.ram_bytes, board.memory.ram.bytes, _largest_layers(planned)),
    )
    return [
        Reason(
            name,
            needs,
            has,
            f"{planned.program.name} needs {needs} bytes of {name} and {board.id} has {has}; the most goes to {why}",
        )
        for name, needs, has, why in limits
        if needs > has
    ]


def _largest_tables(planned: Plan) -> str:
    tables = sorted(
        (b for b in planned.program.buffers if b.place is Place.CONST), key=lambda b: b.nbytes, reverse=True
    )
    return ", ".join(f"{table.name} ({table.nbytes})" for table in tables[:_CONTRIBUTORS])


def _largest_layers(planned: Plan) -> str:
    """The kernel calls whose operands take the most arena at once."""
    buffers = planned.program.buffers

    def arena(call_index: int) -> int:
        operands = {o.buffer for o in planned.program.calls[call_index].operands if o is not None}
        return sum(buffers[i].nbytes for i in operands if buffers[i].place is Place.ARENA)

    order = sorted(range(len(planned.program.calls)), key=arena, reverse=True)
    layers = [(planned.program.calls[i].layer, arena(i)) for i in order[:_CONTRIBUTORS]]
    return ", ".join(f"{layer.name} {layer.output!r} ({nbytes})" for layer, nbytes in layers)
