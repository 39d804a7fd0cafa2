"""Devices as Things: W3C Thing Descriptions 1.1 out of the catalogue and into it, and a Thing Model per kind of app."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, get_args
from urllib.parse import quote

import pyoxigraph as ox

from fieldwren.app import Kind
from fieldwren.catalog.catalog import Catalog
from fieldwren.catalog.facts import Record, iri, term
from fieldwren.catalog.hardware import DATA
from fieldwren.catalog.loose_json import JsonFault, read_json
from fieldwren.catalog.namespaces import DEVICE, PREFIXES, one_spelling
from fieldwren.catalog.store import rows
from fieldwren.errors import BadInputError

TD_CONTEXT = "https://www.w3.org/2022/wot/td/v1.1"
CONTEXTS = (
    TD_CONTEXT,
    "https://www.w3.org/2019/wot/td/v1",
    "http://www.w3.org/ns/td",
    "https://www.w3.org/ns/wot-next/td",
)
MODEL_VERSION = "1.0.0"
_OURS = ("fw", "s3n", "ssn", "sosa", "sosa_extend", "dct")

_LABEL = {"type": "string", "description": "Name of a class.", "minLength": 1, "maxLength": 64}
_COUNT = {"type": "integer", "minimum": 1}


def _affordances(kind: str) -> dict[str, Any]:
    """Properties, actions and events of an app of a kind, without forms: what Thing Model and Description share."""
    confidence = {"type": "number", "minimum": 0, "maximum": 1}
    properties = {
        "info": {
            "title": "Identity",
            "description": "Protocol, firmware, image and model of the device: the first line of the link.",
            "type": "object",
            "readOnly": True,
        },
        "status": {
            "title": "Status",
            "description": "Counters of the app and the link, levels of the input.",
            "type": "object",
            "readOnly": True,
        },
    }
    detection = {
        "type": "object",
        "properties": {
            "t_ms": {"type": "integer", "unit": "MilliSEC"},
            "label": {"type": "string"},
            "confidence": confidence,
        },
    }
    if kind == "regression":
        detection = {"type": "object", "properties": {"values": {"type": "array", "items": {"type": "number"}}}}
    actions: dict[str, Any] = {
        "label": {
            "title": "Teach",
            "description": "The input that follows is an example of this class.",
            "input": {"type": "object", "properties": {"label": _LABEL, "shots": _COUNT}, "required": ["label"]},
        },
        "learn": {"title": "Practise", "description": "Goes over the stored examples once more.", "input": _COUNT},
        "undo": {"title": "Undo", "description": "Takes the last lesson back.", "idempotent": False},
        "save": {"title": "Save", "description": "Writes what was learned to flash.", "idempotent": True},
    }
    events = {
        "detection": {"title": "Detection", "description": "The app reports what it heard or saw.", "data": detection},
        "drift": {
            "title": "Drift",
            "description": "The input differs from what the model was trained on.",
            "data": {"type": "object", "properties": {"score": {"type": "number"}}},
        },
    }
    return {"properties": properties, "actions": actions, "events": events}


def thing_model(kind: str) -> dict[str, Any]:
    """The Thing Model (TD 1.1) of firmware for an app of a kind. Raises BadInputError for an unknown kind."""
    if kind not in get_args(Kind):
        raise BadInputError(f"there is no app kind {kind!r}: the kinds are {', '.join(get_args(Kind))}")
    return {
        "@context": TD_CONTEXT,
        "@type": "tm:ThingModel",
        "id": f"urn:fieldwren:thing-model:{kind}",
        "title": f"fieldwren {kind} app",
        "description": f"Firmware made by fieldwren for an app of kind {kind}.",
        "version": {"model": MODEL_VERSION},
        "securityDefinitions": {"nosec_sc": {"scheme": "nosec"}},
        "security": "nosec_sc",
        **_affordances(kind),
    }


_OPERATIONS = {"properties": "readproperty", "actions": "invokeaction", "events": "subscribeevent"}


def _with_forms(affordances: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for group, members in affordances.items():
        made[group] = {
            name: fields
            | {"forms": [{"href": f"{group}/{name}", "contentType": "application/json", "op": [_OPERATIONS[group]]}]}
            for name, fields in members.items()
        }
    return made


def thing_description(catalog: Catalog, device: str) -> dict[str, Any]:
    """The Thing Description (TD 1.1) of a device, by id, title or serial number.

    A description that was imported comes back as it was; for other devices one is made of what is known of them.
    Raises BadInputError when there is no such device.
    """
    node = _find(catalog, device)
    stored = next(rows(catalog.store, f"SELECT ?t WHERE {{ GRAPH ?g {{ {node} fw:thingDescription ?t }} }}"), None)
    if stored is not None:
        kept = json.loads(stored[0].value)
        assert isinstance(kept, dict)
        return kept
    facts: dict[str, list[Any]] = {}
    for predicate, value in rows(catalog.store, f"SELECT ?p ?o WHERE {{ GRAPH ?g {{ {node} ?p ?o }} }}"):
        facts.setdefault(predicate.value, []).append(value)

    def text(name: str) -> str | None:
        values = facts.get(term(name).value)
        return None if not values else str(values[0].value)

    kind = text("fw:appKind") or "keyword"
    described: dict[str, Any] = {
        "@context": [TD_CONTEXT, {name: PREFIXES[name] for name in _OURS}],
        "@type": ["Thing", "s3n:SmartSensor", "fw:Device"],
        "id": node.value,
        "title": text("dct:title") or node.value,
        "base": f"fieldwren://{quote(text('fw:address') or node.value.removeprefix(DEVICE), safe='')}/",
        "securityDefinitions": {"nosec_sc": {"scheme": "nosec", "description": "The link is a cable on the desk."}},
        "security": "nosec_sc",
        "links": [
            {"rel": "type", "href": f"urn:fieldwren:thing-model:{kind}", "type": "application/tm+json"},
        ],
        **_with_forms(_affordances(kind if kind in get_args(Kind) else "keyword")),
    }
    for name in ("fw:flashBytes", "fw:ramBytes", "fw:clockHz"):
        value = text(name)
        if value is not None:
            described[name] = int(value)
    for name in ("dct:identifier", "fw:imageSha256", "fw:firmware", "fw:core", "fw:appName", "fw:appKind"):
        if text(name) is not None:
            described[name] = text(name)
    for name in ("fw:board", "fw:runsModel"):
        if text(name) is not None:
            described[name] = {"@id": text(name)}
    labels = sorted(str(value.value) for value in facts.get(term("fw:learnedLabel").value, ()))
    if labels:
        described["fw:learnedLabel"] = labels
    sensors = _sensors(catalog, node)
    if sensors:
        described["sosa:hosts"] = sensors
    return described


def _sensors(catalog: Catalog, node: ox.NamedNode) -> list[dict[str, Any]]:
    query = f"""SELECT ?s ?kind ?rate WHERE {{ GRAPH ?g {{ {node} sosa:hosts ?s . ?s fw:sensorKind ?kind .
        OPTIONAL {{ ?s fw:maxRateHz ?rate }} }} }} ORDER BY ?kind"""
    made = []
    for sensor, kind, rate in rows(catalog.store, query):
        fields: dict[str, Any] = {"@type": ["sosa:Sensor"], "fw:sensorKind": kind.value}
        if isinstance(sensor, ox.NamedNode):
            fields["@id"] = sensor.value
        if rate is not None:
            fields["fw:maxRateHz"] = float(rate.value)
        made.append(fields)
    return made


def _find(catalog: Catalog, device: str) -> ox.NamedNode:
    query = """SELECT DISTINCT ?d ?t ?i WHERE { GRAPH ?g { ?d a fw:Device ; dct:title ?t . OPTIONAL { ?d dct:identifier ?i } } }"""
    known = []
    for node, title, identifier in rows(catalog.store, query):
        if device in (node.value, title.value, identifier.value if identifier else None):
            assert isinstance(node, ox.NamedNode)
            return node
        known.append(title.value)
    raise BadInputError(f"there is no device {device!r}: known are {', '.join(sorted(set(known))[:10]) or 'none'}")


@functools.cache
def _context() -> dict[str, Any]:
    made = json.loads((DATA / "td-context.json").read_text(encoding="utf-8"))
    assert isinstance(made, dict)
    return made


def is_thing_description(value: object) -> bool:
    """Whether a JSON value looks like a Thing Description: its context, or a title with security."""
    if not isinstance(value, dict):
        return False
    context = value.get("@context")
    listed = context if isinstance(context, list) else [context]
    return any(item in CONTEXTS for item in listed if isinstance(item, str)) or (
        "title" in value and ("security" in value or "securityDefinitions" in value)
    )


def read_thing(text: str, base: str) -> tuple[list[ox.Quad], list[JsonFault]]:
    """The triples of a TD (or any JSON-LD with its context inside), and what had to be mended.

    The document itself is kept as a literal on the Thing, so that it comes back word for word. Raises BadInputError with
    a line where the text is no JSON at all, and for a context that would have to be fetched.
    """
    value, faults = read_json(one_spelling(text))
    if not isinstance(value, dict | list):
        raise BadInputError("line 1: a JSON object is expected")
    is_td = is_thing_description(value)
    if is_td:
        assert isinstance(value, dict)
        for name in ("title", "security", "securityDefinitions"):
            if name not in value:
                faults.append(JsonFault(1, f"a Thing Description needs {name!r}, and this has none"))
        if "id" not in value and "@id" not in value:
            faults.append(JsonFault(1, "the Thing has no id; it gets one from the file's name"))
            value["id"] = base
    try:
        quads = list(ox.parse(json.dumps(_expandable(value)), format=ox.RdfFormat.JSON_LD, base_iri=base, lenient=True))
    except SyntaxError as error:
        raise BadInputError(f"is no JSON-LD that can be read here: {error}") from error
    if is_td:
        assert isinstance(value, dict)
        thing = iri_of(str(value.get("id", value.get("@id"))), base)
        record = Record(thing)
        record.of_type(thing, "td:Thing")
        record.say(thing, "fw:thingDescription", json.dumps(value, ensure_ascii=False))
        quads += record.quads()
    return quads, faults


def iri_of(text: str, base: str) -> ox.NamedNode:
    """The IRI a Thing's id means; one below `base` for an id that is none."""
    return ox.NamedNode(text) if ":" in text and " " not in text else iri(f"{base}#", text)


def _expandable(value: Any) -> Any:
    """The document with the TD contexts written out and its other remote contexts left out: nothing is fetched."""
    if isinstance(value, list):
        return [_expandable(item) for item in value]
    assert isinstance(value, Mapping)
    context = value.get("@context")
    listed = context if isinstance(context, list) else [] if context is None else [context]
    local: list[Any] = []
    for item in listed:
        if isinstance(item, str) and item in CONTEXTS:
            local.append(_context())
        elif isinstance(item, dict):
            # A prefix must end like one, or every name would run into it.
            local.append({key: _prefix(key, entry) for key, entry in item.items() if key != "@language"})
    if not local and is_thing_description(value):
        local.append(_context())
    usual = {name: base for name, base in PREFIXES.items() if name not in ("td", "jsonschema", "wotsec", "hctl")}
    return {**value, "@context": [usual, *local]}


def _prefix(key: str, entry: Any) -> Any:
    if isinstance(entry, str) and "://" in entry and not entry.endswith(("#", "/", ":")):
        return PREFIXES[key] if PREFIXES.get(key, "").startswith(entry) else f"{entry}/"
    return entry
