"""Columns for matching, derived from the triples: what ten thousand models need, what a thousand targets have.

The index is rebuilt when the store's revision differs from the one it was built from, so it is never a second truth.
Bytes, cycles and rates are -1 where the triples do not say; a set is a row of bits.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyoxigraph import Literal

from fieldwren.catalog.hardware import PORTABLE_CORE
from fieldwren.catalog.store import Store, rows
from fieldwren.files import written_whole

FORMAT = 5
"""Version of the saved columns; other versions are rebuilt."""

Bits = NDArray[np.uint64]

_MODEL_PROPERTIES = (
    *("dct:title", "dct:identifier", "dct:description", "dct:license", "fw:task", "fw:frontEndKind", "fw:location"),
    *(
        "fw:appLocation",
        "fw:label",
        "fw:labelList",
        "fw:operator",
        "fw:unsupported",
        "fw:unsupportedOperator",
        "fw:macs",
    ),
)
_TARGET_PROPERTIES = (
    *("dct:title", "dct:description", "fw:core", "fw:flashBytes", "fw:ramBytes", "fw:clockHz", "fw:buildable"),
    *("fw:emulated", "fw:anySensor", "fw:board", "fw:supportsOperator", "fw:supportsFrontEnd"),
)


class ModelText(NamedTuple):
    """What is shown or searched of a model, but never computed with. A tuple, because there are many."""

    id: str
    name: str
    identifier: str = ""
    description: str = ""
    task: str | None = None
    licence: str | None = None
    front_end: str | None = None
    location: str | None = None
    app: str | None = None
    labels: tuple[str, ...] = ()
    accuracy: float | None = None
    datasets: tuple[str, ...] = ()
    unsupported: str | None = None
    unsupported_operator: str | None = None
    macs: int | None = None
    sensors: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """A board or a device. Bytes are None where unlimited or unknown; `sensors` and `operators` None: nothing ruled out.

    `sensors` maps kinds to the highest rate in Hz (None: not known).
    """

    id: str
    name: str
    kind: str
    description: str = ""
    board: str | None = None
    core: str | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    clock_hz: int | None = None
    sensors: Mapping[str, float | None] | None = None
    operators: tuple[str, ...] | None = None
    front_ends: tuple[str, ...] | None = None
    buildable: bool = False
    emulated: bool = False


@dataclass(frozen=True)
class Measured:
    """The newest benchmark of a model on a board."""

    latency_ms: float | None
    instructions: int
    run: str


@dataclass
class Index:
    """All columns; row m of a model column belongs to `models[m]`, column c of a footprint to `cores[c]`."""

    models: list[ModelText]
    targets: list[Target]
    cores: list[str]
    flash: NDArray[np.int64]
    ram: NDArray[np.int64]
    cycles: NDArray[np.int64]
    operator_names: list[str]
    operators: Bits
    sensor_kinds: list[str]
    sensors: Bits
    rates: NDArray[np.float64]
    measured: dict[tuple[str, str], Measured]

    def portable(self) -> int:
        """The column of footprints that hold on any core."""
        return self.cores.index(PORTABLE_CORE)


def bits(sets: Sequence[Iterable[str]], names: Mapping[str, int]) -> Bits:
    """[len(sets), words] with bit `names[x]` of each row set for every x in its set."""
    words = max(1, -(-len(names) // 64))
    made = np.zeros((len(sets), words), np.uint64)
    for row, members in enumerate(sets):
        for member in members:
            number = names[member]
            made[row, number // 64] |= np.uint64(1 << (number % 64))
    return made


def build_index(store: Store) -> Index:
    """Reads every column from the store."""
    models = _subjects(store, "fw:Model", _MODEL_PROPERTIES)
    order = sorted(models, key=lambda m: (_first(models[m], "title", ""), m))
    number = {m: i for i, m in enumerate(order)}
    accuracy, datasets = _evaluations(store)
    needs = _needs(store)
    texts = [_model_text(m, models[m], accuracy.get(m), datasets.get(m, ()), needs.get(m, {})) for m in order]

    operator_sets = [models[m].get("operator", ()) for m in order]
    operator_names = sorted({name for names in operator_sets for name in names})
    kinds = sorted({kind for found in needs.values() for kind in found})
    rates = np.full((len(order), len(kinds)), -1.0)
    for m, found in needs.items():
        if m in number:
            for kind, rate in found.items():
                rates[number[m], kinds.index(kind)] = 0.0 if rate is None else rate
    cores, flash, ram, cycles = _footprints(store, number)
    return Index(
        models=texts,
        targets=_targets(store),
        cores=cores,
        flash=flash,
        ram=ram,
        cycles=cycles,
        operator_names=operator_names,
        operators=bits(operator_sets, {name: i for i, name in enumerate(operator_names)}),
        sensor_kinds=kinds,
        sensors=bits([needs.get(m, {}) for m in order], {kind: i for i, kind in enumerate(kinds)}),
        rates=rates,
        measured=_measured(store),
    )


def _python(value: Any) -> Any:
    if not isinstance(value, Literal):
        return value.value
    kind = value.datatype.value.rpartition("#")[2]
    if kind in ("integer", "int", "long"):
        return int(value.value)
    if kind in ("double", "decimal", "float"):
        return float(value.value)
    if kind == "boolean":
        return value.value in ("true", "1")
    return value.value


def _subjects(store: Store, kind: str, properties: Iterable[str]) -> dict[str, dict[str, list[Any]]]:
    """{subject: {property: values}} of every subject of a class; a property is scanned at once for all of them."""
    query = f"SELECT DISTINCT ?s WHERE {{ GRAPH ?g {{ ?s a {kind} }} }}"
    found: dict[str, dict[str, list[Any]]] = {subject.value: {} for (subject,) in rows(store, query)}
    for name in properties:
        local = name.partition(":")[2]
        for subject, value in rows(store, f"SELECT ?s ?o WHERE {{ GRAPH ?g {{ ?s {name} ?o }} }}"):
            fields = found.get(subject.value)
            if fields is not None:
                fields.setdefault(local, []).append(_python(value))
    return found


def _first(fields: Mapping[str, list[Any]], name: str, default: Any = None) -> Any:
    values = fields.get(name)
    return values[0] if values else default


def _model_text(
    model: str,
    fields: Mapping[str, list[Any]],
    accuracy: float | None,
    datasets: Iterable[str],
    sensors: Iterable[str],
) -> ModelText:
    listed = _first(fields, "labelList")
    return ModelText(
        id=model,
        name=str(_first(fields, "title", model)),
        identifier=str(_first(fields, "identifier", "")),
        description=" ".join(map(str, fields.get("description", ()))),
        task=_first(fields, "task"),
        licence=_first(fields, "license"),
        front_end=_first(fields, "frontEndKind"),
        location=_first(fields, "location"),
        app=_first(fields, "appLocation"),
        labels=tuple(json.loads(listed)) if listed else tuple(map(str, fields.get("label", ()))),
        accuracy=accuracy,
        datasets=tuple(datasets),
        unsupported=_first(fields, "unsupported"),
        unsupported_operator=_first(fields, "unsupportedOperator"),
        macs=_first(fields, "macs"),
        sensors=tuple(sorted(sensors)),
    )


def _evaluations(store: Store) -> tuple[dict[str, float], dict[str, list[str]]]:
    """The newest accuracy of each model, and the names of the data sets it was evaluated or trained on."""
    accuracy: dict[str, tuple[str, float]] = {}
    datasets: dict[str, list[str]] = defaultdict(list)
    query = """SELECT ?m ?metric ?value ?data ?at WHERE { GRAPH ?g { ?e a fw:Evaluation ; fw:ofModel ?m ;
        dct:title ?metric ; it6:value ?value . OPTIONAL { ?e fw:dataSetName ?data } OPTIONAL { ?e fw:at ?at } } }"""
    for model, metric, value, data, at in rows(store, query):
        when = at.value if at is not None else ""
        if metric.value == "accuracy" and when >= accuracy.get(model.value, ("", 0.0))[0]:
            accuracy[model.value] = (when, float(value.value))
        if data is not None and data.value not in datasets[model.value]:
            datasets[model.value].append(data.value)
    return {model: value for model, (_, value) in accuracy.items()}, datasets


def _needs(store: Store) -> dict[str, dict[str, float | None]]:
    """{model: {sensor kind: least rate in Hz}}."""
    found: dict[str, dict[str, float | None]] = defaultdict(dict)
    query = """SELECT ?m ?kind ?rate WHERE { GRAPH ?g { ?m fw:need ?n . ?n fw:sensorKind ?kind .
        OPTIONAL { ?n fw:minRateHz ?rate } } }"""
    for model, kind, rate in rows(store, query):
        found[model.value][kind.value] = None if rate is None else float(rate.value)
    return found


def _footprints(
    store: Store, number: Mapping[str, int]
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    found: list[tuple[int, str, list[int]]] = []
    query = """SELECT ?m ?core ?flash ?ram ?cycles WHERE { GRAPH ?g { ?f a fw:Footprint ; fw:ofModel ?m ;
        fw:core ?core . OPTIONAL { ?f fw:flashBytes ?flash } OPTIONAL { ?f fw:ramBytes ?ram }
        OPTIONAL { ?f fw:cyclesEstimated ?cycles } } }"""
    for model, core, flash, ram, cycles in rows(store, query):
        if model.value in number:
            sizes = [-1 if value is None else int(float(value.value)) for value in (flash, ram, cycles)]
            found.append((number[model.value], core.value, sizes))
    cores = sorted({PORTABLE_CORE, *(core for _, core, _ in found)})
    columns = {core: i for i, core in enumerate(cores)}
    arrays = tuple(np.full((len(number), len(cores)), -1, np.int64) for _ in range(3))
    for row, core, values in found:
        for array, value in zip(arrays, values, strict=True):
            array[row, columns[core]] = value
    return cores, arrays[0], arrays[1], arrays[2]


def _targets(store: Store) -> list[Target]:
    boards = _subjects(store, "fw:Board", _TARGET_PROPERTIES)
    devices = _subjects(store, "fw:Device", _TARGET_PROPERTIES)
    sensors: dict[str, dict[str, float | None]] = defaultdict(dict)
    query = """SELECT ?b ?kind ?rate WHERE { GRAPH ?g { ?b sosa:hosts ?s . ?s fw:sensorKind ?kind .
        OPTIONAL { ?s fw:maxRateHz ?rate } } }"""
    for platform, kind, rate in rows(store, query):
        sensors[platform.value][kind.value] = None if rate is None else float(rate.value)
    made = {b: _target(b, "board", fields, sensors.get(b), None) for b, fields in boards.items()}
    for d, fields in devices.items():
        made[d] = _target(d, "device", fields, sensors.get(d), made.get(_first(fields, "board", "")))
    return sorted(made.values(), key=lambda t: (t.kind, t.name, t.id))


def _target(
    target: str,
    kind: str,
    fields: Mapping[str, list[Any]],
    sensors: Mapping[str, float | None] | None,
    board: Target | None,
) -> Target:
    """A device takes from its board what it does not say itself."""

    def get(name: str, inherited: Any) -> Any:
        return _first(fields, name, inherited)

    any_sensor = get("anySensor", None)
    if any_sensor is True:
        sensors = None
    elif sensors is None and any_sensor is None and board is not None:
        sensors = board.sensors
    elif sensors is None and (any_sensor is False or kind == "device"):
        sensors = {}
    return Target(
        id=target,
        name=str(get("title", target)),
        kind=kind,
        description=" ".join(map(str, fields.get("description", ()))),
        board=board.name if board else None,
        core=get("core", board.core if board else None),
        flash_bytes=get("flashBytes", board.flash_bytes if board else None),
        ram_bytes=get("ramBytes", board.ram_bytes if board else None),
        clock_hz=get("clockHz", board.clock_hz if board else None),
        sensors=sensors,
        operators=tuple(fields["supportsOperator"]) if "supportsOperator" in fields else None,
        front_ends=tuple(fields["supportsFrontEnd"]) if "supportsFrontEnd" in fields else None,
        buildable=bool(get("buildable", board.buildable if board else False)),
        emulated=bool(get("emulated", board.emulated if board else False)),
    )


def _measured(store: Store) -> dict[tuple[str, str], Measured]:
    newest: dict[tuple[str, str], tuple[str, Measured]] = {}
    query = """SELECT ?run ?m ?b ?latency ?instructions ?at WHERE { GRAPH ?g { ?run a fw:BenchRun ; fw:ofModel ?m ;
        fw:onBoard ?b ; fw:instructions ?instructions ; prov:endedAtTime ?at .
        OPTIONAL { ?run fw:latencyMs ?latency } } }"""
    for run, model, board, latency, instructions, at in rows(store, query):
        key = (model.value, board.value)
        if key not in newest or at.value > newest[key][0]:
            found = Measured(None if latency is None else float(latency.value), int(instructions.value), run.value)
            newest[key] = (at.value, found)
    return {key: found for key, (_, found) in newest.items()}


_ARRAYS = ("flash", "ram", "cycles", "operators", "sensors", "rates")


def save_index(index: Index, path: Path, stamp: str) -> None:
    """Writes the index beside the store, marked with the revision it was built from."""
    text = {
        "format": FORMAT,
        "stamp": stamp,
        "models": index.models,
        "targets": [asdict(target) for target in index.targets],
        "cores": index.cores,
        "operator_names": index.operator_names,
        "sensor_kinds": index.sensor_kinds,
        "measured": [[*key, asdict(value)] for key, value in index.measured.items()],
    }
    with written_whole(path) as temporary, temporary.open("wb") as file:
        content = np.frombuffer(json.dumps(text).encode(), np.uint8)
        np.savez(file, text=content, **{name: getattr(index, name) for name in _ARRAYS})


def load_index(path: Path, stamp: str) -> Index | None:
    """The saved index, None when there is none of this revision."""
    try:
        with np.load(path, allow_pickle=False) as file:
            text = json.loads(file["text"].tobytes())
            if text.get("format") != FORMAT or text.get("stamp") != stamp:
                return None
            arrays = {name: file[name] for name in _ARRAYS}
    except (OSError, ValueError, KeyError, EOFError):
        return None
    tuples: Callable[[dict[str, Any]], dict[str, Any]] = lambda fields: {  # noqa: E731 - one line for two uses
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    return Index(
        models=[ModelText._make(tuple(f) if isinstance(f, list) else f for f in fields) for fields in text["models"]],
        targets=[Target(**tuples(fields)) for fields in text["targets"]],
        cores=text["cores"],
        operator_names=text["operator_names"],
        sensor_kinds=text["sensor_kinds"],
        measured={(model, board): Measured(**fields) for model, board, fields in text["measured"]},
        **arrays,
    )
