"""Where records lie: a folder with an embedded store, or a SPARQL 1.1 endpoint. Both are asked the same way."""

from __future__ import annotations

import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pyoxigraph as ox

from fieldwren.catalog.facts import Record, term
from fieldwren.catalog.namespaces import CATALOG, PREFIXES, one_spelling
from fieldwren.errors import BadInputError, LinkLostError, MissingToolError
from fieldwren.files import written_whole

_TIMEOUT_S = 600.0
_UPDATE_TRIPLES = 400
"""Triples in one update of an endpoint: Virtuoso refuses updates of more than about a thousand."""

_BULK_RECORDS = 500
"""From so many new records on, a local store loads them in bulk, four times as fast as in a transaction."""

REVISION = ox.NamedNode(f"{CATALOG}:revision")

Answer = ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples


class Store(Protocol):
    """What the catalogue needs of a store."""

    name: str

    def query(self, text: str) -> Answer:
        """The answer to a SPARQL query over all graphs."""

    def write(self, records: Sequence[Record]) -> None:
        """Adds records, each replacing the one of the same name, all of them or none (an endpoint: in batches)."""

    def quads(self) -> Iterator[ox.Quad]:
        """Everything there is."""

    def close(self) -> None:
        """Lets go of files and locks."""


def revision_record() -> Record:
    """A record that changes the catalogue's revision: a new one is written with every change."""
    record = Record(REVISION)
    record.triples.append(ox.Triple(ox.NamedNode(CATALOG), term("fw:revision"), ox.Literal(uuid.uuid4().hex)))
    return record


def revision(store: Store) -> str:
    """The present revision, empty for an empty catalogue."""
    found = rows(store, f"SELECT ?r WHERE {{ GRAPH ?g {{ <{CATALOG}> fw:revision ?r }} }} ORDER BY ?r")
    return ",".join(row[0].value for row in found)


def rows(store: Store, text: str) -> Iterator[tuple[Any, ...]]:
    """Rows of a SELECT as tuples of terms (None where unbound), in the order of its variables."""
    answer = store.query(text)
    assert isinstance(answer, ox.QuerySolutions)
    for solution in answer:
        yield tuple(solution)


def with_prefixes(text: str) -> str:
    """A query with one spelling of namespaces, and the known prefixes that it uses declared before it."""
    text = one_spelling(text)
    own = set(re.findall(r"(?i)\bprefix\s+([\w-]*):", text))
    used = [name for name in PREFIXES if name not in own and re.search(rf"(?<![\w-]){name}:", text)]
    return "".join(f"PREFIX {name}: <{PREFIXES[name]}>\n" for name in used) + text


def exists(store: Store, pattern: str) -> bool:
    """Whether some graph has the pattern. Not ASK: Virtuoso answers that in a form of its own."""
    return any(True for _ in rows(store, f"SELECT ?graph WHERE {{ GRAPH ?graph {{ {pattern} }} }} LIMIT 1"))


class LocalStore:
    """An embedded store in a folder. One process at a time: the caller holds the lock."""

    def __init__(self, folder: Path | None) -> None:
        """Opens the folder, or a store in memory for None. Raises BadInputError when it is no store."""
        self.name = "memory" if folder is None else str(folder)
        self._journal = None if folder is None else folder.with_name("loading.json")
        try:
            self._store = ox.Store() if folder is None else ox.Store(str(folder))
        except (OSError, RuntimeError) as error:
            raise BadInputError(
                f"{folder}: the catalogue cannot be opened: {error}; if it is damaged, remove the folder and add again"
            ) from error
        self._undo_load()

    def query(self, text: str) -> Answer:
        """As Store.query; the default graph is the union of all graphs."""
        try:
            answer = self._store.query(one_spelling(text), prefixes=dict(PREFIXES), use_default_graph_as_union=True)
        except SyntaxError as error:
            raise BadInputError(f"the query is not SPARQL: {error}") from error
        assert isinstance(answer, ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples)
        return answer

    def write(self, records: Sequence[Record]) -> None:
        """As Store.write, in one transaction."""
        new = not any(self._store.contains_named_graph(r.graph) for r in records if r.graph != REVISION)
        if new and len(records) >= _BULK_RECORDS:
            self._load(records)
        else:
            self._store.update(replacing(records))

    def _load(self, records: Sequence[Record]) -> None:
        """Bulk loading is no transaction: a journal names what is being loaded until all of it is on disk."""
        if self._journal is not None:
            with written_whole(self._journal) as temporary, temporary.open("w", encoding="utf-8") as file:
                json.dump([record.graph.value for record in records if record.graph != REVISION], file)
                file.flush()
                os.fsync(file.fileno())
        # An old revision may stay beside the new one: together they mark the change as well.
        self._store.bulk_extend(quad for record in records for quad in record.quads())
        if self._journal is not None:
            self._store.flush()
            self._journal.unlink()

    def _undo_load(self) -> None:
        """Removes what a load that did not get to its end has left."""
        if self._journal is None or not self._journal.exists():
            return
        graphs = json.loads(self._journal.read_text(encoding="utf-8"))
        dropped = [f"DROP SILENT GRAPH <{graph}>" for graph in graphs]
        self._store.update(" ;\n".join([*dropped, replacing([revision_record()])]))
        self._store.flush()
        self._journal.unlink()

    def quads(self) -> Iterator[ox.Quad]:
        """As Store.quads."""
        yield from self._store

    def close(self) -> None:
        """Writes everything to disk and releases the folder."""
        if self.name != "memory":
            self._store.flush()
        del self._store


