"""The shapes are ordinary SHACL: another engine finds the same subjects and properties wrong."""

from __future__ import annotations

import random

import pytest

from catalog.fleet import records
from fieldwren.catalog import packages
from support import require_module

require_module("pyoxigraph")

import pyoxigraph as ox  # noqa: E402

from fieldwren.catalog.facts import Record, term  # noqa: E402
from fieldwren.catalog.hardware import DATA, board_record, known_boards  # noqa: E402
from fieldwren.catalog.shapes import validate  # noqa: E402

assert packages


def by_pyshacl(triples: list[ox.Triple]) -> set[tuple[str, str]]:
    """(subject, property) of every violation, as pySHACL has it."""
    pyshacl = require_module("pyshacl")
    rdflib = require_module("rdflib")
    data = rdflib.Graph().parse(data=ox.serialize(triples, format=ox.RdfFormat.N_TRIPLES), format="nt")
    shapes = rdflib.Graph().parse(data=(DATA / "shapes.ttl").read_bytes(), format="turtle")
    _, report, _ = pyshacl.validate(data, shacl_graph=shapes, advanced=False, inference="none")
    sh = rdflib.Namespace("http://www.w3.org/ns/shacl#")
    return {
        (str(report.value(result, sh.focusNode)), str(report.value(result, sh.resultPath)))
        for result in report.subjects(rdflib.RDF.type, sh.ValidationResult)
    }


def ours(triples: list[ox.Triple]) -> set[tuple[str, str]]:
    return {(violation.subject, violation.path) for violation in validate(triples)}


def test_what_the_tool_itself_says_breaks_nothing() -> None:
    triples = [t for facts in known_boards() for t in board_record(facts, "test").triples]
    triples += [t for record in records(4, 3) for t in record.triples]
    assert ours(triples) == set()
    assert by_pyshacl(triples) == set()


WRONG = (
    ox.Literal("many"),
    ox.Literal(-5),
    ox.Literal(0),
    ox.Literal(2.5),
    ox.Literal("Not A Word!"),
    ox.NamedNode("urn:test:node"),
    ox.Literal("12", datatype=ox.NamedNode("http://www.w3.org/2001/XMLSchema#integer")),
)


@pytest.mark.slow
def test_damaged_facts_are_found_by_both() -> None:
    rng = random.Random(4)
    some = list(records(3, 2))
    found = 0
    for _ in range(25):
        triples = list(rng.choice(some).triples)
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(triples))
            old = triples[place]
            kind = rng.choice(("replace", "add", "remove"))
            if old.predicate.value.endswith("#type") and kind != "remove":
                continue
            if kind == "remove":
                del triples[place]
            elif kind == "replace":
                triples[place] = ox.Triple(old.subject, old.predicate, rng.choice(WRONG))
            else:
                triples.append(ox.Triple(old.subject, old.predicate, rng.choice(WRONG)))
        assert ours(triples) == by_pyshacl(triples)
        found += len(ours(triples))
    assert found >= 8


def test_the_explanation_is_a_sentence() -> None:
    node = ox.NamedNode("urn:test:board")
    record = Record(node)
    record.of_type(node, "fw:Board")
    record.say(node, "dct:title", "tiny")
    record.say(node, "fw:ramBytes", -4)
    record.say(node, "fw:flashBytes", 1024, 2048)
    said = {violation.path: violation.message for violation in validate(record.triples)}
    assert said[term("fw:ramBytes").value] == "the board tiny has the RAM in bytes '-4', which is not more than 0"
    assert said[term("fw:flashBytes").value].startswith("the board tiny has 2 values of flash in bytes")
