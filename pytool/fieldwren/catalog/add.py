"""`fieldwren catalog add`: files become records; each file is taken in whole, or what parses of it, with its faults."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from fieldwren.app import MANIFEST
from fieldwren.catalog.catalog import Catalog
from fieldwren.catalog.facts import Record, iri
from fieldwren.catalog.hardware import board_record, read_board
from fieldwren.catalog.model_record import model_record
from fieldwren.catalog.models import Hints, app_facts, model_facts
from fieldwren.catalog.namespaces import FW, RDF, SOURCE
from fieldwren.catalog.normalise import normalise
from fieldwren.catalog.shapes import Violation, validate
from fieldwren.catalog.things import read_thing
from fieldwren.catalog.turtle import read_turtle
from fieldwren.errors import BadInputError

TURTLE = (".ttl", ".turtle", ".n3", ".nt")
QUADS = (".nq",)
JSON = (".jsonld", ".json", ".td", ".tm")


@dataclass(frozen=True)
class Fault:
    """Something in a file that was left out or mended; `line` counts from 1, None where no line is to blame."""

    file: str
    line: int | None
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


@dataclass(frozen=True)
class Added:
    """A file that was taken in: the IRIs it says something about, and the number of triples."""

    file: str
    kind: str
    ids: tuple[str, ...]
    triples: int
    faults: tuple[Fault, ...] = ()


def add(catalog: Catalog, files: Iterable[str | Path], hints: Hints | None = None) -> list[Added]:
    """Takes in models (.tflite), app folders, boards (.toml), RDF (Turtle, N-Quads) and Things (TD as JSON-LD).

    Each file is one transaction. A file that is taken in again replaces what it said before. `hints` say of models what
    their files do not. Raises BadInputError for a file of which nothing can be used; files before it stay.
    """
    return [_add(catalog, Path(file), hints) for file in files]


def _add(catalog: Catalog, path: Path, hints: Hints | None) -> Added:
    suffix = path.suffix.lower()
    if path.is_dir() or path.name == MANIFEST:
        facts = app_facts(path if path.is_dir() else path.parent, hints)
        return _own(catalog, path, "app", model_record(facts, f"catalog add {path.name}"))
    if not path.is_file():
        raise BadInputError(f"{path}: there is no such file")
    if suffix == ".tflite":
        return _own(catalog, path, "model", model_record(model_facts(path, hints), f"catalog add {path.name}"))
    if suffix == ".toml":
        return _own(catalog, path, "board", board_record(read_board(path), f"catalog add {path.name}"))
    if suffix in (*TURTLE, *QUADS):
        return _rdf(catalog, path)
    if suffix in JSON:
        return _thing(catalog, path)
    raise BadInputError(
        f"{path}: of what kind it is cannot be told: models end in .tflite, boards in .toml, RDF in .ttl, .nt or .nq, "
        "Thing Descriptions in .jsonld or .json, and apps are folders"
    )


def _own(catalog: Catalog, path: Path, kind: str, record: Record) -> Added:
    broken = validate(record.triples)
    if broken:
        raise BadInputError(f"{path}: {'; '.join(v.message for v in broken[:3])}")
    catalog.write([record])
    return Added(str(path), kind, (record.graph.value,), len(record.triples))


def _text(path: Path) -> tuple[str, list[Fault]]:
    content = path.read_bytes()
    try:
        return content.decode("utf-8"), []
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        return content.decode("utf-8", "replace"), [
            Fault(str(path), line, "is not UTF-8; other characters are replaced")
        ]


def source_graph(path: Path) -> ox.NamedNode:
    """The graph of what a file says: by its name and place, so that the same file replaces itself."""
    return iri(SOURCE, path.name, hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12])


def _rdf(catalog: Catalog, path: Path) -> Added:
    text, faults = _text(path)
    n_quads = path.suffix.lower() in QUADS
    quads, problems = read_turtle(text, path.resolve().as_uri(), n_quads=n_quads)
    faults += [Fault(str(path), problem.line, problem.message) for problem in problems]
    if not quads and faults:
        raise BadInputError(f"{faults[0]}; nothing in the file can be read")
    if not n_quads:
        return _foreign(catalog, path, "rdf", quads, faults)
    return _by_graph(catalog, path, quads, faults)


def _thing(catalog: Catalog, path: Path) -> Added:
    text, faults = _text(path)
    try:
        quads, mended = read_thing(text, path.resolve().as_uri())
    except BadInputError as error:
        raise BadInputError(f"{path}: {error}") from error
    faults += [Fault(str(path), fault.line, fault.message) for fault in mended]
    if not quads:
        raise BadInputError(f"{path}: says nothing: is it a Thing Description?")
    return _foreign(catalog, path, "thing", quads, faults)


def _foreign(catalog: Catalog, path: Path, kind: str, quads: Sequence[ox.Quad], faults: list[Fault]) -> Added:
    """Other people's facts with what follows from them in our terms, but for what breaks a shape."""
    triples = [ox.Triple(q.subject, q.predicate, q.object) for q in quads]
    more, shared, notes = normalise(quads)
    faults += [Fault(str(path), None, note.message) for note in notes]
    kept, broken = without_violations([*triples, *more])
    faults += [Fault(str(path), None, f"{violation.message}: left out") for violation in broken]
    record = Record(source_graph(path), list(dict.fromkeys(kept)))
    record.shared.update(shared)
    record.made_by(f"catalog add {path.name}", used=[(str(path), hashlib.sha256(path.read_bytes()).hexdigest())])
    catalog.write([record])
    subjects = {t.subject.value for t in kept if isinstance(t.subject, ox.NamedNode)}
    return Added(str(path), kind, tuple(sorted(subjects)), len(record.triples), tuple(faults))


