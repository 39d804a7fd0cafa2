"""What verbs left behind becomes facts: benchmarks, checks, evaluations, learning and devices seen, with provenance."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyoxigraph import NamedNode

from fieldwren.app import MANIFEST, load_app
from fieldwren.boards import load_board
from fieldwren.catalog.facts import Record, iri
from fieldwren.catalog.model_record import model_record, say_evaluation
from fieldwren.catalog.models import Evaluation, ModelFacts, app_facts, model_facts
from fieldwren.catalog.namespaces import BOARD, DEVICE, MODEL, RUN
from fieldwren.catalog.shapes import validate
from fieldwren.catalog.store import exists, rows
from fieldwren.errors import FieldwrenError

if TYPE_CHECKING:
    from fieldwren.catalog.catalog import Catalog

REFUSED = "refused"
Entry = Mapping[str, Any]


def take_in(catalog: Catalog, inbox: Path) -> list[str]:
    """Takes in every file of the inbox, oldest first, and removes it; what cannot be used goes to `refused/`.

    A file is removed only after its facts are written: one that is met again after a crash says the same once more.
    Returns a note for each refused file.
    """
    if not inbox.is_dir():
        return []
    notes: list[str] = []
    for path in sorted(inbox.glob("*.json")):
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            records = records_of(catalog, entry)
            for record in records:
                broken = validate(record.triples)
                if broken:
                    raise ValueError(broken[0].message)
            catalog.write(records)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, FieldwrenError) as error:
            notes.append(f"{path.name}: not taken in: {' '.join(str(error).split())[:200]}")
            with contextlib.suppress(OSError):
                (inbox / REFUSED).mkdir(exist_ok=True)
                path.replace(inbox / REFUSED / path.name)
        else:
            path.unlink(missing_ok=True)
    return notes


def records_of(catalog: Catalog, entry: Entry) -> list[Record]:
    """The records a verb's result gives, with those of models that the catalogue does not have yet."""
    if entry["verb"] in _ON_DEVICE:
        return [*_models(catalog, entry), *_taught(catalog, entry)]
    make = _VERBS.get(str(entry["verb"]), _plain_run)
    return [*_models(catalog, entry), *make(entry)]


def _when(entry: Entry) -> datetime:
    return datetime.strptime(str(entry["at"]), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _run(entry: Entry, kind: str) -> tuple[Record, NamedNode]:
    """A record named by its content: taken in twice it is the same record."""
    key = hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:24]
    node = iri(RUN, key)
    record = Record(node)
    record.of_type(node, "fw:Run", "prov:Activity")
    if kind:
        record.of_type(node, kind)
    record.say(node, "rdfs:label", f"fieldwren {entry['verb']}")
    record.say(node, "fw:verb", str(entry["verb"]))
    record.say(node, "prov:endedAtTime", _when(entry))
    record.say(node, "fw:arguments", json.dumps(entry.get("arguments", {}), sort_keys=True))
    agent = iri("urn:fieldwren:tool:", "fieldwren", str(entry.get("version", "")))
    record.say(node, "prov:wasAssociatedWith", agent)
    record.about(agent).of_type(agent, "prov:SoftwareAgent")
    record.about(agent).say(agent, "rdfs:label", f"fieldwren {entry.get('version', '')}")
    record.used(node, entry.get("files", {}).items())
    return record, node


def _plain_run(entry: Entry) -> list[Record]:
    """A verb without facts of its own: that it ran, on what, and what it said."""
    record, node = _run(entry, "")
    record.say(node, "fw:result", json.dumps(entry.get("result"))[:100_000])
    return [record]


def _model_of(entry: Entry) -> NamedNode | None:
    """The model file among a run's arguments, by its hash."""
    given = str(entry.get("arguments", {}).get("model", ""))
    for name, sha256 in entry.get("files", {}).items():
        if name.endswith(".tflite") and (not given or Path(name).name == Path(given).name):
            return iri(MODEL, sha256)
    return None


