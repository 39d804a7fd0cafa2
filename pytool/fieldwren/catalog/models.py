"""Facts of a model file or an app folder: what it computes, what it needs, and its footprint on every known core."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fieldwren.app import load_app
from fieldwren.app_model import LABELS_KEY, app_model
from fieldwren.boards import Board, load_board
from fieldwren.catalog.costs import estimated_cycles
from fieldwren.catalog.hardware import PORTABLE_CORE, BoardFacts, core_key, known_boards
from fieldwren.check import largest_layers, largest_tables, planned_for
from fieldwren.core import FEATURES, PORTABLE, Core
from fieldwren.errors import UnsupportedError
from fieldwren.features import METADATA_KEY, FrontEndParameters, SensorFrontEnd, from_json
from fieldwren.graph import Graph, Operator, Subgraph
from fieldwren.ops.lowering import lower
from fieldwren.plan import Plan
from fieldwren.sizes import predict
from fieldwren.tflite import read_model

TRAINING_KEY = "fieldwren.training"

_CHANNEL_SENSORS = (
    (r"humidity", "hygrometer"),
    (r"temp", "thermometer"),
    (r"light|lux|illumin", "light"),
    (r"co2", "co2"),
    (r"press", "barometer"),
    (r"\bpir|infrared", "pir"),
    (r"acc", "accelerometer"),
    (r"gyr", "gyroscope"),
    (r"mag", "magnetometer"),
    (r"prox|dist", "proximity"),
)
OTHER_SENSOR = "other"


@dataclass(frozen=True)
class Hints:
    """What a person says about a model that its file does not."""

    task: str | None = None
    sensors: tuple[str, ...] = ()
    rate_hz: float | None = None
    labels: tuple[str, ...] = ()
    licence: str | None = None
    name: str | None = None
    accuracy: float | None = None
    dataset: str | None = None


@dataclass(frozen=True)
class Footprint:
    """Sizes in bytes on one core; `cycles` is an estimate; `*_contributors` name what takes most."""

    core: str
    flash_bytes: int
    ram_bytes: int
    code_bytes: int
    arena_bytes: int
    stack_bytes: int
    sizes_estimated: bool
    cycles: int | None
    flash_contributors: str = ""
    ram_contributors: str = ""


@dataclass(frozen=True)
class Evaluation:
    """A measured rate: `value` of `metric` on a data set and its split."""

    metric: str
    value: float
    dataset: str | None
    split: str | None


@dataclass(frozen=True)
class ModelFacts:
    """Everything the catalogue keeps of a model. `needs` is (sensor kind, least rate in Hz or None).

    `unsupported` is why no board can run it; then there are no footprints.
    """

    name: str
    sha256: str
    path: str
    file_bytes: int
    description: str = ""
    app: str | None = None
    task: str | None = None
    labels: tuple[str, ...] = ()
    licence: str | None = None
    operators: tuple[str, ...] = ()
    macs: int = 0
    weights_bytes: int = 0
    stateful: bool = False
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    front_end: str | None = None
    front_end_json: str | None = None
    needs: tuple[tuple[str, float | None], ...] = ()
    footprints: tuple[Footprint, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    unsupported: str | None = None
    unsupported_operator: str | None = None


def operator_variant(subgraph: Subgraph, operator: Operator) -> str:
    """`CONV_2D/int8`: an operator and the type of its first tensor, with the weights' type where that differs."""
    used = [i for i in (*operator.inputs, *operator.outputs) if i >= 0]
    types = [subgraph.tensors[i].dtype for i in used[:2]]
    weights = len(operator.inputs) > 1 and used[1:2] and subgraph.tensors[used[1]].data is not None
    if not types:
        return operator.name
    if weights and types[0] != types[1] and types[1] in ("int8", "int16"):
        return f"{operator.name}/{types[0]}x{types[1].removeprefix('int')}"
    return f"{operator.name}/{types[0]}"


def sensor_of_channel(channel: str) -> str:
    """The kind of sensor that gives a channel of this name."""
    for pattern, kind in _CHANNEL_SENSORS:
        if re.search(pattern, channel, re.IGNORECASE):
            return kind
    return OTHER_SENSOR


def needs_of(front_end: FrontEndParameters) -> tuple[tuple[str, float | None], ...]:
    """Sensors a front end wants, and how many samples or rows a second."""
    if isinstance(front_end, SensorFrontEnd):
        rate = 1000.0 / front_end.row_interval_ms
        kinds = dict.fromkeys(sensor_of_channel(channel) for channel in front_end.channels)
        return tuple((kind, rate) for kind in kinds)
    return (("microphone", float(front_end.sample_rate_hz)),)


def model_facts(
    path: Path, hints: Hints | None = None, boards: Sequence[BoardFacts] = (), *, app: Path | None = None
) -> ModelFacts:
    """Facts of a .tflite; BadInputError when it is none. A valid model nothing can run is recorded with the reason.

    With `app`, its footprints are those of the app's firmware.
    """
    graph = read_model(path)
    facts = ModelFacts(
        name=graph.name,
        sha256=graph.sha256,
        path=str(path.resolve()),
        file_bytes=graph.file_bytes,
        description=graph.description,
        operators=tuple(
            sorted({operator_variant(subgraph, op) for subgraph in graph.subgraphs for op in subgraph.operators})
        ),
        inputs=tuple(_tensor_text(graph, i) for i in graph.main.inputs),
        outputs=tuple(_tensor_text(graph, i) for i in graph.main.outputs),
    )
    facts = _with_metadata(facts, graph)
    facts = _with_footprints(facts, graph, app or path, boards)
    return with_hints(facts, hints or Hints())


