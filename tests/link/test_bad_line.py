"""A line that loses, repeats and damages bytes, and a host that sends rubbish: the device answers, and does each thing once."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fieldwren.app_model import AppModel
from fieldwren.device import Detected, DeviceClient, StreamEnd, bulk, session
from fieldwren.device.frames import AckStatus, Frame, FrameType, Line, Splitter, encode_command, encode_frame
from fieldwren.device.transport import ProcessTransport
from fieldwren.errors import LinkLostError
from link import devices
from link.test_session import tones

FUZZ = settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here nothing takes long; what gets lost is soon sent again."""
    monkeypatch.setattr(session, "RETRY_S", 0.1)
    monkeypatch.setattr(bulk, "RETRANSMIT_S", 0.1)


class Wire:
    """A device without a client: bytes in, messages out."""

    def __init__(self, path: Path) -> None:
        self.transport = devices.start(path)
        self._splitter = Splitter()
        self.session = 0xFEED0000

    def exchange(self, data: bytes) -> list[Line | Frame]:
        """Sends bytes; what came back until the answer to a final question, in order.

        The question names this wire's own session: `data` may well say hello too, and be answered.
        """
        session = f"{self.session:08x}"
        self.transport.write(data + b"\0\n" + encode_command(f"hello {session}"))
        found: list[Line | Frame] = []
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            for message in self._splitter.feed(self.transport.read(65536, 1.0)):
                if (
                    isinstance(message, Line)
                    and message.fields.get("ok") == "hello"
                    and message.fields.get("session") == session
                ):
                    return found
                assert isinstance(message, Line | Frame), f"unreadable: {message}"
                found.append(message)
        raise AssertionError("the device does not answer")

    def command(self, text: str, sequence: int) -> bytes:
        return encode_command(text, session=self.session, sequence=sequence)


@pytest.fixture(scope="module")
def shared_wire(keyword_device: Path) -> Iterator[Wire]:
    """One device for all examples of a test: nothing may bring it into a state in which it does not answer."""
    wire = Wire(keyword_device)
    wire.exchange(b"")
    yield wire
    wire.transport.close()


@pytest.fixture
def wire(keyword_device: Path) -> Iterator[Wire]:
    wire = Wire(keyword_device)
    wire.exchange(b"")
    yield wire
    wire.transport.close()


PIECES = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass") + b"\n"),
    st.builds(
        lambda frame, cut: encode_frame(frame)[cut:],
        st.builds(
            Frame,
            st.integers(0xF8, 0xFF),
            st.integers(0, 255),
            st.integers(0, 65535),
            st.integers(0, 2**32 - 1),
            st.binary(max_size=400),
        ),
        st.integers(0, 3),
    ),
    st.sampled_from(
        [
            "status", "info", "help", "hello", "hello 12345678", "label 1", "label 99999999999", "tensor out0", "get mail",
            "get", "put mail 10", "set threshold low 0", "stream start", "detections 5", "@ reset", "@12345678:1 reset",
        ]
    ).map(lambda text: text.encode() + b"\n"),
    st.sampled_from([b"\0", b"\0\0", b"\n", b"\r\n", b" \n", b"\0\xf8", b"*" * 400 + b"\n", b"a" * 272, b"\xff" * 600]),
)  # fmt: skip


@FUZZ
@given(pieces=st.lists(PIECES, max_size=8))
def test_rubbish_is_answered_and_changes_nothing(shared_wire: Wire, pieces: list[bytes]) -> None:
    """No crash (the sanitizers watch), every message of the device readable, no threshold changed."""
    shared_wire.exchange(b"".join(pieces))
    answers = shared_wire.exchange(b"\0label 1\nlabel 2\n")
    assert [a.fields.get("threshold") for a in answers if isinstance(a, Line) and "label" in a.fields] == [0.45, 0.45]


@FUZZ
@given(line=st.binary(min_size=1, max_size=200).map(lambda b: b.replace(b"\n", b"").replace(b"\0", b"")))
def test_each_line_has_exactly_one_answer(shared_wire: Wire, line: bytes) -> None:
    answers = shared_wire.exchange(b"\0" + line + b"\n")
    is_empty = line in (b"", b"\r")
    # A second byte that begins a frame makes the whole a frame, which can only be counted.
    is_frame = len(line) > 1 and line[1] >= 0xF8
    assert len(answers) == (0 if is_empty or is_frame else 1), answers


@FUZZ
@given(
    text=st.sampled_from(["set threshold low 0.9", "reset", "stream start", "put mail 4 12345678", "infer"]),
    position=st.integers(0, 200),
    flip=st.integers(1, 255),
)
def test_a_damaged_command_is_not_executed(shared_wire: Wire, text: str, position: int, flip: int) -> None:
    good = shared_wire.command(text, 1).removeprefix(b"\0")
    at = position % len(good)
    damaged = good[:at] + bytes([good[at] ^ flip]) + good[at + 1 :]
    for answer in shared_wire.exchange(b"\0" + damaged):
        assert isinstance(answer, Line) and "ok" not in answer.fields, answer
    assert shared_wire.exchange(b"\0label 1\n")[0].fields["threshold"] == 0.45  # type: ignore[union-attr]


