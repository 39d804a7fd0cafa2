"""SHACL core constraints, checked when facts come in, and explained in plain words.

The shapes are standard SHACL (data/shapes.ttl); any SHACL engine gives the same answer, and a test compares with one. A
general engine takes minutes for what ten thousand models say, this reads the constraints in use and takes seconds.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse

from fieldwren.catalog.hardware import DATA
from fieldwren.catalog.namespaces import PREFIXES, RDF, SHACL, XSD

_TYPE = RDF + "type"
_INTEGERS = {XSD + name for name in ("integer", "int", "long", "nonNegativeInteger", "positiveInteger", "short")}
_NUMBERS = _INTEGERS | {XSD + name for name in ("double", "float", "decimal")}

Values = list[object]


@dataclass(frozen=True)
class PropertyShape:
    """One sh:property of a shape; None where a constraint is not given."""

    path: str
    name: str
    min_count: int | None = None
    max_count: int | None = None
    datatypes: tuple[str, ...] = ()
    kind: str | None = None
    of_class: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    pattern: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Violation:
    """A subject that breaks a constraint, which property, and what is wrong in a sentence."""

    subject: str
    path: str
    message: str


@functools.cache
def shapes() -> dict[str, tuple[str, tuple[PropertyShape, ...]]]:
    """{class: (its name for people, its property shapes)} of data/shapes.ttl."""
    found: dict[object, dict[str, Values]] = defaultdict(lambda: defaultdict(list))
    for quad in parse((DATA / "shapes.ttl").read_bytes(), format=RdfFormat.TURTLE):
        found[quad.subject][quad.predicate.value].append(quad.object)
    made: dict[str, tuple[str, tuple[PropertyShape, ...]]] = {}
    for fields in found.values():
        for target in fields.get(SHACL + "targetClass", ()):
            assert isinstance(target, NamedNode)
            parts = tuple(_property(found, found[place]) for place in fields[SHACL + "property"])
            made[target.value] = (_text(fields, "name") or _short(target.value), parts)
    return made


def _property(found: dict[object, dict[str, Values]], fields: dict[str, Values]) -> PropertyShape:
    def number(name: str) -> float | None:
        text = _text(fields, name)
        return None if text is None else float(text)

    def count(name: str) -> int | None:
        text = _text(fields, name)
        return None if text is None else int(text)

    path = _text(fields, "path")
    assert path is not None
    return PropertyShape(
        path=path,
        name=_text(fields, "name") or _short(path),
        min_count=count("minCount"),
        max_count=count("maxCount"),
        datatypes=tuple(_listed(found, fields, "or", "datatype")) or _single(fields, "datatype"),
        kind=_text(fields, "nodeKind"),
        of_class=_text(fields, "class"),
        minimum=number("minInclusive"),
        maximum=number("maxInclusive"),
        above=number("minExclusive"),
        pattern=_text(fields, "pattern"),
        choices=tuple(_listed(found, fields, "in", None)),
    )


def _text(fields: dict[str, Values], name: str) -> str | None:
    values = fields.get(SHACL + name)
    return None if not values else str(values[0].value)  # type: ignore[attr-defined]  # a term


def _single(fields: dict[str, Values], name: str) -> tuple[str, ...]:
    text = _text(fields, name)
    return () if text is None else (text,)


def _listed(
    found: dict[object, dict[str, Values]], fields: dict[str, Values], name: str, inner: str | None
) -> Iterator[str]:
    """Items of an RDF list; with `inner`, that property of each item."""
    for head in fields.get(SHACL + name, ()):
        place: object = head
        while isinstance(place, BlankNode):
            item = found[place][RDF + "first"][0]
            value = _text(found[item], inner) if inner else str(item.value)  # type: ignore[attr-defined]
            if value is not None:
                yield value
            place = found[place][RDF + "rest"][0]


def validate(triples: Iterable[Triple]) -> list[Violation]:
    """Everything in the triples that breaks a shape. References to subjects outside of the triples are believed."""
    table = shapes()
    subjects: dict[object, dict[str, Values]] = {}
    for triple in triples:
        subjects.setdefault(triple.subject, {}).setdefault(triple.predicate.value, []).append(triple.object)
    found: list[Violation] = []
    for subject, fields in subjects.items():
        for kind in fields.get(_TYPE, ()):
            shape = table.get(kind.value)  # type: ignore[attr-defined]  # a term
            if shape is not None:
                who = f"the {shape[0]} {_named(subject, fields)}"
                for part in shape[1]:
                    values = list(dict.fromkeys(fields.get(part.path, ())))
                    found += (
                        Violation(str(getattr(subject, "value", subject)), part.path, f"{who} {what}")
                        for what in _broken(part, values, subjects)
                    )
    return found


def _named(subject: object, fields: dict[str, Values]) -> str:
    title = fields.get(PREFIXES["dct"] + "title")
    return str(title[0].value) if title else str(getattr(subject, "value", subject))  # type: ignore[attr-defined]


def _broken(part: PropertyShape, values: Values, subjects: dict[object, dict[str, Values]]) -> Iterator[str]:
    if part.min_count is not None and len(values) < part.min_count:
        yield (
            f"has no {part.name}"
            if not values
            else f"has {len(values)} {part.name}, at least {part.min_count} are needed"
        )
    if part.max_count is not None and len(values) > part.max_count:
        shown = ", ".join(str(getattr(v, "value", v)) for v in values[:3])
        yield f"has {len(values)} values of {part.name} ({shown}), at most {part.max_count} is possible"
    for value in values:
        for test in (_wrong_type, _wrong_kind, _wrong_number, _wrong_text):
            what = test(part, value)
            if what is not None:
                yield f"has the {part.name} {getattr(value, 'value', value)!r}, which {what}"
                break
        else:
            if part.of_class is not None:
                kinds = subjects.get(value, {}).get(_TYPE)
                if kinds is not None and part.of_class not in {k.value for k in kinds}:  # type: ignore[attr-defined]
                    yield f"has the {part.name} {getattr(value, 'value', value)!r}, which is no {_short(part.of_class)}"


def _wrong_type(part: PropertyShape, value: object) -> str | None:
    if not part.datatypes:
        return None
    kind = value.datatype.value if isinstance(value, Literal) else None
    if kind not in part.datatypes:
        return f"is no {' or '.join(_short(t) for t in part.datatypes)}"
    if kind in _NUMBERS and _number(value) is None:
        return f"is no {_short(str(kind))}"
    return None


def _wrong_kind(part: PropertyShape, value: object) -> str | None:
    tests: dict[str, Callable[[object], bool]] = {
        "IRI": lambda v: isinstance(v, NamedNode),
        "Literal": lambda v: isinstance(v, Literal),
        "BlankNodeOrIRI": lambda v: not isinstance(v, Literal),
    }
    if part.kind is None or tests[_short(part.kind)](value):
        return None
    return f"is no {_short(part.kind)}"


def _number(value: object) -> float | None:
    try:
        return float(value.value)  # type: ignore[attr-defined]  # a term
    except (ValueError, AttributeError):
        return None


def _wrong_number(part: PropertyShape, value: object) -> str | None:
    limits = (part.minimum, part.maximum, part.above)
    if limits == (None, None, None):
        return None
    number = _number(value)
    if number is None:
        return "is no number"
    if part.minimum is not None and not number >= part.minimum:
        return f"is less than {part.minimum:g}"
    if part.above is not None and not number > part.above:
        return f"is not more than {part.above:g}"
    if part.maximum is not None and not number <= part.maximum:
        return f"is more than {part.maximum:g}"
    return None


def _wrong_text(part: PropertyShape, value: object) -> str | None:
    text = str(getattr(value, "value", value))
    if part.choices and text not in part.choices:
        return f"is none of {', '.join(part.choices)}"
    if part.pattern is not None and not re.search(part.pattern, text):
        return f"does not look like {part.pattern}"
    return None


def _short(iri: str) -> str:
    return iri.rpartition("#")[2].rpartition("/")[2]
