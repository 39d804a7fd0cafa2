"""What crosses a link, counted by what it is; it reads the bytes themselves and believes nobody."""

from __future__ import annotations

import json
import re
from collections import Counter

from fieldwren.device.frames import Broken, Frame, FrameType, Line, Splitter
from fieldwren.emulators.interface import ByteStream

_TRANSFER = re.compile(rb"^@[0-9a-f]{8}:(\d+) (get|put|stream) (\S+)")
_ANSWERS_KEPT = 64


class MeteredStream:
    """A byte stream that counts what passes, `down` to the device and `up` from it, in bytes by kind.

    Kinds are `commands`, `acknowledgements` and `reads`; `answers` and `events` (lines that were asked for, and not);
    `broken` (what is neither line nor frame); and, for bulk data, the name of what is transferred: `task`, `update`, `head`,
    `capture`, `in0` …, or `stream` for samples and rows. Payloads and
    lines count; delimiters, headers and CRCs of frames do not.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._down, self._up = Splitter(), Splitter()
        self._asked: dict[int, str] = {}  # sequence number → name
        self._transfers: dict[int, str] = {}
        self.down: Counter[str] = Counter()
        self.up: Counter[str] = Counter()

    def read(self, size: int, timeout_s: float) -> bytes:
        """As the stream's."""
        data = self._stream.read(size, timeout_s)
        for message in self._up.feed(data):
            if isinstance(message, Line):
                self._line(message)
            elif isinstance(message, Frame):
                kind = self._name(message) if message.type == FrameType.DATA else "acknowledgements"
                self.up[kind] += len(message.payload)
            else:
                self.up["broken"] += len(message.content)
        return data

    def write(self, data: bytes) -> None:
        """As the stream's."""
        for message in self._down.feed(data):
            if isinstance(message, Frame):
                kind = self._name(message) if message.type == FrameType.DATA else "reads"
                self.down[kind] += len(message.payload)
            elif isinstance(message, Broken):
                self._command(message.content)
        self._stream.write(data)

    def _command(self, content: bytes) -> None:
        self.down["commands"] += len(content)
        if (match := _TRANSFER.match(content)) is None:
            return
        verb, name = match.group(2).decode(), match.group(3).decode()
        self._asked[int(match.group(1))] = "stream" if verb == "stream" else name
        while len(self._asked) > _ANSWERS_KEPT:
            del self._asked[next(iter(self._asked))]

    def _line(self, line: Line) -> None:
        asked = "ok" in line.fields or "error" in line.fields
        self.up["answers" if asked else "events"] += len(
            json.dumps(line.fields, separators=(",", ":"), ensure_ascii=False)
        )
        transfer, name = line.fields.get("transfer"), self._asked.get(line.fields.get("seq", 0))
        if asked and isinstance(transfer, int) and name is not None:
            self._transfers[transfer] = name

    def _name(self, frame: Frame) -> str:
        return self._transfers.get(frame.transfer, "unknown")