def test_unframeable_input_is_counted(wire: Wire) -> None:
    frame = encode_frame(Frame(FrameType.DATA, 0, 7, 0, b"abc"))
    damaged = frame[:-3] + bytes([frame[-3] ^ 1]) + frame[-2:]
    answers = wire.exchange(damaged + b"\0\x01\xf8\0" + b"\0\x05" + b"\xf8" * 600 + b"\n" + b"x" * 400 + b"\nstatus\n")
    lines = [answer.fields for answer in answers if isinstance(answer, Line)]
    assert [line.get("error", {}).get("code") for line in lines] == ["line", None]
    assert lines[1]["link"]["frames_broken"] == 3 and lines[1]["link"]["lines_broken"] == 1


def test_a_frame_for_nobody_is_answered(wire: Wire) -> None:
    frames = [Frame(FrameType.DATA, 0, 9, 5, b"abc"), Frame(FrameType.READ, 0, 9, 0, b"\4\0\0\0"), Frame(0xFD, 0, 9, 0)]
    answers = wire.exchange(b"".join(map(encode_frame, frames)))
    assert [a.status for a in answers if isinstance(a, Frame)] == [
        AckStatus.TRANSFER,
        AckStatus.TRANSFER,
        AckStatus.TYPE,
    ]


def test_a_command_that_changes_state_needs_session_number_and_crc(wire: Wire) -> None:
    def code(data: bytes) -> str:
        (answer,) = wire.exchange(data)
        assert isinstance(answer, Line)
        return str(answer.fields["error"]["code"])

    assert code(b"reset\n") == "unprotected"
    assert code(encode_command("reset")) == "unprotected"
    assert code(b"@feed0000:1 reset\n") == "crc"
    assert code(encode_command("reset", session=0xFEED0001, sequence=1)) == "no_session"
    assert code(encode_command("reset", session=0xFEED0000, sequence=0)) == "syntax"
    assert code(encode_command("reset", session=0xFEED0000, sequence=2**32)) == "syntax"
    (answer,) = wire.exchange(encode_command("reset", session=0xFEED0000, sequence=2**32 - 1))
    assert isinstance(answer, Line) and answer.fields["ok"] == "reset" and answer.checked


def test_a_repeated_command_gets_the_same_answer_and_is_not_executed_again(wire: Wire) -> None:
    put = wire.command(f"put mail 3 {zlib.crc32(b'abc'):08x}", 1)
    (first,) = wire.exchange(put)
    assert isinstance(first, Line)
    data = encode_frame(Frame(FrameType.DATA, 0, first.fields["transfer"], 0, b"abc"))
    (done,) = wire.exchange(data)
    assert isinstance(done, Frame) and (done.status, done.offset) == (AckStatus.OK, 3)
    answers = wire.exchange(put * 3 + data * 2 + put)
    assert [a for a in answers if isinstance(a, Line)] == [first] * 4
    assert [a.offset for a in answers if isinstance(a, Frame)] == [3, 3]
    client = DeviceClient(wire.transport)
    assert np.frombuffer(client.get("post"), np.uint32).tolist() == [1, 3]


def test_numbers_that_were_overtaken_or_reused_are_refused(wire: Wire) -> None:
    for number in range(1, 10):
        wire.exchange(wire.command("set threshold low 0.5", number))
    codes = []
    for text, number in (("set threshold low 0.9", 9), ("set threshold low 0.5", 5), ("set threshold low 0.9", 3)):
        (answer,) = wire.exchange(wire.command(text, number))
        assert isinstance(answer, Line)
        codes.append(answer.fields["error"]["code"])
    assert codes == ["conflict", "stale", "stale"]
    (label,) = wire.exchange(b"label 1\n")
    assert isinstance(label, Line) and label.fields["threshold"] == 0.5


