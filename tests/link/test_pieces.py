"""The parts of firmware/link one by one, against Python's own or independent definitions."""

from __future__ import annotations

import ctypes
import json
import re
import struct
import zlib
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwren.device.frames import (
    Broken,
    Frame,
    Line,
    Splitter,
    cobs_decode,
    cobs_encode,
    decode_frame,
    encode_command,
    encode_frame,
)
from fieldwren.native import library
from support import CHECKOUT

QUICK = settings(deadline=None, max_examples=300)
U8, U32 = ctypes.c_uint8, ctypes.c_uint32


class Encoder(ctypes.Structure):
    """fw_cobs_encoder_t."""

    _fields_ = (
        ("out", ctypes.c_void_p),
        *((name, U32) for name in ("size", "count", "code_index")),
        ("code", U8),
        ("overflow", U8),
    )


def c_encode(data: bytes, size: int | None = None) -> bytes:
    room = len(data) + len(data) // 254 + 1 if size is None else size
    buffer = ctypes.create_string_buffer(room + 1)
    encoder = Encoder()
    library().fw_cobs_begin(ctypes.byref(encoder), buffer, U32(room))
    library().fw_cobs_put(ctypes.byref(encoder), data, U32(len(data)))
    count = library().fw_cobs_end(ctypes.byref(encoder))
    return buffer.raw[:count]


def c_decode(data: bytes) -> bytes | None:
    buffer = ctypes.create_string_buffer(data, len(data) + 1)
    count = library().fw_cobs_decode(buffer, U32(len(data)))
    return None if count < 0 else buffer.raw[:count]


@pytest.mark.parametrize(
    ("plain", "encoded"),
    [  # the examples of the paper's successors (Wikipedia, "Consistent Overhead Byte Stuffing")
        ("00", "0101"),
        ("0000", "010101"),
        ("00110 0".replace(" ", ""), "01021101"),
        ("11220033", "0311220233"),
        ("11223344", "0511223344"),
        ("11000000", "0211010101"),
        (bytes(range(1, 255)).hex(), "ff" + bytes(range(1, 255)).hex()),
        ("00" + bytes(range(1, 255)).hex(), "01ff" + bytes(range(1, 255)).hex()),
        (bytes(range(1, 256)).hex(), "ff" + bytes(range(1, 255)).hex() + "02ff"),
        (bytes(range(2, 256)).hex() + "00", "ff" + bytes(range(2, 256)).hex() + "0101"),
        (bytes(range(3, 256)).hex() + "0001", "fe" + bytes(range(3, 256)).hex() + "0201"),
    ],
)
def test_cobs_by_example(plain: str, encoded: str) -> None:
    assert c_encode(bytes.fromhex(plain)).hex() == encoded
    assert cobs_encode(bytes.fromhex(plain)).hex() == encoded
    assert c_decode(bytes.fromhex(encoded)) == cobs_decode(bytes.fromhex(encoded)) == bytes.fromhex(plain)


@QUICK
@given(st.lists(st.sampled_from([b"\0", b"\1", b"x" * 253, b"y" * 254, b"z" * 255, b"ab"]), max_size=8).map(b"".join))
def test_cobs_on_both_sides(data: bytes) -> None:
    encoded = c_encode(data)
    assert encoded == cobs_encode(data) and 0 not in encoded
    assert c_decode(encoded) == cobs_decode(encoded) == data
    assert c_encode(data, len(encoded) - 1) == b""  # one byte too little room


@QUICK
@given(st.binary(max_size=300))
def test_cobs_of_rubbish(data: bytes) -> None:
    assert c_decode(data) == cobs_decode(data)


class Demux(ctypes.Structure):
    """fw_demux_t."""

    _fields_ = (("buffer", ctypes.c_void_p), ("size", U32), ("count", U32), ("mode", U8), ("complete", U8))


def c_split(data: bytes, size: int = 128) -> list[tuple[int, bytes]]:
    """Events of the device's demultiplexer: (1 line, 2 frame, 3 broken line, 4 broken frame; content of the first two)."""
    buffer = ctypes.create_string_buffer(size)
    demux = Demux()
    library().fw_demux_init(ctypes.byref(demux), buffer, U32(size))
    events = []
    for byte in data:
        event = library().fw_demux_byte(ctypes.byref(demux), U8(byte))
        if event:
            events.append((event, buffer.raw[: demux.count] if event < 3 else b""))
    return events