def app_facts(folder: Path, hints: Hints | None = None, boards: Sequence[BoardFacts] = ()) -> ModelFacts:
    """Facts of an app folder: its model's, with the task, labels and front end of the manifest."""
    app = load_app(folder)
    facts = model_facts(app.model_path, None, boards, app=folder)
    graph = read_model(app.model_path)
    model = app_model(app, graph, lower(graph, PORTABLE))
    front_end = model.front_end
    facts = replace(
        facts,
        name=app.name,
        app=str(app.manifest_path.parent.resolve()),
        task=app.kind,
        labels=model.labels,
        front_end=front_end.kind,
        front_end_json=front_end.to_json(),
        needs=needs_of(front_end),
    )
    return with_hints(facts, hints or Hints())


def with_hints(facts: ModelFacts, hints: Hints) -> ModelFacts:
    """What a person says overrides what the file says."""
    needs = facts.needs
    if hints.sensors:
        needs = tuple((kind, hints.rate_hz) for kind in hints.sensors)
    elif hints.rate_hz is not None:
        needs = tuple((kind, hints.rate_hz) for kind, _ in facts.needs)
    evaluations = facts.evaluations
    if hints.accuracy is not None:
        evaluations = (*evaluations, Evaluation("accuracy", hints.accuracy, hints.dataset, None))
    return replace(
        facts,
        name=hints.name or facts.name,
        task=hints.task or facts.task,
        labels=hints.labels or facts.labels,
        licence=hints.licence or facts.licence,
        needs=needs,
        evaluations=evaluations,
    )


def _tensor_text(graph: Graph, index: int) -> str:
    tensor = graph.main.tensors[index]
    scale = (
        f" scale={tensor.quantisation.scale:g} zero_point={tensor.quantisation.zero_point}"
        if tensor.quantisation
        else ""
    )
    return f"{tensor.dtype} {'x'.join(map(str, tensor.shape)) or 'scalar'}{scale}"


def _with_metadata(facts: ModelFacts, graph: Graph) -> ModelFacts:
    if METADATA_KEY in graph.metadata:
        front_end = from_json(graph.metadata[METADATA_KEY])
        facts = replace(facts, front_end=front_end.kind, front_end_json=front_end.to_json(), needs=needs_of(front_end))
    if LABELS_KEY in graph.metadata:
        labels = _json(graph.metadata[LABELS_KEY])
        if isinstance(labels, list):
            facts = replace(facts, labels=tuple(str(label) for label in labels))
    training = _json(graph.metadata.get(TRAINING_KEY, b"{}"))
    if isinstance(training, dict) and isinstance(training.get("int8_accuracy"), int | float):
        recipe = training.get("recipe")
        dataset = recipe.get("data_set") or recipe.get("kind") if isinstance(recipe, dict) else None
        split = training.get("measured_on")
        evaluation = Evaluation(
            "accuracy",
            float(training["int8_accuracy"]),
            None if dataset is None else str(dataset),
            None if split is None else str(split),
        )
        facts = replace(facts, evaluations=(evaluation,))
    return facts


def _json(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _cores(boards: Sequence[BoardFacts]) -> dict[str, Core]:
    found = {PORTABLE_CORE: PORTABLE}
    for facts in (*known_boards(), *boards):
        found.setdefault(core_key(facts.core), facts.core)
    return found


def _with_footprints(facts: ModelFacts, graph: Graph, source: Path, boards: Sequence[BoardFacts]) -> ModelFacts:
    """Sizes on every core, of `source` (a .tflite or an app) as `check` takes it."""
    footprints: list[Footprint] = []
    planned: Plan | None = None
    for key, core in _cores(boards).items():
        board = _board_with(core)
        try:
            planned, _, phases = planned_for(source, board)
        except UnsupportedError as error:
            return replace(facts, unsupported=str(error), unsupported_operator=_named_operator(str(error), graph))
        sizes = predict(planned, board, phases)
        footprints.append(
            Footprint(
                core=key,
                flash_bytes=sizes.flash_bytes,
                ram_bytes=sizes.ram_bytes,
                code_bytes=sizes.code_bytes,
                arena_bytes=planned.arena_bytes,
                stack_bytes=sizes.stack_bytes,
                sizes_estimated=sizes.estimated,
                cycles=estimated_cycles(planned, core),
                flash_contributors=largest_tables(planned),
                ram_contributors=largest_layers(planned),
            )
        )
    assert planned is not None  # there is always the portable core
    return replace(
        facts,
        footprints=tuple(footprints),
        macs=planned.program.macs,
        weights_bytes=planned.const_bytes,
        stateful=planned.program.is_stateful,
    )


def _board_with(core: Core) -> Board:
    """A board with this core and no limits."""
    host = load_board("host")
    variants = ("portable", *(feature for feature in FEATURES if getattr(core, feature)))
    part = host.core.model_copy(update={"cpu": core.name, "fpu": "single" if core.fpu else "none"})
    return host.model_copy(update={"core": part, "variants": variants})


def _named_operator(message: str, graph: Graph) -> str | None:
    """The operator an error is about: the longest of the model's operator names that it contains."""
    names = {op.name for subgraph in graph.subgraphs for op in subgraph.operators if op.name in message}
    return max(names, key=len, default=None)
