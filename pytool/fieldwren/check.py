"""`fieldwren check`: does the model fit the board, and if not, why; nothing is compiled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from fieldwren.app import MANIFEST, App, load_app
from fieldwren.app_model import app_model
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import Board, load_board
from fieldwren.compiler import compile_model
from fieldwren.core import Core
from fieldwren.costs import adapters_predicted, predicted
from fieldwren.errors import BadInputError, UnsupportedError
from fieldwren.full import rows_app
from fieldwren.graph import Graph
from fieldwren.images import core_of
from fieldwren.learn import Factory, cut, settings
from fieldwren.learn.adapters import AdapterSite
from fieldwren.ops.lowering import lower
from fieldwren.plan import Plan, plan
from fieldwren.program import Place
from fieldwren.sizes import Prediction, phases_bytes, predict
from fieldwren.tflite import read_model

_CONTRIBUTORS = 3
_LEARNING_CODE_BYTES = {"arm": 17_000, "riscv": 21_000, "host": 30_000, "xtensa": 21_000}
"""Learner, store and their commands, as measured in images of examples/presence with and without them; Xtensa, which no
image is linked for here, as RISC-V."""

_FLEET_CODE_BYTES = {"arm": 7_000, "riscv": 8_800, "host": 11_000, "xtensa": 8_800}
"""learn/participant.c, learn/exchange.c and app/fleet_commands.c at -O2; tests compile them."""


@dataclass(frozen=True)
class Reason:
    """A limit that is exceeded. `needs` and `has` are bytes."""

    constraint: str
    needs: int
    has: int
    message: str


@dataclass(frozen=True)
class AdapterCheck:
    """What adapters add to that: scale and bias of `channels` channels, RAM, bytes of a saved state.

    `instructions` of an inference are those of the layer's kernel with tables in RAM, less those of the one it would have
    otherwise, and those of folding the tables and of making a row of the embedding (None: not measured on this core).
    """

    channels: int
    ram_bytes: int
    record_bytes: int
    instructions: int | None


@dataclass(frozen=True)
class FleetCheck:
    """What membership in a federation adds: RAM for tasks, answers and the head in training, and an estimate of code."""

    ram_bytes: int
    code_bytes: int


@dataclass(frozen=True)
class LearningCheck:
    """What it takes that the last layer goes on learning, besides the model; sizes in bytes.

    `possible` is False, with the `reason`, for a last layer that cannot learn; then sizes are 0. `ram_bytes` is the learner
    with its samples and, where the board has room for it, a head on its way in; `record_bytes` one saved state, of which the
    board's store holds `slots` (0: it saves nothing), good for `saves_per_day` over ten years. `tables_bytes` of flash are
    head and stored embeddings; `code_bytes` is an estimate. `adapters` and `fleet` are parts of these sums.
    """

    possible: bool
    reason: str | None
    classes_most: int
    features: int
    ram_bytes: int
    tables_bytes: int
    code_bytes: int
    record_bytes: int
    slots: int
    saves_per_day: float | None
    adapters: AdapterCheck | None = None
    fleet: FleetCheck | None = None


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
    learning: LearningCheck


def check(model: str | Path, board: str) -> CheckResult:
    """Lowers and plans `model`, a .tflite or an app folder, for `board` and compares the sizes with the board's memory.

    An app's model is taken as its firmware runs it: `state_bytes` are those of a streaming one, of all its phases; of one
    that learns only the backbone is left. `learning` is with the app's [learn], else with what that section means when it
    is empty. Raises UnsupportedError for a model that no board can run, naming operator and tensor.
    """
    target = load_board(board)
    planned, ops, phases = planned_for(Path(model), target)
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
        learning=_learning(Path(model), target),
    )


def _learning(path: Path, board: Board) -> LearningCheck:
    app = load_app(path) if _is_app(path) else None
    graph = read_model(path if app is None else app.model_path)
    planned = plan(lower(graph, core_of(board)))
    try:
        shown = app if app is not None and app.learn is not None else rows_app(graph, planned, learns=True)
        labels = app_model(shown, graph, planned.program).labels if shown is app else shown.labels
        backbone, factory = settings.app_factory(shown, graph, labels or ())
    except (BadInputError, UnsupportedError) as error:
        return LearningCheck(False, str(error), 0, 0, 0, 0, 0, 0, 0, None)
    layout = settings.store_layout(factory, board)
    fleet = _fleet(shown, factory, board)
    return LearningCheck(
        possible=True,
        reason=None,
        classes_most=factory.classes_most,
        features=factory.features,
        ram_bytes=settings.learning_ram_bytes(shown, factory, board),
        tables_bytes=len(factory.block()),
        code_bytes=_LEARNING_CODE_BYTES[board.core.architecture] + (fleet.code_bytes if fleet else 0),
        record_bytes=layout.record_bytes if layout else settings.record_bytes(factory),
        slots=layout.slots if layout else 0,
        saves_per_day=layout.saves_per_day if layout else None,
        adapters=_adapters(shown, backbone, factory, graph, board),
        fleet=fleet,
    )


def _fleet(app: App, factory: Factory, board: Board) -> FleetCheck | None:
    if app.learn is None or not app.learn.fleet:
        return None
    return FleetCheck(settings.fleet_ram_bytes(factory), _FLEET_CODE_BYTES[board.core.architecture])


def _adapters(app: App, backbone: Graph, factory: Factory, graph: Graph, board: Board) -> AdapterCheck | None:
    if factory.site is None:
        return None
    without = replace(factory, site=None)
    core = core_of(board)
    adapted, plain = plan(lower(backbone, core)), plan(lower(cut(graph).backbone, core))
    layer, usual = _instructions(adapted, core, factory.site), _instructions(plain, core, factory.site)
    own = adapters_predicted(core, factory.adapter_channels, factory.features, factory.site.positions)
    ram = settings.learning_ram_bytes(app, factory, board) - settings.learning_ram_bytes(app, without, board)
    return AdapterCheck(
        channels=factory.adapter_channels,
        ram_bytes=ram + adapted.state_bytes,
        record_bytes=settings.record_bytes(factory) - settings.record_bytes(without),
        instructions=None if layer is None or usual is None or own is None else layer - usual + own,
    )


def _instructions(planned: Plan, core: Core, site: AdapterSite) -> int | None:
    """Of the layer at `site`, as predicted; None where its kernel was never measured."""
    calls = [call for call in planned.program.calls if call.layer.operator == site.operator]
    costs = [predicted(core, call) for call in calls]
    return None if None in costs else sum(cost for cost in costs if cost is not None)


def _is_app(path: Path) -> bool:
    return path.is_dir() or path.name == MANIFEST


def planned_for(path: Path, board: Board) -> tuple[Plan, Mapping[str, int], int]:
    """(the model as it runs, the operators of its file, instances of its state)."""
    if not _is_app(path):
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
        ("flash", prediction.flash_bytes, board.memory.app.bytes, largest_tables(planned)),
        ("ram", prediction.ram_bytes, board.memory.ram.bytes, largest_layers(planned)),
    )
    return [
        Reason(name, needs, has, limit_message(planned.program.name, board.id, name, needs, has, why))
        for name, needs, has, why in limits
        if needs > has
    ]


def limit_message(model: str, board: str, constraint: str, needs: int, has: int, why: str) -> str:
    """What is said of a limit that is exceeded, here and by the catalogue."""
    return f"{model} needs {needs} bytes of {constraint} and {board} has {has}; the most goes to {why}"


def largest_tables(planned: Plan) -> str:
    """The constant tables that take the most flash."""
    tables = sorted(
        (b for b in planned.program.buffers if b.place is Place.CONST), key=lambda b: b.nbytes, reverse=True
    )
    return ", ".join(f"{table.name} ({table.nbytes})" for table in tables[:_CONTRIBUTORS])


def largest_layers(planned: Plan) -> str:
    """The kernel calls whose operands take the most arena at once."""
    buffers = planned.program.buffers

    def arena(call_index: int) -> int:
        operands = {o.buffer for o in planned.program.calls[call_index].operands if o is not None}
        return sum(buffers[i].nbytes for i in operands if buffers[i].place is Place.ARENA)

    order = sorted(range(len(planned.program.calls)), key=arena, reverse=True)
    layers = [(planned.program.calls[i].layer, arena(i)) for i in order[:_CONTRIBUTORS]]
    return ", ".join(f"{layer.name} {layer.output!r} ({nbytes})" for layer, nbytes in layers)