def _models(catalog: Catalog, entry: Entry) -> list[Record]:
    """Records of a run's model file or app folder, if it is still what it was, and new to the catalogue."""
    made = []
    for name, sha256 in entry.get("files", {}).items():
        path = Path(name)
        if path.suffix == ".tflite" and _unchanged(path, sha256) and not _known(catalog, iri(MODEL, sha256)):
            with contextlib.suppress(FieldwrenError):
                made.append(model_record(_facts_with_app(path), f"fieldwren {entry['verb']} {path.name}"))
        elif path.name == "fieldwren.toml" and _unchanged(path, sha256):
            with contextlib.suppress(FieldwrenError):
                facts = app_facts(path.parent)
                if not _known(catalog, iri(MODEL, facts.sha256)):
                    made.append(model_record(facts, f"fieldwren {entry['verb']} {path.parent.name}"))
    return made


def _facts_with_app(model: Path) -> ModelFacts:
    """Facts of a model file; of the whole app where it lies in the app's folder."""
    if (model.parent / MANIFEST).is_file():
        with contextlib.suppress(FieldwrenError):
            if load_app(model.parent).model_path.resolve() == model.resolve():
                return app_facts(model.parent)
    return model_facts(model)


def _unchanged(path: Path, sha256: str) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


def _known(catalog: Catalog, model: NamedNode) -> bool:
    return exists(catalog.store, f"{model} a fw:Model")


def _board_node(board: str) -> NamedNode:
    return iri(BOARD, load_board(board).id if board.endswith(".toml") else board)


def _bench(entry: Entry) -> list[Record]:
    result = entry["result"]
    given = entry["arguments"]
    if given.get("suite") or given.get("streaming"):
        return _plain_run(entry)  # other figures than those of one inference of one model
    model = _model_of(entry)
    if model is None:
        raise ValueError("the model file of a benchmark is not among its files")
    record, node = _run(entry, "fw:BenchRun")
    board = load_board(str(entry["arguments"]["board"]))
    record.say(node, "fw:ofModel", model)
    record.say(node, "fw:onBoard", iri(BOARD, board.id))
    record.say(node, "fw:instructions", int(result["instructions"]))
    cycles = result.get("cycles_estimated")
    record.say(node, "fw:cycles", None if cycles is None else int(cycles))
    if cycles is not None and board.clock_hz:
        record.say(node, "fw:latencyMs", 1000.0 * float(cycles) / board.clock_hz)
    for name, key in (
        ("fw:weightsBytes", "weights_bytes"),
        ("fw:codeBytes", "code_bytes"),
        ("fw:arenaBytes", "arena_bytes"),
        ("fw:stackBytes", "stack_bytes"),
        ("fw:ramBytes", "ram_bytes"),
        ("fw:macs", "macs"),
    ):
        record.say(node, name, int(result[key]))
    return [record]


def _check(entry: Entry) -> list[Record]:
    result = entry["result"]
    record, node = _run(entry, "fw:CheckRun")
    record.say(node, "fw:ofModel", _model_of(entry))
    record.say(node, "fw:onBoard", _board_node(str(entry["arguments"]["board"])))
    record.say(node, "fw:fits", bool(result["fits"]))
    for name, key in (("fw:flashBytes", "flash_bytes"), ("fw:ramBytes", "ram_bytes"), ("fw:macs", "macs")):
        record.say(node, name, int(result[key]))
    for reason in result.get("reasons", ()):
        record.say(node, "fw:reason", str(reason["message"]))
    return [record]


def _verify(entry: Entry) -> list[Record]:
    record, node = _run(entry, "fw:VerifyRun")
    record.say(node, "fw:ofModel", _model_of(entry))
    record.say(node, "fw:onBoard", _board_node(str(entry["arguments"]["board"])))
    record.say(node, "fw:equal", bool(entry["result"]["equal"]))
    return [record]


def _app_model(entry: Entry) -> NamedNode | None:
    for name in entry.get("files", {}):
        path = Path(name)
        if path.name == "fieldwren.toml":
            with contextlib.suppress(FieldwrenError, OSError):
                model = load_app(path).model_path
                return iri(MODEL, hashlib.sha256(model.read_bytes()).hexdigest())
    return next(
        (iri(MODEL, sha256) for name, sha256 in entry.get("files", {}).items() if name.endswith(".tflite")), None
    )


