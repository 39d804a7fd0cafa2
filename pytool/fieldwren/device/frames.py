"""What travels on the link, from the host's side (docs/link.md): lines with their CRC, frames, and how to tell them apart.

The host's mirror of firmware/link/demux.c, cobs.c, transfer.c.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

FRAME_HEADER_BYTES = 8
FRAME_CRC_BYTES = 4
LINE_BYTES_MOST = 65536

_HEADER = struct.Struct("<BBHI")
_TYPE_FIRST = 0xF8
_LINE_CRC = re.compile(rb',"crc":"([0-9a-f]{8})"\}$')


class FrameType(IntEnum):
    """First byte of a frame; nowhere in UTF-8 text."""

    DATA = 0xF8
    ACK = 0xF9
    READ = 0xFA


class AckStatus(IntEnum):
    """Second byte of an acknowledgement."""

    OK = 0
    GAP = 1
    CRC = 2
    RANGE = 3
    TRANSFER = 4
    BROKEN = 5
    TYPE = 6


@dataclass(frozen=True)
class Frame:
    """One binary frame, its CRC already checked."""

    type: int
    status: int
    transfer: int
    offset: int
    payload: bytes = b""

    @property
    def window(self) -> int:
        """Payload of an acknowledgement: how many bytes behind `offset` may be sent."""
        return int.from_bytes(self.payload[:4], "little")


@dataclass(frozen=True)
class Line:
    """One line of JSON. `checked`: it ended with its CRC, and that was right."""

    fields: dict[str, Any]
    checked: bool


@dataclass(frozen=True)
class Broken:
    """Something that is neither: a damaged line or frame, or text that is no JSON (a boot loader's)."""

    content: bytes


Message = Frame | Line | Broken


def cobs_encode(data: bytes) -> bytes:
    """Consistent Overhead Byte Stuffing: `data` without zeros."""
    out = bytearray()
    blocks = data.split(b"\0")
    for number, block in enumerate(blocks):
        rest = block
        while len(rest) >= 254:
            out += b"\xff" + rest[:254]
            rest = rest[254:]
        # The last block needs no code byte of its own behind a full run.
        if rest or len(block) == 0 or number < len(blocks) - 1:
            out += bytes([len(rest) + 1]) + rest
    return bytes(out)


def cobs_decode(encoded: bytes) -> bytes | None:
    """The bytes that `encoded` stands for; None if it is no COBS."""
    out = bytearray()
    position = 0
    if not encoded:
        return None
    while position < len(encoded):
        code = encoded[position]
        block = encoded[position + 1 : position + max(code, 1)]
        if code == 0 or len(block) != code - 1 or 0 in block:
            return None
        out += block
        position += code
        if code < 255 and position < len(encoded):
            out.append(0)
    return bytes(out)


def encode_frame(frame: Frame) -> bytes:
    """The frame as bytes on the wire, both delimiters included."""
    body = _HEADER.pack(frame.type, frame.status, frame.transfer, frame.offset & 0xFFFFFFFF) + frame.payload
    return b"\0" + cobs_encode(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"


def decode_frame(encoded: bytes) -> Frame | None:
    """What stands between two delimiters; None if it is damaged."""
    body = cobs_decode(encoded)
    if body is None or len(body) < FRAME_HEADER_BYTES + FRAME_CRC_BYTES:
        return None
    if zlib.crc32(body[:-4]) != int.from_bytes(body[-4:], "little"):
        return None
    kind, status, transfer, offset = _HEADER.unpack_from(body)
    return Frame(kind, status, transfer, offset, body[FRAME_HEADER_BYTES:-FRAME_CRC_BYTES])


def encode_command(text: str, *, session: int | None = None, sequence: int | None = None) -> bytes:
    """A command line with its CRC, and with a sequence number where `session` and `sequence` are given.

    The 0x00 in front ends whatever an earlier, damaged message left behind.
    """
    line = text if session is None or sequence is None else f"@{session:08x}:{sequence} {text}"
    encoded = line.encode()
    return b"\0" + encoded + f" *{zlib.crc32(encoded):08x}\n".encode()


def decode_line(content: bytes) -> Line | Broken:
    """A line without its newline."""
    content = content.strip()
    match = _LINE_CRC.search(content)
    if match is not None and zlib.crc32(content[: match.start()]) != int(match.group(1), 16):
        return Broken(content)
    try:
        fields = json.loads(content)
    except ValueError:
        return Broken(content)
    return Line(fields, match is not None) if isinstance(fields, dict) else Broken(content)


class Splitter:
    """Cuts the device's byte stream into lines and frames; the same rules as firmware/link/demux.c.

    >>> Splitter().feed(b'{"ok":"status"}\\n')
    [Line(fields={'ok': 'status'}, checked=False)]
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._after_zero = False

    def feed(self, data: bytes) -> list[Message]:
        """All messages that `data` completes."""
        messages: list[Message] = []
        self._pending += data
        while (message := self._take()) is not None:
            if message:
                messages += message
        return messages

    def _take(self) -> list[Message] | None:
        """The next piece of the stream as no or one message; None when more bytes are needed."""
        pending = self._pending
        if self._after_zero and pending[:1] != b"\0" and len(pending) < 2:
            return None  # the second byte says what this is
        if self._after_zero and len(pending) >= 2 and pending[0] != 0 and pending[1] >= _TYPE_FIRST:
            return self._take_frame()
        newline, zero = pending.find(b"\n"), pending.find(b"\0")
        if zero >= 0 and (newline < 0 or zero < newline):
            cut = bytes(pending[:zero])
            del pending[: zero + 1]
            self._after_zero = True
            return [Broken(cut)] if cut.strip() else []
        if newline < 0:
            return self._give_up()
        line = bytes(pending[:newline])
        del pending[: newline + 1]
        self._after_zero = False
        return [decode_line(line)] if line.strip() else []

    def _take_frame(self) -> list[Message] | None:
        end = self._pending.find(b"\0")
        if end < 0:
            return self._take_hidden_line() or self._give_up()
        encoded = bytes(self._pending[:end])
        del self._pending[: end + 1]
        frame = decode_frame(encoded)
        return [Broken(encoded) if frame is None else frame]

    def _take_hidden_line(self) -> list[Message] | None:
        """A line behind what looks like the beginning of a frame, because a delimiter got lost or came from nowhere.

        Its CRC tells it from bytes of a frame; without this, text would be taken for a frame until the next 0x00.
        """
        newline = self._pending.find(b"\n")
        while newline >= 0:
            start = self._pending.rfind(b'{"', 0, newline)
            while start >= 0:
                line = decode_line(bytes(self._pending[start:newline]))
                if isinstance(line, Line) and line.checked:
                    before = bytes(self._pending[:start])
                    del self._pending[: newline + 1]
                    self._after_zero = False
                    return [Broken(before), line]
                start = self._pending.rfind(b'{"', 0, start)
            newline = self._pending.find(b"\n", newline + 1)
        return None

    def _give_up(self) -> list[Message] | None:
        """Forgets what has no end: neither a line nor a frame is ever so long."""
        if len(self._pending) <= LINE_BYTES_MOST:
            return None
        content = bytes(self._pending)
        self._pending.clear()
        self._after_zero = False
        return [Broken(content)]
