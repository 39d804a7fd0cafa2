"""Turtle and JSON with faults: what parses is kept, and each fault is told with its line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwren.errors import BadInputError
from support import require_module

require_module("pyoxigraph")

import pyoxigraph as ox  # noqa: E402

from fieldwren.catalog.loose_json import read_json  # noqa: E402
from fieldwren.catalog.turtle import read_turtle  # noqa: E402

GOOD = """@prefix ex: <http://example.org/> .
@prefix s3n: <http://w3id.org/s3n/> .
# a comment with a dot. And "quotes
ex:a a s3n:SmartSensor ;
  ex:says "one. two; three # four" , '''long
string. with ; all''' ;
  ex:memory [ ex:value 256 ; ex:unit ex:kilobyte ] .

ex:b ex:size 1.5 ; ex:of ex:a .
ex:c ex:of ex:b .
"""


def triples(text: str) -> set[str]:
    """Triples of a text without its blank nodes, as the library reads it."""
    return {str(q.triple) for q in ox.parse(text, format=ox.RdfFormat.TURTLE) if "_:" not in str(q.triple)}


def kept(text: str) -> tuple[set[str], list[tuple[int, str]]]:
    quads, faults = read_turtle(text, "http://example.org/file")
    return {str(q.triple) for q in quads if "_:" not in str(q.triple)}, [(f.line, f.message) for f in faults]


def test_a_good_text_is_read_as_it_is() -> None:
    assert kept(GOOD) == (triples(GOOD), [])


@pytest.mark.parametrize(
    ("before", "after", "line", "lost"),
    [
        ('"one. two; three # four"', '"one. two; three # four', 5, 3),  # the string is not closed
        ("ex:size 1.5 ;", "ex:size 1.5x ;", 9, 1),
        ("ex:of ex:a .", "ex:of ex:a", 9, 0),  # the dot is missing
        ("ex:c ex:of ex:b .", "ex:c ex:of nowhere .", 10, 1),
        ("ex:b ex:size 1.5 ;", "ex:b ex:size ;", 9, 1),
        ("[ ex:value 256", "[ ex:value 256 256x", 7, 1),
        ("ex:kilobyte ] .", "ex:kilobyte .", 7, 1),  # the bracket is not closed
        ("@prefix s3n: <http://w3id.org/s3n/> .", "", 4, 0),  # a usual prefix is known
    ],
)
def test_small_faults(before: str, after: str, line: int, lost: int) -> None:
    text = GOOD.replace(before, after)
    assert text != GOOD
    found, faults = kept(text)
    assert faults, "the fault was not noticed"
    assert abs(faults[0][0] - line) <= 1, faults
    missing = triples(GOOD) - found
    assert len(missing) <= lost, (missing, faults)
    assert found <= triples(GOOD), "something was made up"


def test_a_text_that_breaks_off() -> None:
    found, faults = kept(GOOD + '\nex:d ex:of "half')
    assert found == triples(GOOD)
    assert [line for line, _ in faults] == [12]
    assert kept(GOOD + "# the end")[1] == []


def test_an_unknown_prefix_loses_only_its_triples() -> None:
    found, faults = kept(GOOD.replace("ex:of ex:a .", "odd:of ex:a ."))
    assert [line for line, _ in faults] == [9]
    assert "odd" in faults[0][1]
    assert len(triples(GOOD) - found) == 1


def test_the_old_names_of_namespaces() -> None:
    text = "<http://x.org/b> a <http://tinyml-schema.org/sosa_extend/Camera> ; <http://x.org/p> <https://w3id.org/s3n/RAM> ."
    quads, _ = read_turtle(text, "http://example.org/file")
    assert {q.object.value for q in quads if isinstance(q.object, ox.NamedNode)} == {
        "https://w3id.org/tinyml-schema/neural-network-schema/sosa_extend/Camera",
        "http://w3id.org/s3n/RAM",
    }


@settings(max_examples=60, deadline=None)
@given(
    st.integers(GOOD.index("# a"), len(GOOD) - 1),
    st.sampled_from(["", '"', ".", ";", "<", "]", "[", "\n", "'", "#", "\\"]),
)
def test_any_character_may_be_wrong(place: int, character: str) -> None:
    """However one character is changed, the statement two lines away is read, and nothing raises."""
    text = GOOD[:place] + character + GOOD[place + 1 :]
    quads, faults = read_turtle(text, "http://example.org/file")
    assert all(1 <= fault.line <= text.count("\n") + 1 for fault in faults)
    last = GOOD.rindex("ex:c")
    if place < last - 30 and "'''" in text and text.count("'''") == 2 and character not in ("'", "\\"):
        assert any(q.subject == ox.NamedNode("http://example.org/c") for q in quads), faults


JSON = """{
  "@context": "https://www.w3.org/2022/wot/td/v1.1",
  "title": "lamp",
  "list": [1, 2.5, -3e2, true, null],
  "nested": { "a": "b\\u00e9", "c": {} }
}
"""


def test_good_json_is_read_as_it_is() -> None:
    assert read_json(JSON) == (json.loads(JSON), [])


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ('"lamp",', '"lamp"', 4),  # a comma is missing: noticed at the next key
        ("null],", "null,],", 4),
        ("{} }", "{}, }", 5),
        ('"title": "lamp",', '"title": "lamp", // why', 3),
        ("[1, 2.5", "[1,, 2.5", 4),
        ('"title"', "'title'", 3),
        ('"title":', "title:", 3),
        ('"title":', '"title"', 3),
        ('"lamp",', '"lamp,', 3),
        ("{} }\n}", "{} }\n", 7),
        ("true", "True", 4),
    ],
)
def test_json_faults_are_mended(before: str, after: str, line: int) -> None:
    text = JSON.replace(before, after, 1)
    assert text != JSON
    made, faults = read_json(text)
    assert made == json.loads(JSON)
    assert faults[0].line == line


def test_a_doubled_key_keeps_both_values() -> None:
    made, (fault,) = read_json('{"@type": "a:X",\n "@type": "a:Y"}')
    assert made == {"@type": ["a:X", "a:Y"]}
    assert fault.line == 2


@pytest.mark.parametrize("text", ["", "{", '{"a" "b" : ]]', "[" * 500, "\x00", '{"a": @}'])
def test_hopeless_json_is_refused_with_a_line_or_mended(text: str) -> None:
    try:
        read_json(text)
    except BadInputError as error:
        assert "line " in str(error)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="{}[]\",:\\/*#\n 'a1-", max_size=40))
def test_no_text_breaks_the_json_reader(text: str) -> None:
    try:
        value, _ = read_json(text)
    except BadInputError:
        return
    json.dumps(value)
