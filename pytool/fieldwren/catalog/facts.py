"""Facts as RDF: a Record is everything said about one thing, kept and replaced as a whole in a graph of its own."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from fieldwren import __version__
from fieldwren.catalog.namespaces import PREFIXES, RDF, TOOL, XSD

Node = NamedNode | BlankNode
Value = NamedNode | BlankNode | Literal | str | int | float | bool | datetime

_TYPE = NamedNode(RDF + "type")
_DATE_TIME = NamedNode(XSD + "dateTime")
_DECIMAL = NamedNode(XSD + "double")


@functools.cache
def term(name: str) -> NamedNode:
    """The IRI of a prefixed name: `term("fw:ramBytes")`."""
    prefix, _, local = name.partition(":")
    return NamedNode(PREFIXES[prefix] + local)


def iri(base: str, *parts: str) -> NamedNode:
    """An IRI below one of this project's bases; parts are escaped and joined by colons."""
    return NamedNode(base + ":".join(quote(part, safe="-._~+") for part in parts))


def literal(value: Value) -> NamedNode | BlankNode | Literal:
    """A Python value as an RDF term; terms stay what they are."""
    if isinstance(value, NamedNode | BlankNode | Literal):
        return value
    if isinstance(value, datetime):
        return Literal(value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), datatype=_DATE_TIME)
    if isinstance(value, float):
        return Literal(repr(value), datatype=_DECIMAL)
    return Literal(value)


@dataclass
class Record:
    """The triples about one thing; `graph` is the thing's IRI and the name of the graph that holds them.

    No triple stands in two graphs: embedded stores would count it twice.
    """

    graph: NamedNode
    triples: list[Triple] = field(default_factory=list)
    shared: dict[NamedNode, Record] = field(default_factory=dict)

    def about(self, node: NamedNode) -> Record:
        """The record of something that many records refer to, and that is said only once: a tool, file or data set."""
        return self.shared.setdefault(node, Record(node))

    def say(self, subject: Node, predicate: str, *values: Value | None) -> None:
        """Adds `subject predicate value` for every value that is not None; `predicate` is a prefixed name."""
        relation = _TYPE if predicate == "a" else term(predicate)
        for value in values:
            if value is not None:
                self.triples.append(Triple(subject, relation, literal(value)))

    def of_type(self, subject: Node, *classes: str) -> None:
        """Adds the classes of a subject, as prefixed names."""
        for name in classes:
            self.triples.append(Triple(subject, _TYPE, term(name)))

    def quads(self) -> Iterator[Quad]:
        """The triples in the record's graph."""
        for triple in self.triples:
            yield Quad(triple.subject, triple.predicate, triple.object, self.graph)

    def made_by(
        self, how: str, *, used: Iterable[tuple[str, str]] = (), at: datetime | None = None, version: str = __version__
    ) -> None:
        """Provenance (PROV-O): the record came from an activity of this tool that used files of these hashes."""
        when = at or datetime.now(UTC)
        activity = NamedNode(
            f"{self.graph.value}:made:{hashlib.sha256(f'{how}{when}{self.graph.value}'.encode()).hexdigest()[:16]}"
        )
        agent = iri(TOOL, "fieldwren", version)
        self.say(self.graph, "prov:wasGeneratedBy", activity)
        self.of_type(activity, "prov:Activity")
        self.say(activity, "rdfs:label", how)
        self.say(activity, "prov:endedAtTime", when)
        self.say(activity, "prov:wasAssociatedWith", agent)
        self.about(agent).of_type(agent, "prov:SoftwareAgent")
        self.about(agent).say(agent, "rdfs:label", f"fieldwren {version}")
        self.used(activity, used)

    def used(self, activity: NamedNode, files: Iterable[tuple[str, str]]) -> None:
        """Files, as (path, SHA-256), that an activity read."""
        for name, sha256 in files:
            entity = NamedNode(f"urn:fieldwren:file:{sha256}")
            self.say(activity, "prov:used", entity)
            self.about(entity).of_type(entity, "prov:Entity")
            self.about(entity).say(entity, "prov:atLocation", name)
            self.about(entity).say(entity, "fw:sha256", sha256)
