"""Turtle that people wrote: read as far as it parses, and every fault told with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyoxigraph as ox

from fieldwren.catalog.namespaces import PREFIXES, one_spelling

_DIRECTIVE = re.compile(r"\s*@?(prefix|base)\b", re.IGNORECASE)
_DECLARED = re.compile(r"\s*@?prefix\s+([^\s:]*)\s*:\s*<([^>\s]*)>", re.IGNORECASE)
_ANYWHERE = re.compile(r"^\s*(?:\S{0,8}\s+|@prefix)([A-Za-z][\w.-]*|):\s*<([^<>\s]*)>\s*\.?\s*$", re.MULTILINE)
_SUBJECT = re.compile(r"(<[^<>\s]*>|_:\S+|\[|[A-Za-z][\w.-]*:[\w.%/-]*|:[\w.%/-]+|@prefix|@base)(\s|$)", re.IGNORECASE)
_UNDECLARED = re.compile(r"[Tt]he prefix (\S*?):? has not been declared")
_PLACE = re.compile(r"\s*\(?(Parser error )?at line \d+[^:]*:?\s*|\s*\(line \d+\)\s*$")


@dataclass(frozen=True)
class Piece:
    """Text that begins at `line` (from 1)."""

    text: str
    line: int


@dataclass(frozen=True)
class TurtleFault:
    """What is wrong in a line (from 1), in a sentence."""

    line: int
    message: str


def read_turtle(text: str, base: str, *, n_quads: bool = False) -> tuple[list[ox.Quad], list[TurtleFault]]:
    """The quads of a Turtle (or TriG) text and its faults, in the order of lines.

    A text without faults is parsed in one go. Otherwise statement by statement, and in a faulty statement
    predicate by predicate: what parses is kept.
    """
    text = one_spelling(text)
    form = ox.RdfFormat.N_QUADS if n_quads else ox.RdfFormat.TURTLE
    try:
        return list(ox.parse(text, format=form, base_iri=base, lenient=True)), []
    except SyntaxError:
        if n_quads:
            return _read_lines(text)
        return _Reader(base).read(text)


def _read_lines(text: str) -> tuple[list[ox.Quad], list[TurtleFault]]:
    """N-Quads: a line is a statement."""
    quads: list[ox.Quad] = []
    faults: list[TurtleFault] = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            quads += ox.parse(line, format=ox.RdfFormat.N_QUADS, lenient=True)
        except SyntaxError as error:
            faults.append(TurtleFault(number, _plain(error)))
    return quads, faults


class _Reader:
    """Reads statement by statement with the prefixes declared so far."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._prefixes: dict[str, str] = {}
        self._quads: list[ox.Quad] = []
        self._faults: list[TurtleFault] = []
        self._error = SyntaxError()

    def read(self, text: str) -> tuple[list[ox.Quad], list[TurtleFault]]:
        # Declarations that are themselves damaged: what they would mean, unless something says otherwise.
        self._prefixes = dict(_ANYWHERE.findall(text))
        for piece in map(_without_leading_comments, statements(text)):
            if _DIRECTIVE.match(piece.text):
                self._directive(piece)
            elif not self._try(piece.text):
                self._salvage(piece)
        return self._quads, sorted(self._faults, key=lambda fault: fault.line)

    def _directive(self, piece: Piece) -> None:
        declared = _DECLARED.match(piece.text)
        if declared:
            self._prefixes[declared[1]] = declared[2]
            return
        base = re.match(r"\s*@?base\s*<([^>\s]*)>", piece.text, re.IGNORECASE)
        if base:
            self._base = base[1]
        else:
            self._faults.append(TurtleFault(piece.line, "this prefix declaration cannot be read"))

    def _parse(self, text: str) -> list[ox.Quad]:
        head = "".join(f"@prefix {name}: <{iri}> ." for name, iri in self._prefixes.items())
        return list(ox.parse(head + text, format=ox.RdfFormat.TURTLE, base_iri=self._base, lenient=True))

    def _try(self, text: str) -> bool:
        """True when the text parsed and its quads are kept."""
        try:
            self._quads += self._parse(text)
        except SyntaxError as error:
            self._error = error
            return False
        return True

    def _salvage(self, piece: Piece) -> None:
        """Keeps what can be kept of a statement that does not parse."""
        undeclared = _UNDECLARED.search(str(self._error))
        if undeclared and undeclared[1].rstrip(":") in PREFIXES and undeclared[1].rstrip(":") not in self._prefixes:
            name = undeclared[1].rstrip(":")
            self._prefixes[name] = PREFIXES[name]
            line = piece.line + _offset(piece.text, f"{name}:")
            self._faults.append(
                TurtleFault(line, f"the prefix {name}: is not declared; taken as <{PREFIXES[name]}>, its usual meaning")
            )
            if not self._try(piece.text):
                self._salvage(piece)
            return
        parts = _at_subjects(piece)
        if len(parts) > 1:
            for number, part in enumerate(parts):
                ended = number == len(parts) - 1
                if not ended:
                    last = part.line + part.text.rstrip().count("\n")
                    self._faults.append(TurtleFault(last, "the '.' at the end of the statement is missing"))
                if not self._try(part.text if ended else _closed(part.text)):
                    self._salvage_predicates(part)
            return
        self._salvage_predicates(piece)

    def _salvage_predicates(self, piece: Piece) -> None:
        subject, chunks = _predicates(piece)
        for chunk in chunks:
            body = chunk.text.strip().rstrip(";").rstrip()
            if not body or body == ".":
                continue
            if not self._try(f"{subject} {_closed(body)}"):
                line = chunk.line + len(chunk.text[: len(chunk.text) - len(chunk.text.lstrip())].splitlines()[1:])
                shown = " ".join(body.split())[:60]
                self._faults.append(TurtleFault(line, f"left out {shown!r}: {_plain(self._error)}"))


