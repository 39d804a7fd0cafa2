"""Facts of a model file or an app folder: what it computes, what it needs, and its footprint on every known core."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pyoxigraph import NamedNode

from fieldwren.app import load_app
from fieldwren.app_model import LABELS_KEY, app_model
from fieldwren.boards import Board, load_board
from fieldwren.catalog.costs import estimated_cycles
from fieldwren.catalog.facts import Record, iri
from fieldwren.catalog.hardware import PORTABLE_CORE, BoardFacts, core_key, known_boards
from fieldwren.catalog.namespaces import FRONT_END, MODEL, SOURCE
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


def model_record(facts: ModelFacts, how: str) -> Record:
    """The model as RDF: an MLDCAT-AP machine learning model with footprints, evaluations and what it needs."""
    node = iri(MODEL, facts.sha256)
    record = Record(node)
    record.of_type(node, "fw:Model", "it6:MachineLearningModel")
    record.say(node, "dct:title", facts.name)
    record.say(node, "dct:identifier", facts.sha256)
    record.say(node, "dct:description", facts.description or None)
    record.say(node, "dct:license", facts.licence)
    record.say(node, "fw:location", facts.path)
    record.say(node, "fw:appLocation", facts.app)
    record.say(node, "fw:fileBytes", facts.file_bytes)
    record.say(node, "fw:task", facts.task)
    record.say(node, "it6:hasTaskType", iri("urn:fieldwren:task:", facts.task) if facts.task else None)
    record.say(node, "dcat:keyword", facts.task, *facts.labels)
    record.say(node, "fw:label", *facts.labels)
    record.say(node, "fw:labelList", json.dumps(facts.labels, ensure_ascii=False) if facts.labels else None)
    record.say(node, "fw:operator", *facts.operators)
    record.say(node, "fw:macs", facts.macs)
    record.say(node, "fw:weightsBytes", facts.weights_bytes)
    record.say(node, "fw:stateful", facts.stateful)
    record.say(node, "fw:input", *facts.inputs)
    record.say(node, "fw:output", *facts.outputs)
    record.say(node, "fw:unsupported", facts.unsupported)
    record.say(node, "fw:unsupportedOperator", facts.unsupported_operator)
    _say_front_end(record, node, facts)
    for kind, rate in facts.needs:
        need = NamedNode(f"{node.value}:needs:{kind}")
        record.say(node, "fw:needsSensor", kind)
        record.say(node, "fw:need", need)
        record.of_type(need, "fw:SensorNeed")
        record.say(need, "fw:sensorKind", kind)
        record.say(need, "fw:minRateHz", rate)
    for footprint in facts.footprints:
        _say_footprint(record, node, footprint)
    for number, evaluation in enumerate(facts.evaluations):
        say_evaluation(record, NamedNode(f"{node.value}:evaluation:{number}"), node, evaluation)
    source = iri(SOURCE, facts.sha256)
    record.say(node, "prov:wasDerivedFrom", source)
    record.made_by(how, used=[(facts.path, facts.sha256)])
    return record


def _say_front_end(record: Record, node: NamedNode, facts: ModelFacts) -> None:
    if facts.front_end is None:
        return
    text = facts.front_end_json or facts.front_end
    place = iri(FRONT_END, hashlib.sha256(text.encode()).hexdigest()[:32])
    record.say(node, "fw:frontEnd", place)
    record.say(node, "fw:frontEndKind", facts.front_end)
    record.about(place).of_type(place, "fw:FrontEnd")
    record.about(place).say(place, "fw:kind", facts.front_end)
    record.about(place).say(place, "fw:parameters", text)


def _say_footprint(record: Record, node: NamedNode, footprint: Footprint) -> None:
    place = NamedNode(f"{node.value}:on:{footprint.core}")
    record.of_type(place, "fw:Footprint")
    record.say(place, "fw:ofModel", node)
    record.say(place, "fw:core", footprint.core)
    record.say(place, "fw:flashBytes", footprint.flash_bytes)
    record.say(place, "fw:ramBytes", footprint.ram_bytes)
    record.say(place, "fw:codeBytes", footprint.code_bytes)
    record.say(place, "fw:arenaBytes", footprint.arena_bytes)
    record.say(place, "fw:stackBytes", footprint.stack_bytes)
    record.say(place, "fw:sizesEstimated", footprint.sizes_estimated)
    record.say(place, "fw:cyclesEstimated", footprint.cycles)
    record.say(place, "fw:flashContributors", footprint.flash_contributors or None)
    record.say(place, "fw:ramContributors", footprint.ram_contributors or None)


def say_evaluation(record: Record, place: NamedNode, model: NamedNode, evaluation: Evaluation) -> None:
    """A measured rate as an MLDCAT-AP evaluation measure."""
    record.say(model, "it6:hasEvaluationMeasure", place)
    record.of_type(place, "fw:Evaluation", "it6:EvaluationMeasure")
    record.say(place, "fw:ofModel", model)
    record.say(place, "dct:title", evaluation.metric)
    record.say(place, "it6:value", float(evaluation.value))
    record.say(place, "fw:split", evaluation.split)
    if evaluation.dataset:
        record.say(place, "fw:dataSetName", evaluation.dataset)
        data = iri("urn:fieldwren:dataset:", evaluation.dataset)
        record.say(place, "it6:testedOn", data)
        record.about(data).of_type(data, "dcat:Dataset")
        record.about(data).say(data, "dct:title", evaluation.dataset)