def _evaluated(entry: Entry, kind: str, metrics: Mapping[str, str]) -> list[Record]:
    """A run over an app that measured rates on a data set: the evaluation of its model."""
    result = entry["result"]
    record, node = _run(entry, kind)
    model = _app_model(entry)
    record.say(node, "fw:ofModel", model)
    data = Path(str(entry["arguments"].get("data") or "")).name or None
    only = entry["arguments"].get("only")
    split = ", ".join(only) if isinstance(only, list | tuple) else str(only) if only else None
    for key, metric in metrics.items():
        value = result.get(key)
        if isinstance(value, int | float) and model is not None:
            place = NamedNode(f"{node.value}:{key}")
            say_evaluation(record, place, model, Evaluation(metric, float(value), data, split))
            record.say(place, "fw:at", _when(entry))
    record.say(node, "fw:result", json.dumps(result)[:100_000])
    return [record]


def _learn(entry: Entry) -> list[Record]:
    metrics = {"accuracy_before": "accuracy before learning", "accuracy_after": "accuracy after learning"}
    return _evaluated(entry, "fw:LearnRun", metrics)


def _eval(entry: Entry) -> list[Record]:
    return _evaluated(entry, "fw:EvaluationRun", {"accuracy": "accuracy", "macro_f1": "macro F1"})


def _seen(entry: Entry) -> list[Record]:
    """A device that answered on a link: who it is, what it runs."""
    result = entry["result"]
    info = result["info"]
    serial = str(result.get("serial") or f"{info['board']}-{info['app']}")
    node = iri(DEVICE, serial)
    record = Record(node)
    record.of_type(node, "fw:Device", "s3n:SmartSensor", "td:Thing")
    record.say(node, "dct:title", serial)
    record.say(node, "dct:identifier", serial)
    record.say(node, "fw:board", iri(BOARD, str(info["board"])))
    record.say(node, "fw:imageSha256", str(info["image"]).lower())
    record.say(node, "fw:firmware", str(info["firmware"]))
    record.say(node, "fw:runsModel", iri(MODEL, str(info["model_sha256"])))
    record.say(node, "fw:appName", str(info["app"]))
    record.say(node, "fw:appKind", str(info["kind"]))
    record.say(node, "fw:address", result.get("address"))
    free = result.get("free_flash_bytes")
    record.say(node, "fw:freeFlashBytes", None if free is None else int(free))
    record.say(node, "fw:learnedLabel", *(str(label) for label in result.get("learned_labels") or ()))
    record.say(node, "fw:seenAt", _when(entry))
    record.made_by(
        f"fieldwren {entry['arguments'].get('verb', 'monitor')}", at=_when(entry), version=str(entry["version"])
    )
    return [record]


_ON_DEVICE = ("learn teach", "learn status", "learn undo", "learn reset")


def _taught(catalog: Catalog, entry: Entry) -> list[Record]:
    """What a device has learned: all its added classes where the result lists them, else one more."""
    result = entry["result"]
    node = iri(DEVICE, str(result["device"]))
    if "classes" in result:
        labels = {str(item["label"]) for item in result["classes"] if item["added"]}
    else:
        known = rows(catalog.store, f"SELECT ?l WHERE {{ GRAPH ?g {{ {node} fw:learnedLabel ?l }} }}")
        labels = {label.value for (label,) in known} | ({str(result["label"])} if result["is_new"] else set())
    record = Record(NamedNode(f"{node.value}:learned"))
    record.of_type(node, "fw:Device")
    record.say(node, "dct:title", str(result["device"]))
    record.say(node, "fw:appName", str(result["app"]))
    record.say(node, "fw:learnedLabel", *sorted(labels))
    record.say(node, "fw:runsModel", _app_model(entry))
    if not entry["arguments"].get("port"):
        record.say(node, "fw:board", _board_node(str(entry["arguments"]["board"])))
    metrics = {"accuracy_before": "accuracy before learning", "accuracy_after": "accuracy after learning"}
    return [record, *_evaluated(entry, "fw:LearnRun", metrics)]


_VERBS: Mapping[str, Callable[[Entry], list[Record]]] = {
    "bench": _bench,
    "check": _check,
    "verify": _verify,
    "learn simulate": _learn,
    "eval": _eval,
    "device": _seen,
}
