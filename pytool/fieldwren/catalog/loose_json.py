"""JSON that people wrote: read with small faults mended, and every fault told with its line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from fieldwren.errors import BadInputError

_DEPTH_MOST = 200
_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WORD = re.compile(r"[A-Za-z_$@][\w$@.-]*(?::[\w$@.-]+)*")
_STRING = {'"': re.compile(r'"((?:[^"\\\n]|\\.)*)("?)'), "'": re.compile(r"'((?:[^'\\\n]|\\.)*)('?)")}


@dataclass(frozen=True)
class JsonFault:
    """What was mended in a line (from 1), in a sentence."""

    line: int
    message: str


def read_json(text: str) -> tuple[Any, list[JsonFault]]:
    """The value of a JSON text and what had to be mended: commas, quotes, comments, doubled keys, missing brackets.

    A key that stands twice gets both values. Raises BadInputError with a line where nothing sensible can be read.
    """
    reader = _Reader(text)
    value = reader.value(0)
    reader.space()
    if reader.at < len(text):
        reader.fault("there is more behind the end of the document: left out")
    return value, reader.faults


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 1 if text.startswith("\ufeff") else 0
        self.faults: list[JsonFault] = []

    def fault(self, message: str, at: int | None = None) -> None:
        self.faults.append(JsonFault(1 + self.text.count("\n", 0, self.at if at is None else at), message))

    def space(self) -> None:
        """Skips white space, and comments, which are faults."""
        while True:
            match = _SPACE.match(self.text, self.at)
            assert match is not None
            self.at = match.end()
            if self.text.startswith("//", self.at) or self.text.startswith("#", self.at):
                self.fault("JSON has no comments: left out")
                end = self.text.find("\n", self.at)
            elif self.text.startswith("/*", self.at):
                self.fault("JSON has no comments: left out")
                end = self.text.find("*/", self.at)
                end = end + 2 if end >= 0 else -1
            else:
                return
            self.at = len(self.text) if end < 0 else end

    def value(self, depth: int) -> Any:
        if depth > _DEPTH_MOST:
            raise BadInputError(f"line {1 + self.text.count(chr(10), 0, self.at)}: nested deeper than {_DEPTH_MOST}")
        self.space()
        c = self.text[self.at : self.at + 1]
        if c == "{":
            return self._object(depth)
        if c == "[":
            return self._array(depth)
        if c in _STRING:
            return self._string()
        number = _NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            try:
                return json.loads(number[0])
            except ValueError:
                self.fault(f"{number[0]} is no JSON number; taken as {float(number[0]):g}")
                return float(number[0])
        word = _WORD.match(self.text, self.at)
        if word:
            self.at = word.end()
            known = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
            if word[0] not in ("true", "false", "null"):
                self.fault(f"{word[0]} stands without quotes")
            return known.get(word[0], word[0])
        line = 1 + self.text.count("\n", 0, self.at)
        what = f"at {self.text[self.at : self.at + 20]!r}" if c else "the document ends too early"
        raise BadInputError(f"line {line}: a value is expected {what}")

    def _string(self) -> str:
        quote = self.text[self.at]
        match = _STRING[quote].match(self.text, self.at)
        assert match is not None
        if quote == "'":
            self.fault("strings stand in double quotes")
        if not match[2]:
            self.fault("the string is not closed; it ends with its line")
        self.at = match.end()
        content = match[1].replace('"', '\\"') if quote == "'" else match[1]
        if not match[2]:
            content = content.rstrip().rstrip(",").rstrip()
        try:
            text = json.loads(f'"{content}"', strict=False)
        except ValueError:
            self.fault("the string has an escape that JSON does not know; kept as it stands")
            text = match[1]
        assert isinstance(text, str)
        return text

    def _array(self, depth: int) -> list[Any]:
        self.at += 1
        items: list[Any] = []
        while self._more("]", items):
            items.append(self.value(depth + 1))
        return items

    def _object(self, depth: int) -> dict[str, Any]:
        self.at += 1
        made: dict[str, Any] = {}
        while self._more("}", made):
            place = self.at
            key = self._key()
            self.space()
            if self.text.startswith((":", "="), self.at):
                if self.text[self.at] == "=":
                    self.fault("a ':' is expected, not '='")
                self.at += 1
            else:
                self.fault(f"the ':' behind {key!r} is missing")
            value = self.value(depth + 1)
            if key in made:
                self.fault(f"the key {key!r} stands twice; both values are kept", place)
                both = made[key] if isinstance(made[key], list) else [made[key]]
                value = [*both, *(value if isinstance(value, list) else [value])]
            made[key] = value
        return made

    def _key(self) -> str:
        if self.text[self.at] in _STRING:
            return self._string()
        word = _WORD.match(self.text, self.at)
        if word is None:
            line = 1 + self.text.count("\n", 0, self.at)
            raise BadInputError(f"line {line}: a key is expected at {self.text[self.at : self.at + 20]!r}")
        self.fault(f"the key {word[0]} stands without quotes")
        self.at = word.end()
        return word[0]

    def _more(self, closing: str, sofar: list[Any] | dict[str, Any]) -> bool:
        """Moves behind the comma to the next item, or behind the closing bracket (False)."""
        self.space()
        end = self.at
        commas = 0
        while self.text.startswith(",", self.at):
            commas += 1
            self.at += 1
            self.space()
        if self.at >= len(self.text):
            self.fault(f"the document ends before its {closing!r}")
            return False
        c = self.text[self.at]
        if c in "}]":
            if commas:
                self.fault(f"there is a comma before the {c!r}", end)
            if c != closing:
                self.fault(f"{closing!r} is expected, not {c!r}")
                return False
            self.at += 1
            return False
        if sofar and not commas:
            self.fault("the comma before this is missing")
        if commas > 1 or (commas and not sofar):
            self.fault("there is a comma too many", end)
        return True
