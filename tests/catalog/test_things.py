"""Thing Descriptions: valid by the rules of TD 1.1 (restated here), and the same again after a round trip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from catalog.fleet import device_record
from fieldwren.app import Kind
from support import require_module

require_module("pyoxigraph")

import numpy as np  # noqa: E402

from fieldwren.catalog import Catalog, add, export, find_boards, thing_description, thing_model  # noqa: E402
from fieldwren.errors import BadInputError  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping

STRING_OR_LIST = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
DATA_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "type": {"enum": ["boolean", "integer", "number", "string", "object", "array", "null"]},
        "title": {"type": "string"},
        "description": {"type": "string"},
        "unit": {"type": "string"},
        "readOnly": {"type": "boolean"},
        "writeOnly": {"type": "boolean"},
        "minimum": {"type": "number"},
        "maximum": {"type": "number"},
        "minLength": {"type": "integer", "minimum": 0},
        "maxLength": {"type": "integer", "minimum": 0},
        "required": {"type": "array", "items": {"type": "string"}},
        "enum": {"type": "array", "minItems": 1, "uniqueItems": True},
        "properties": {"type": "object", "additionalProperties": {"$ref": "#/definitions/data"}},
        "items": {"$ref": "#/definitions/data"},
    },
}


def form(operations: list[str]) -> dict[str, Any]:
    one = {"enum": operations}
    op = {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}
    return {
        "type": "object",
        "required": ["href"],
        "properties": {
            "href": {"type": "string"},
            "op": op,
            "contentType": {"type": "string"},
            "subprotocol": {"type": "string"},
            "security": STRING_OR_LIST,
        },
    }


def affordance(operations: list[str], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "required": ["forms"],
            "properties": {
                "forms": {"type": "array", "minItems": 1, "items": form(operations)},
                "title": {"type": "string"},
                "description": {"type": "string"},
                "@type": STRING_OR_LIST,
                **more,
            },
        },
    }


DATA = {"$ref": "#/definitions/data"}
TD_CONTEXT = "https://www.w3.org/2022/wot/td/v1.1"
RULES: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "definitions": {"data": DATA_SCHEMA},
    "type": "object",
    "required": ["@context", "title", "security", "securityDefinitions"],
    "properties": {
        "@context": {
            "anyOf": [
                {"const": TD_CONTEXT},
                {
                    "type": "array",
                    "items": [{"const": TD_CONTEXT}],
                    "additionalItems": {
                        "anyOf": [
                            {"type": "string"},
                            {"type": "object", "additionalProperties": {"type": "string"}},
                        ]
                    },
                },
            ]
        },
        "@type": STRING_OR_LIST,
        "id": {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$"},
        "title": {"type": "string"},
        "base": {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9+.-]*:\S+$"},
        "security": STRING_OR_LIST,
        "securityDefinitions": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "required": ["scheme"],
                "properties": {
                    "scheme": {
                        "enum": ["nosec", "auto", "combo", "basic", "digest", "apikey", "bearer", "psk", "oauth2"]
                    }
                },
            },
        },
        "links": {"type": "array", "items": {"type": "object", "required": ["href"]}},
        "properties": affordance(
            ["readproperty", "writeproperty", "observeproperty", "unobserveproperty"],
            readOnly={"type": "boolean"},
            type={"type": "string"},
        ),
        "actions": affordance(
            ["invokeaction", "queryaction", "cancelaction"],
            input=DATA,
            output=DATA,
            safe={"type": "boolean"},
            idempotent={"type": "boolean"},
        ),
        "events": affordance(["subscribeevent", "unsubscribeevent"], data=DATA, subscription=DATA, cancellation=DATA),
    },
}
"""W3C Thing Description 1.1, sections 5.3 and 5.4: what is mandatory, and which values its terms may have."""


def without_forms(rules: Mapping[str, Any]) -> dict[str, Any]:
    """The rules of a Thing Model: forms may be left out."""
    text = json.dumps(rules).replace('"required": ["forms"], ', "")
    made = json.loads(text)
    assert isinstance(made, dict)
    return made


def errors(rules: Mapping[str, Any], thing: object) -> list[str]:
    jsonschema = require_module("jsonschema")
    validator = jsonschema.Draft7Validator(rules)
    return [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(thing)]


@pytest.fixture
def device(catalog: Catalog) -> str:
    record = device_record(7, np.random.default_rng(3))
    record.say(record.graph, "fw:appKind", "keyword")
    record.say(record.graph, "fw:learnedLabel", "lamp", "doorbell")
    catalog.write([record])
    return "SN000007"


def test_a_description_keeps_the_rules(catalog: Catalog, device: str) -> None:
    thing = thing_description(catalog, device)
    assert errors(RULES, thing) == []
    assert set(thing["actions"]) == {"label", "learn", "undo", "save"}
    assert set(thing["events"]) == {"detection", "drift"}
    assert thing["fw:learnedLabel"] == ["doorbell", "lamp"]


def test_the_rules_notice_what_is_wrong(catalog: Catalog, device: str) -> None:
    thing = thing_description(catalog, device)
    for wrong in (
        {**thing, "@context": "https://example.org/other"},
        {k: v for k, v in thing.items() if k != "security"},
        {**thing, "actions": {"x": {"forms": []}}},
        {**thing, "events": {"x": {"forms": [{"href": "x", "op": "readproperty"}]}}},
    ):
        assert errors(RULES, wrong)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_thing_models(kind: str) -> None:
    model = thing_model(kind)
    assert model["@type"] == "tm:ThingModel"
    assert errors(without_forms(RULES), model) == []


def test_round_trip(catalog: Catalog, device: str, tmp_path: Path) -> None:
    """The exported Things, taken in by an empty catalogue, give the same descriptions and the same answers."""
    things = tmp_path / "things.jsonld"
    assert export(catalog, things) == 1
    (thing,) = json.loads(things.read_text())
    one = tmp_path / "one.jsonld"
    one.write_text(json.dumps(thing))
    with Catalog.in_memory() as other:
        (added,) = add(other, [one])
        assert added.faults == ()
        assert thing_description(other, device) == thing == thing_description(catalog, device)
        mine = [f for f in find_boards(catalog) if f.name == device]
        assert [f for f in find_boards(other) if f.name == device] == mine
        # Made anew from the triples alone, it is the same Thing, too.
        other.store.write([])
        target = next(t for t in other.index.targets if t.name == device)
        assert target == next(t for t in catalog.index.targets if t.name == device)


def test_a_foreign_thing_with_faults(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "foreign.jsonld"
    path.write_text(
        """{
  "@context": ["https://www.w3.org/2019/wot/td/v1", {"s3n": "http://w3id.org/s3n/", "ssn": "http://www.w3.org/ns/ssn/",
    "sys": "http://www.w3.org/ns/ssn/systems", "x": "http://example.org/x#", "schema": "http://schema.org/", "@language": "en"}],
  "@type": "s3n:SmartSensor",
  "@type": "x:Kit"
  "id": "http://example.org/kit-1",
  "title": "kit-1",
  "ssn:hasSubSystem": [{"@type": "x:TemperatureSensor"}, {"@type": "s3n:MicroController",
    "s3n:hasSystemCapability": {"ssn-system:hasSystemProperty":
      {"@type": "s3n:Memory", "schema:value": 129, "schema:unitCode": "om:kilobyte"}}}],
  "security": "nosec_sc", "securityDefinitions": {"nosec_sc": {"scheme": "nosec"}},
}"""
    )
    (added,) = add(catalog, [path])
    assert [fault.line for fault in added.faults] == [5, 6, 11]
    (found,) = find_boards(catalog, sensors=["thermometer"], text="kit-1")
    assert found.ram_bytes == 129_000


def test_not_a_thing(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonld"
    path.write_text("nonsense")
    with pytest.raises(BadInputError, match=r"x\.jsonld: line 1"):
        add(catalog, [path])
    with pytest.raises(BadInputError, match="no device 'nobody'"):
        thing_description(catalog, "nobody")