def replacing(records: Iterable[Record]) -> str:
    """A SPARQL update that replaces the graphs of the records by what they hold."""
    parts: list[str] = []
    for record in records:
        parts.append(f"DROP SILENT GRAPH {record.graph}")
        body = "\n".join(f"{t.subject} {t.predicate} {t.object} ." for t in record.triples)
        parts.append(f"INSERT DATA {{ GRAPH {record.graph} {{\n{body}\n}} }}")
    return " ;\n".join(parts)


def _requests(records: Iterable[Record]) -> Iterator[str]:
    """Updates that replace the records, none with more than _UPDATE_TRIPLES triples; blank nodes get names."""
    parts: list[str] = []
    room = _UPDATE_TRIPLES
    for record in records:
        parts.append(f"DROP SILENT GRAPH {record.graph}")
        lines = [f"{_named(t.subject)} {t.predicate} {_named(t.object)} ." for t in record.triples]
        while lines:
            taken, lines = lines[:room], lines[room:]
            parts.append(f"INSERT DATA {{ GRAPH {record.graph} {{\n" + "\n".join(taken) + "\n} }")
            room -= len(taken)
            if room <= 0:
                yield " ;\n".join(parts)
                parts, room = [], _UPDATE_TRIPLES
    if parts:
        yield " ;\n".join(parts)


def _named(node: object) -> str:
    """A term; a blank node as an IRI, because it must be the same in several updates."""
    return f"<urn:fieldwren:blank:{node.value}>" if isinstance(node, ox.BlankNode) else str(node)


class EndpointStore:
    """A SPARQL 1.1 endpoint: queries and updates are posted to its address (updates to `update`, if that differs)."""

    def __init__(self, address: str, update: str | None = None) -> None:
        """Raises BadInputError when the address is no http address."""
        if not address.startswith(("http://", "https://")):
            raise BadInputError(f"{address}: an endpoint is an http:// or https:// address")
        self.name = address
        self._query_address = address
        self._update_address = update or address

    def query(self, text: str) -> Answer:
        """As Store.query."""
        accept = "application/sparql-results+json, application/n-triples;q=0.9"
        content, kind = self._post(self._query_address, "query", with_prefixes(text), accept)
        if "n-triples" in kind or "turtle" in kind:
            form = ox.RdfFormat.N_TRIPLES if "n-triples" in kind else ox.RdfFormat.TURTLE
            scratch = ox.Store()
            scratch.load(content, format=form)
            answer = scratch.query("CONSTRUCT WHERE { ?s ?p ?o }")
            assert isinstance(answer, ox.QueryTriples)
            return answer
        try:
            parsed = ox.parse_query_results(content, format=ox.QueryResultsFormat.JSON)
        except (SyntaxError, ValueError) as error:
            raise BadInputError(f"{self.name}: its answer is no SPARQL result: is that a SPARQL endpoint?") from error
        return parsed

    def write(self, records: Sequence[Record]) -> None:
        """As Store.write, in requests of limited size; a record larger than that is written in several."""
        for request in _requests(records):
            self._post(self._update_address, "update", request, "*/*")

    def quads(self) -> Iterator[ox.Quad]:
        """As Store.quads."""
        for graph, subject, predicate, value in rows(self, "SELECT ?g ?s ?p ?o WHERE { GRAPH ?g { ?s ?p ?o } }"):
            yield ox.Quad(subject, predicate, value, graph)

    def close(self) -> None:
        """Nothing to let go of."""

    def _post(self, address: str, kind: str, text: str, accept: str) -> tuple[bytes, str]:
        request = urllib.request.Request(
            address,
            data=urllib.parse.urlencode({kind: text}, quote_via=urllib.parse.quote).encode(),
            headers={"Accept": accept, "Content-Type": "application/x-www-form-urlencoded"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
                return answer.read(), answer.headers.get("Content-Type", "")
        except urllib.error.HTTPError as error:
            said = " ".join(error.read().decode("utf-8", "replace").split())[:200]
            raise BadInputError(f"{address}: the endpoint refused the {kind} (HTTP {error.code}): {said}") from error
        except TimeoutError as error:
            raise LinkLostError(f"{address}: the endpoint did not answer within {_TIMEOUT_S:.0f} s") from error
        except OSError as error:
            raise MissingToolError(f"{address}: the endpoint cannot be reached: {error}") from error


def results_json(answer: Answer) -> Any:
    """SPARQL 1.1 query results in their JSON form; for CONSTRUCT, N-Triples in `{"triples": […]}`."""
    if isinstance(answer, ox.QueryTriples):
        return {"triples": sorted(str(triple) for triple in answer)}
    made = json.loads(answer.serialize(format=ox.QueryResultsFormat.JSON) or b"{}")
    if made["head"].get("vars") == ["__ASK_RETVAL"]:  # Virtuoso's way to answer ASK
        return {"head": {}, "boolean": bool(made["results"]["bindings"])}
    return made