def _without_leading_comments(piece: Piece) -> Piece:
    """The piece from its first line that is neither empty nor a comment."""
    text, line = piece.text, piece.line
    while True:
        skipped = re.match(r"[ \t\r]*(#[^\n]*)?\n", text)
        if skipped is None:
            return Piece(text, line)
        text, line = text[skipped.end() :], line + 1


def _closed(text: str) -> str:
    text = text.rstrip()
    while text.endswith((";", ",")):
        text = text[:-1].rstrip()
    return text if text.endswith(".") and not text.endswith("..") else f"{text} ."


def _plain(error: SyntaxError) -> str:
    """The parser's message without its own position, which is one in a piece of the file."""
    return _PLACE.sub("", str(error)).strip() or "cannot be read"


def _offset(text: str, what: str) -> int:
    """Lines before the first place of `what`."""
    found = text.find(what)
    return text.count("\n", 0, max(found, 0))


def _at_subjects(piece: Piece) -> list[Piece]:
    """The piece cut where a line begins, at its left edge, like a new statement."""
    parts: list[Piece] = []
    lines = piece.text.split("\n")
    start = 0
    seen = False
    for number, line in enumerate(lines):
        if _SUBJECT.match(line) and seen:
            parts.append(Piece("\n".join(lines[start:number]), piece.line + start))
            start = number
        seen = seen or bool(line.strip())
    parts.append(Piece("\n".join(lines[start:]), piece.line + start))
    return parts


def _scan(text: str) -> Iterator[tuple[int, str]]:
    """(index, character) outside of IRIs, strings and comments; brackets and separators are what remains."""
    i, n = 0, len(text)
    while i < n:
        c = text[i]
        if c == "#":
            end = text.find("\n", i)
            i = n if end < 0 else end
            continue
        if c == "<":
            iri = re.compile(r"<[^<>\"{}|^`\s]*>").match(text, i)
            if iri:
                i = iri.end()
                continue
        if c in "\"'":
            i = _after_string(text, i)
            continue
        yield i, c
        i += 1


def _after_string(text: str, start: int) -> int:
    """The index behind a string; behind its line where a short one is not closed, behind its quotes where a long one is not."""
    quote = text[start]
    long = text.startswith(quote * 3, start)
    i = start + (3 if long else 1)
    while i < len(text):
        if text[i] == "\\":
            i += 2
            continue
        if long and text.startswith(quote * 3, i):
            return i + 3
        if not long and text[i] == quote:
            return i + 1
        if not long and text[i] == "\n":
            return i
        i += 1
    return start + 3 if long else len(text)


def statements(text: str) -> Iterator[Piece]:
    """The text cut at the dots that end statements; after an unclosed bracket, at a line that begins like a new one."""
    start = depth = 0
    for i, c in _scan(text):
        if c in "[(":
            depth += 1
        elif c in "])":
            depth = max(0, depth - 1)
        elif (
            c == "." and (i + 1 == len(text) or text[i + 1] in " \t\r\n#") and (depth == 0 or _begins_anew(text, i + 1))
        ):
            piece = text[start : i + 1]
            if piece.strip():
                yield Piece(piece, 1 + text.count("\n", 0, start))
            start, depth = i + 1, 0
        elif c in "pPbB" and depth == 0 and not text[start:i].strip():
            # SPARQL's PREFIX and BASE end with their line, not with a dot.
            end = text.find("\n", i)
            line = text[i : end if end >= 0 else len(text)]
            if re.match(r"(prefix|base)\b[^.]*>\s*$", line, re.IGNORECASE):
                yield Piece(line, 1 + text.count("\n", 0, i))
                start = i + len(line)
    if re.sub(r"(?m)^\s*#.*$", "", text[start:]).strip(" \t\r\n#"):
        yield Piece(text[start:], 1 + text.count("\n", 0, start))


def _begins_anew(text: str, after: int) -> bool:
    rest = text[after:]
    line = re.match(r"[ \t]*(#[^\n]*)?\n(\s*\n)*", rest)
    return bool(line and _SUBJECT.match(rest, line.end()))


def _predicates(piece: Piece) -> tuple[str, list[Piece]]:
    """The subject of a statement, and its parts between semicolons that stand outside brackets."""
    text = piece.text
    subject = re.compile(r"\s*(\S+)").match(text)
    if subject is None:
        return "", []
    first = subject.end()
    chunks: list[Piece] = []
    start, depth = first, 0
    for i, c in _scan(text):
        if i < first:
            continue
        if c in "[(":
            depth += 1
        elif c in "])":
            depth -= 1
        elif c == ";" and depth <= 0:
            chunks.append(Piece(text[start:i], piece.line + text.count("\n", 0, start)))
            start, depth = i + 1, 0
    chunks.append(Piece(text[start:], piece.line + text.count("\n", 0, start)))
    return subject[1], chunks