FRAME = encode_frame(Frame(0xF8, 0, 1, 2, b"abc"))
BODY = FRAME[1:-1]


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"status\n", [(1, b"status")]),
        (b"status\r\n\n\r\nhelp\n", [(1, b"status"), (1, b"help")]),
        (FRAME, [(2, BODY)]),
        (b"a\n" + FRAME + b"b\n", [(1, b"a"), (2, BODY), (1, b"b")]),
        (FRAME[:-1] + FRAME, [(2, BODY), (2, BODY)]),  # one shared delimiter
        (FRAME[:-1] + b"status\n" + FRAME, [(2, BODY + b"status\n"), (2, BODY)]),  # lost: one frame is damaged, not two
        (FRAME[1:] + b"status\n", [(3, b""), (1, b"status")]),  # the leading one lost: rubbish that is cut off
        (FRAME + b"\0\0" + FRAME, [(2, BODY), (2, BODY)]),
        (b"stat" + FRAME + b"us\n", [(3, b""), (2, BODY), (1, b"us")]),
        (b"x" * 129 + b"\nok\n", [(3, b""), (1, b"ok")]),
        (b"x" * 128 + b"\n", [(1, b"x" * 128)]),
        (b"\0\5" + b"\xf8" * 127 + b"\n" + b"ok\n", [(4, b""), (1, b"ok")]),
        (b"\0\5" + b"\xf8" * 200 + FRAME, [(4, b""), (2, BODY)]),
        (b"\0\5\0" + b"\0\n\0ok\n", [(4, b""), (1, b"ok")]),
        (b"\0\nok\n", [(1, b"ok")]),
    ],
)
def test_lines_and_frames_are_told_apart(data: bytes, events: list[tuple[int, bytes]]) -> None:
    assert c_split(data) == events


@QUICK
@given(
    st.lists(
        st.one_of(st.just(FRAME), st.text("abc{}é ", min_size=1, max_size=9).map(lambda t: t.encode() + b"\n")),
        max_size=9,
    ).map(b"".join),
    st.integers(1, 40),
)
def test_host_and_device_split_alike(data: bytes, step: int) -> None:
    splitter = Splitter()
    host = [m for at in range(0, len(data), step) for m in splitter.feed(data[at : at + step])]
    device = c_split(data)
    assert len(host) == len([e for e in device if e[0] != 1 or e[1].strip()])
    assert [m for m in host if isinstance(m, Frame)] == [decode_frame(content) for kind, content in device if kind == 2]


def test_a_line_behind_a_lost_delimiter_is_found() -> None:
    line = b'{"ok":"status","seq":1'
    checked = line + f',"crc":"{zlib.crc32(line):08x}"}}\n'.encode()
    splitter = Splitter()
    messages = splitter.feed(b"\0\x09\xf8abc" + checked + b'{"ok"')
    assert [type(m) for m in messages] == [Broken, Line]
    assert splitter.feed(b':"help"}\n') == [Line({"ok": "help"}, False)]


class Json(ctypes.Structure):
    """fw_json_t."""

    _fields_ = (("out", ctypes.c_void_p), ("size", U32), ("count", U32), ("comma", U8), ("overflow", U8))


def c_json(kind: str, *values: object, size: int = 400) -> tuple[str, bool]:
    buffer = ctypes.create_string_buffer(size + 8)
    json_ = Json()
    library().fw_json_begin(ctypes.byref(json_), buffer, U32(size))
    getattr(library(), f"fw_json_{kind}")(ctypes.byref(json_), None, *values)
    assert buffer.raw[size:] == bytes(8)
    return buffer.raw[: json_.count].decode(), bool(json_.overflow)


@QUICK
@given(
    st.binary(max_size=60).map(lambda b: b.replace(b"\0", b""))
    | st.text(max_size=20).map(lambda t: t.replace("\0", "").encode("utf-8", "surrogatepass"))
)
def test_text_is_always_json(data: bytes) -> None:
    text, overflow = c_json("text", data, U32(len(data)))
    assert not overflow
    decoded = json.loads(text)
    try:
        assert decoded == data.decode("utf-8")
    except UnicodeDecodeError:
        assert "�" in decoded
    assert all(ord(c) >= 0x20 for c in text)


@QUICK
@given(st.integers(0, 2**32 - 1))
def test_floats_are_correctly_rounded_to_nine_digits(bits: int) -> None:
    value = struct.unpack("<f", struct.pack("<I", bits))[0]
    text, _ = c_json("float", ctypes.c_float(value))
    if not np.isfinite(value):
        assert text == "null"
        return
    assert np.float32(json.loads(text)).tobytes() == np.float32(value).tobytes()
    assert Decimal(text) == Decimal(f"{value:.8e}")  # Python rounds the exact value, ties to even


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.0, "-0"), (1.0, "1"), (-1.5, "-1.5"), (1e-4, "9.99999975e-5"), (0.001, "0.00100000005"), (1e9, "1e9"),
     (123456789.0, "123456792"), (3.4028235e38, "3.40282347e38"), (1e-45, "1.40129846e-45")],
)  # fmt: skip
def test_floats_for_people(value: float, text: str) -> None:
    assert c_json("float", ctypes.c_float(value))[0] == text


@pytest.mark.parametrize(
    ("q15", "text"),
    [
        (0, "0.0000"),
        (32768, "1.0000"),
        (16384, "0.5000"),
        (32767, "1.0000"),
        (1, "0.0000"),
        (2, "0.0001"),
        (30556, "0.9325"),
    ],
)
def test_fractions(q15: int, text: str) -> None:
    assert c_json("q15", U32(q15))[0] == text


