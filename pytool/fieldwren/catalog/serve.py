"""`fieldwren catalog serve`: the catalogue in a browser, on this computer only, without a build step or a network."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyoxigraph as ox

from fieldwren.catalog.ask import find_boards, find_models, search, why_not
from fieldwren.catalog.catalog import Catalog
from fieldwren.catalog.exchange import sparql
from fieldwren.catalog.hardware import DATA
from fieldwren.catalog.match import match
from fieldwren.catalog.names import find_target
from fieldwren.catalog.queries import QUERIES
from fieldwren.catalog.store import rows
from fieldwren.cli.output import plain
from fieldwren.errors import BadInputError, FieldwrenError, MissingToolError

_QUERY_BYTES_MOST = 100_000
_ROWS_MOST = 2000

Answer = Callable[[Catalog, Mapping[str, str]], object]


def serve(
    store: str | Path | None = None,
    *,
    endpoint: str | None = None,
    endpoint_update: str | None = None,
    port: int = 8009,
    started: Callable[[str], None] | None = None,
) -> None:
    """Serves until interrupted; `started` gets the address. The catalogue is opened for each request and free between.

    Raises MissingToolError when the port is taken.
    """
    opening = partial(Catalog.open, store, endpoint=endpoint, endpoint_update=endpoint_update)
    with opening():
        pass  # what is wrong with the store is said before anyone looks at a page
    try:
        server = make_server(opening, port)
    except OSError as error:
        raise MissingToolError(f"port {port} cannot be used: {error.strerror or error}; give another --port") from error
    with server:
        if started is not None:
            started(f"http://127.0.0.1:{server.server_address[1]}/")
        server.serve_forever(poll_interval=0.2)


def make_server(opening: Callable[[], Catalog], port: int) -> ThreadingHTTPServer:
    """A server on the loopback address; port 0 takes any free one."""
    lock = threading.Lock()  # the catalogue's own lock is between processes
    return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, opening, lock))


class _Handler(BaseHTTPRequestHandler):
    """GET / is the page, GET /api/… and POST /api/sparql are JSON."""

    def __init__(self, opening: Callable[[], Catalog], lock: threading.Lock, *arguments: Any) -> None:
        self._opening = opening
        self._lock = lock
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """The page, or an answer."""
        address = urlsplit(self.path)
        if not self._is_local():
            return
        if address.path == "/":
            self._send(HTTPStatus.OK, (DATA / "page.html").read_bytes(), "text/html; charset=utf-8")
        elif address.path in _ANSWERS:
            asked = {name: values[-1] for name, values in parse_qs(address.query).items()}
            self._answer(lambda catalog: _ANSWERS[address.path](catalog, asked))
        else:
            self._send(HTTPStatus.NOT_FOUND, b'{"error": "there is no such page"}', "application/json")

    def do_POST(self) -> None:
        """A SPARQL query as the body. Only JSON is taken, which other sites' forms cannot send."""
        length = int(self.headers.get("Content-Length") or 0)
        if not self._is_local():
            return
        wrong = self.path != "/api/sparql" or self.headers.get("Content-Type") != "application/json"
        if wrong or length > _QUERY_BYTES_MOST:
            self._send(HTTPStatus.BAD_REQUEST, b'{"error": "a query is expected"}', "application/json")
            return
        try:
            query = str(json.loads(self.rfile.read(length))["query"])
        except (ValueError, KeyError, TypeError):
            self._send(HTTPStatus.BAD_REQUEST, b'{"error": "a query is expected"}', "application/json")
            return
        self._answer(lambda catalog: sparql(catalog, query))

    def _is_local(self) -> bool:
        """Refuses names other than this computer's: another site's page must not read the catalogue."""
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        if host in ("127.0.0.1", "localhost"):
            return True
        self._send(HTTPStatus.FORBIDDEN, b'{"error": "only for this computer"}', "application/json")
        return False

    def _answer(self, make: Callable[[Catalog], object]) -> None:
        try:
            with self._lock, self._opening() as catalog:
                content, status = json.dumps(plain(make(catalog))).encode(), HTTPStatus.OK
        except (FieldwrenError, KeyError) as error:
            said = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            content, status = json.dumps({"error": said}).encode(), HTTPStatus.BAD_REQUEST
        self._send(status, content, "application/json")

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'self' 'unsafe-inline'; img-src 'self' data:")
        with contextlib.suppress(ConnectionError):  # a browser that went on to another page
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: a request is no event worth a line."""


def _models(catalog: Catalog, asked: Mapping[str, str]) -> object:
    found = find_models(
        catalog,
        board=asked.get("board") or None,
        task=asked.get("task") or None,
        sensors=[asked["sensor"]] if asked.get("sensor") else [],
        text=asked.get("text") or None,
        limit=_ROWS_MOST,
    )
    by_id = {model.id: model for model in catalog.index.models}
    return [
        {**as_dict, "labels": by_id[one.id].labels, "description": by_id[one.id].description}
        for one, as_dict in ((one, dict(vars(one))) for one in found)
    ]


def _boards(catalog: Catalog, asked: Mapping[str, str]) -> object:
    sensors = [asked["sensor"]] if asked.get("sensor") else []
    return find_boards(catalog, model=asked.get("model") or None, sensors=sensors, text=asked.get("text") or None)


def _about(catalog: Catalog, asked: Mapping[str, str]) -> object:
    """Everything said with this subject, and who refers to it: one step of provenance."""
    try:
        node = ox.NamedNode(asked["id"])
    except ValueError as error:
        raise BadInputError(f"{asked['id']!r} is no IRI") from error
    says = rows(
        catalog.store, f"SELECT DISTINCT ?p ?o WHERE {{ GRAPH ?g {{ {node} ?p ?o }} }} ORDER BY ?p ?o LIMIT 500"
    )
    said = rows(
        catalog.store, f"SELECT DISTINCT ?s ?p WHERE {{ GRAPH ?g {{ ?s ?p {node} }} }} ORDER BY ?p ?s LIMIT 200"
    )
    return {
        "id": node.value,
        "says": [[p.value, o.value, isinstance(o, ox.NamedNode)] for p, o in says],
        "referred": [[s.value, p.value] for s, p in said],
    }


def _compare(catalog: Catalog, asked: Mapping[str, str]) -> object:
    """The chosen models on the chosen board, with the reasons of those that do not fit."""
    wanted = asked["models"].split(",")
    board = asked.get("board") or None
    found = {one.id: one for one in find_models(catalog, board=board)}
    chosen = [dict(vars(found[model])) for model in wanted if model in found]
    for one in chosen:
        one["reasons"] = [r.message for r in why_not(catalog, one["id"], board)] if board and not one["fits"] else []
    limits = {}
    if board is not None:
        target = find_target(catalog.index, board)
        limits = {"flash_bytes": target.flash_bytes, "ram_bytes": target.ram_bytes}
    return {"models": chosen, "limits": limits}


def _summary(catalog: Catalog, asked: Mapping[str, str]) -> object:
    del asked
    index = catalog.index
    return {
        "models": len(index.models),
        "boards": sum(target.kind == "board" for target in index.targets),
        "devices": sum(target.kind == "device" for target in index.targets),
        "tasks": sorted({model.task for model in index.models if model.task}),
        "sensors": sorted({*index.sensor_kinds, *(kind for t in index.targets for kind in t.sensors or ())}),
        "targets": [[target.id, target.name, target.kind] for target in index.targets],
        "queries": QUERIES,
        "fitting": {t.name: int(match(index, t).fits.sum()) for t in index.targets if t.kind == "board"},
    }


_ANSWERS: Mapping[str, Answer] = {
    "/api/summary": _summary,
    "/api/models": _models,
    "/api/boards": _boards,
    "/api/about": _about,
    "/api/compare": _compare,
    "/api/search": lambda catalog, asked: search(catalog, asked["text"]),
    "/api/why-not": lambda catalog, asked: why_not(catalog, asked["model"], asked["board"]),
}