def _by_graph(catalog: Catalog, path: Path, quads: Sequence[ox.Quad], faults: list[Fault]) -> Added:
    """N-Quads: every named graph is a record of its own, as an exported catalogue has them."""
    graphs: dict[ox.NamedNode, list[ox.Triple]] = defaultdict(list)
    rest: list[ox.Quad] = []
    for quad in quads:
        if isinstance(quad.graph_name, ox.NamedNode):
            graphs[quad.graph_name].append(ox.Triple(quad.subject, quad.predicate, quad.object))
        else:
            rest.append(quad)
    records = []
    for graph, triples in graphs.items():
        if graph.value.startswith("urn:fieldwren:catalog:"):
            continue  # bookkeeping of the catalogue that was exported
        kept, broken = without_violations(triples)
        faults += [Fault(str(path), None, f"{violation.message}: left out") for violation in broken]
        records.append(Record(graph, kept))
    if rest:
        return _foreign(catalog, path, "rdf", rest, faults)
    catalog.write(records)
    count = sum(len(record.triples) for record in records)
    return Added(str(path), "rdf", tuple(sorted(r.graph.value for r in records)), count, tuple(faults))


def without_violations(triples: list[ox.Triple]) -> tuple[list[ox.Triple], list[Violation]]:
    """The triples without the values that break a shape; a subject that lacks something loses our types instead."""
    broken = validate(triples)
    if not broken:
        return triples, []
    bad_values = {(v.subject, v.path) for v in broken if " has no " not in v.message}
    lacking = {v.subject for v in broken if " has no " in v.message}

    def keeps(triple: ox.Triple) -> bool:
        subject = str(getattr(triple.subject, "value", triple.subject))
        if (subject, triple.predicate.value) in bad_values:
            return False
        kind = triple.object.value if isinstance(triple.object, ox.NamedNode) else ""
        return not (subject in lacking and triple.predicate.value == f"{RDF}type" and kind.startswith(FW))

    return [triple for triple in triples if keeps(triple)], broken