@pytest.mark.parametrize("seed", range(6))
def test_everything_happens_exactly_once_on_a_bad_line(keyword_device: Path, seed: int) -> None:
    """Blobs are delivered once each and whole, settings hold, whatever the line does."""
    device = devices.start(keyword_device)
    line = devices.BadLine(device, seed, rate=0.2)
    client = DeviceClient(line, timeout_s=30)
    count = 0
    while line.out.count < 6 or line.back.count < 6:
        data = bytes((count * 7 + i) % 256 for i in range(37 * count % 1000))
        client.put("mail", data)
        client.set_threshold(1, count % 8 / 8)
        count += 1
    quiet = DeviceClient(device)
    assert np.frombuffer(quiet.get("post"), np.uint32).tolist() == [count, len(data)]
    assert quiet.get("mail") == data
    assert quiet.label(1).threshold == (count - 1) % 8 / 8
    device.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_stream_over_a_bad_line_gives_the_same_detections(
    keyword_device: Path, keyword_app: AppModel, seed: int
) -> None:
    pcm = tones(2.0, seed)
    expected = devices.expected_detections(keyword_app, pcm)
    device = devices.start(keyword_device)
    line = devices.BadLine(device, seed, rate=0.06)
    events = list(DeviceClient(line, timeout_s=30).stream(pcm))
    assert line.out.count + line.back.count > 3
    assert [(e.t_ms, e.label) for e in events if isinstance(e, Detected)] == [
        (d.t_ms, keyword_app.labels[d.label]) for d in expected
    ]
    end = events[-1]
    assert isinstance(end, StreamEnd) and end.t_ms == 2000
    device.close()


class Cut:
    """A line that goes dead after so many bytes towards the device."""

    def __init__(self, device: ProcessTransport, budget: int) -> None:
        self._device = device
        self.left = budget

    def write(self, data: bytes) -> None:
        if self.left < len(data):
            raise LinkLostError("the cable was pulled")
        self.left -= len(data)
        self._device.write(data)

    def read(self, size: int, timeout_s: float) -> bytes:
        return self._device.read(size, timeout_s)


def test_a_blob_goes_on_where_it_was_cut(keyword: ProcessTransport) -> None:
    data = bytes(range(256)) * 19
    line = Cut(keyword, 3000)
    with pytest.raises(LinkLostError):
        DeviceClient(line).put("mail", data)
    keyword.read(65536, 0.2)
    again = Cut(keyword, 3000)  # enough for the rest, not for all
    client = DeviceClient(again)
    client.put("mail", data)
    assert client.get("mail") == data
    assert np.frombuffer(client.get("post"), np.uint32).tolist() == [1, len(data)]


def test_a_blob_with_another_crc_is_void(wire: Wire) -> None:
    (answer,) = wire.exchange(wire.command("put mail 3 00000000", 1))
    assert isinstance(answer, Line)
    (ack,) = wire.exchange(encode_frame(Frame(FrameType.DATA, 0, answer.fields["transfer"], 0, b"abc")))
    assert isinstance(ack, Frame) and (ack.status, ack.offset, ack.window) == (AckStatus.CRC, 0, 3)
    client = DeviceClient(wire.transport)
    assert np.frombuffer(client.get("post"), np.uint32).tolist() == [0, 0]
    with pytest.raises(LinkLostError):
        bulk.put(_Liar(client), "mail", b"abc", payload_bytes=256, wire_bytes=1024)  # type: ignore[arg-type]


class _Liar:
    """A session that announces blobs with a wrong CRC."""

    def __init__(self, client: DeviceClient) -> None:
        self._session = client._session

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)

    def command(self, text: str) -> object:
        return self._session.command(text.rsplit(" ", 1)[0] + " 01234567")


def test_data_beyond_the_end_is_refused(wire: Wire) -> None:
    (answer,) = wire.exchange(wire.command("put mail 3 00000000", 1))
    assert isinstance(answer, Line)
    transfer = answer.fields["transfer"]
    for offset, data in ((0, b"abcd"), (3, b"a"), (2**32 - 1, b"ab"), (2**32 - 2, b"ab")):
        (ack,) = wire.exchange(encode_frame(Frame(FrameType.DATA, 0, transfer, offset, data)))
        assert isinstance(ack, Frame) and (ack.status, ack.offset) == (AckStatus.RANGE, 0)
    (ack,) = wire.exchange(encode_frame(Frame(FrameType.DATA, 0, transfer, 1, b"bc")))
    assert isinstance(ack, Frame) and (ack.status, ack.offset) == (AckStatus.GAP, 0)


def test_reads_beyond_the_end_are_refused(wire: Wire) -> None:
    (answer,) = wire.exchange(b"get mail\n")
    assert isinstance(answer, Line)
    transfer = answer.fields["transfer"]
    for offset, payload, expected in (
        (5000, b"\1\0\0\0", b""),
        (4998, b"\xff\xff\xff\xff", bytes(2)),
        (0, b"\xff\xff\xff\xff", bytes(256)),
    ):
        (frame,) = wire.exchange(encode_frame(Frame(FrameType.READ, 0, transfer, offset, payload)))
        assert isinstance(frame, Frame) and (frame.type, frame.payload) == (FrameType.DATA, expected)
    for offset, payload in ((5001, b"\1\0\0\0"), (0, b""), (0, b"\1\0\0")):
        (frame,) = wire.exchange(encode_frame(Frame(FrameType.READ, 0, transfer, offset, payload)))
        assert isinstance(frame, Frame) and (frame.type, frame.status) == (FrameType.ACK, AckStatus.RANGE)
