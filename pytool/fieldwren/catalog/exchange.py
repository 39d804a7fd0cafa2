"""The catalogue in other people's forms: SPARQL in, RDF out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from fieldwren.catalog.catalog import Catalog
from fieldwren.catalog.namespaces import PREFIXES
from fieldwren.catalog.store import results_json, rows
from fieldwren.catalog.things import thing_description
from fieldwren.errors import BadInputError
from fieldwren.files import written_whole


def sparql(catalog: Catalog, query: str | Path) -> Any:
    """The SPARQL JSON results of a query, given as text or as the path of a file.

    Usual prefixes need no declaration; older spellings of namespaces are understood. Raises BadInputError for what is
    no SPARQL.
    """
    if isinstance(query, Path):
        try:
            text = query.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInputError(f"{query}: cannot be read: {error}") from error
        try:
            return results_json(catalog.store.query(text))
        except BadInputError as error:
            raise BadInputError(f"{query}: {error}") from error
    return results_json(catalog.store.query(query))


def export(catalog: Catalog, target: str | Path) -> int:
    """Writes the catalogue to a file, by its ending: .ttl, .nq, or .jsonld (the devices as Thing Descriptions).

    Returns the number of triples, or of Things. Only N-Quads keep which record says what.
    """
    path = Path(target)
    suffix = path.suffix.lower()
    if suffix == ".jsonld":
        query = "SELECT DISTINCT ?d WHERE { GRAPH ?g { ?d a fw:Device } } ORDER BY ?d"
        things = [thing_description(catalog, device.value) for (device,) in rows(catalog.store, query)]
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(things, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return len(things)
    if suffix == ".nq":
        quads = sorted(catalog.store.quads(), key=str)
        with written_whole(path) as temporary:
            temporary.write_bytes(ox.serialize(quads, format=ox.RdfFormat.N_QUADS) or b"")
        return len(quads)
    if suffix in (".ttl", ".turtle", ".nt"):
        triples = sorted({ox.Triple(q.subject, q.predicate, q.object) for q in catalog.store.quads()}, key=str)
        form = ox.RdfFormat.N_TRIPLES if suffix == ".nt" else ox.RdfFormat.TURTLE
        prefixes = {} if suffix == ".nt" else dict(PREFIXES)
        with written_whole(path) as temporary:
            temporary.write_bytes(ox.serialize(triples, format=form, prefixes=prefixes) or b"")
        return len(triples)
    raise BadInputError(f"{path}: to export, give a name that ends in .ttl, .nt, .nq or .jsonld")