@QUICK
@given(st.integers(-(2**31), 2**32 - 1))
def test_integers(value: int) -> None:
    if value < 2**31:
        assert c_json("int", ctypes.c_int32(value))[0] == str(value)
    if value >= 0:
        assert c_json("uint", U32(value))[0] == str(value)
        assert c_json("hex32", U32(value))[0] == f'"{value:08x}"'


def test_what_does_not_fit_is_flagged() -> None:
    assert c_json("uint", U32(12345), size=4) == ("1234", True)
    assert c_json("uint", U32(1234), size=4) == ("1234", False)


class Command(ctypes.Structure):
    """fw_command_t."""

    _fields_ = (
        *((name, U32) for name in ("session", "sequence", "crc", "word_count")),
        ("has_crc", U8),
        ("words", ctypes.c_char_p * 8),
    )


OK, GARBLED, CRC, SYNTAX = range(4)


def c_parse(line: bytes) -> tuple[int, Command]:
    command = Command()
    buffer = ctypes.create_string_buffer(line, len(line) + 1)
    result = library().fw_command_parse(ctypes.byref(command), buffer, U32(len(line)))
    command._keep = buffer  # the words point into it
    return result, command


@pytest.mark.parametrize(
    ("line", "result"),
    [
        (b"status", OK),
        (b"  a\tb  ", OK),
        (b" ", SYNTAX),
        (b"1 2 3 4 5 6 7 8", OK),
        (b"1 2 3 4 5 6 7 8 9", SYNTAX),
        (b"gr\xc3\xb6\xc3\x9fe", OK),
        (b"gr\xf6e", GARBLED),
        (b"\xed\xa0\x80", GARBLED),
        (b"a\x01", GARBLED),
        (b"a\x7f", GARBLED),
        (b"status *00000000", CRC),
        (b"status *0", CRC),
        (b"status *DA4F3F5A", CRC),
        (b"*", OK),
        (b"a *", CRC),
        (b"@00000001:1 reset", CRC),
        (b"@00000001:1", CRC),
    ],
)
def test_lines_that_are_commands(line: bytes, result: int) -> None:
    assert c_parse(line)[0] == result


@QUICK
@given(
    st.lists(st.text("abcXYZ0189#.-ü", min_size=1, max_size=12), min_size=1, max_size=8),
    st.integers(0, 2**32 - 1),
    st.integers(1, 2**32 - 1),
)
def test_commands_of_the_host_are_understood(words: list[str], session: int, sequence: int) -> None:
    line = encode_command(" ".join(words), session=session, sequence=sequence)[1:-1]
    result, command = c_parse(line)
    if len(words) == 8:
        assert result == SYNTAX  # the prefix is the ninth
        return
    assert (result, command.session, command.sequence, command.has_crc) == (OK, session, sequence, 1)
    assert [w.decode() for w in command.words[: command.word_count]] == words
    for prefix in (
        b"@00000001:0 a",
        b"@00000001:4294967296 a",
        b"@1:1 a",
        b"@0000000g:1 a",
        b"@00000001:1x a",
        b"@00000001 a",
    ):
        damaged = prefix + f" *{zlib.crc32(prefix):08x}".encode()
        assert c_parse(damaged)[0] == SYNTAX


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("1", 32768), ("0.5", 16384), (".5", 16384), ("1.", 32768), ("1.000000", 32768), ("0.000001", 0),
     ("0.000016", 1), ("0.8", 26214), ("01", 32768), ("1.000001", 32768), ("1.1", None), ("2", None), ("-0.1", None),
     ("0.5x", None), (".", None), ("", None), ("1e-1", None), ("0.1234567", None), ("nan", None)],
)  # fmt: skip
def test_fractions_in_commands(text: str, expected: int | None) -> None:
    _, command = c_parse(f"set {text}".encode())
    value = U32(99)
    taken = library().fw_command_q15(ctypes.byref(command), U32(1), ctypes.byref(value))
    assert (value.value if taken else None) == expected


@QUICK
@given(st.text("0123456789", min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_numbers_in_commands(text: str, most: int) -> None:
    _, command = c_parse(f"n {text}".encode())
    value = U32()
    taken = library().fw_command_uint(ctypes.byref(command), U32(1), U32(most), ctypes.byref(value))
    assert bool(taken) == (int(text) <= most)
    if taken:
        assert value.value == int(text)


def test_errors_that_are_remembered_fit() -> None:
    """An error of a command that changes state is kept for repetition, in FW_ANSWER_BYTES, without the word it names."""
    limit = int(re.search(r"FW_ANSWER_BYTES\s+(\d+)u", (CHECKOUT / "firmware/link/answers.h").read_text())[1])  # type: ignore[index]
    found = []
    for path in [*Path(CHECKOUT / "firmware/app").glob("*.c"), CHECKOUT / "firmware/link/link.c"]:
        for code, message in re.findall(
            r'(?:fw_link_error|put_error)\([^,]+,\s*"(\w+)",\s*"([^"]+)"', path.read_text()
        ):
            line = json.dumps(
                {"error": {"code": code, "message": message}, "seq": 2**32 - 1, "crc": "0" * 8}, separators=(",", ":")
            )
            found.append((len(line) + 1, code))
    assert len(found) > 25
    assert max(found)[0] <= limit, max(found)
