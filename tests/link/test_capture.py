"""Recording a device: every sample in its place, what is lost marked, detection never held up; ADPCM as others make it."""

from __future__ import annotations

import csv
import ctypes
import json
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from fieldwren import paths
from fieldwren.app_model import AppModel
from fieldwren.boards import load_board
from fieldwren.cli.frame import fieldwren
from fieldwren.datasets import Event, recordings_in
from fieldwren.device import Detected, DeviceClient, Recorder, capture, session
from fieldwren.device.capture import Capture, Piece
from fieldwren.device.frames import AckStatus, Frame, FrameType, Splitter
from fieldwren.device.ima_adpcm import decode_block
from fieldwren.device.transport import ProcessTransport
from fieldwren.errors import BadInputError, LinkLostError
from fieldwren.features.wav import read_wav
from link import adpcm as adpcm_oracle
from link import devices
from link.test_session import tones
from support import require_tool

BLOCK = 256


@pytest.fixture(scope="module")
def adpcm_device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keyword app as it is for a board with a slow link."""
    require_tool("gcc")
    host = load_board("host")
    slow = replace_link(host, "uart", 115_200)
    return devices.build_device(devices.KEYWORD, tmp_path_factory.mktemp("adpcm"), board=slow)


def replace_link(board, transport: str, baud: int | None):  # type: ignore[no-untyped-def]
    return board.model_copy(update={"link": board.link.model_copy(update={"transport": transport, "baud": baud})})


@pytest.fixture
def adpcm(adpcm_device: Path) -> Iterator[ProcessTransport]:
    transport = devices.start(adpcm_device)
    yield transport
    transport.close()


def noise(count: int, seed: int = 1) -> np.ndarray:
    """Quiet and loud parts, steps and full scale."""
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.choice([3, 300, 8000, 60000], -(-count // 100)), 100)[:count]
    return np.clip(rng.normal(size=count) * loudness, -32768, 32767).astype(np.int16)


# ---- the coder ----


@pytest.fixture(scope="module")
def coder(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    gcc = require_tool("gcc")
    made = tmp_path_factory.mktemp("coder") / "coder.so"
    source = [str(paths.firmware() / "runtime" / name) for name in ("ima_adpcm.c", "capture.c")]
    flags = ["-std=c99", "-O1", "-shared", "-fPIC", f"-I{paths.firmware()}"]
    subprocess.run([gcc, *flags, *source, "-o", str(made)], check=True)
    return ctypes.CDLL(str(made))


class State(ctypes.Structure):
    _fields_ = (("predictor", ctypes.c_int32), ("index", ctypes.c_uint32))


@pytest.mark.parametrize("seed", range(4))
def test_codes_are_those_of_pythons_audioop(coder: ctypes.CDLL, seed: int) -> None:
    samples = noise(20_000, seed)
    state = State(0, 0)
    ours = [coder.fw_ima_adpcm_encode(ctypes.byref(state), int(sample)) & 15 for sample in samples]
    theirs, (predictor, index) = adpcm_oracle.audioop().lin2adpcm(samples.tobytes(), 2, (0, 0))
    assert bytes(a << 4 | b for a, b in zip(ours[::2], ours[1::2], strict=True)) == theirs
    assert (state.predictor, state.index) == (predictor, index)


def test_blocks_decode_as_audioop_decodes_them() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        block = rng.bytes(2) + bytes([int(rng.integers(0, 89)), 0]) + rng.bytes(BLOCK - 4)
        assert np.array_equal(decode_block(block), adpcm_oracle.samples_of(block))
    with pytest.raises(LinkLostError, match="begins with step 89"):
        decode_block(bytes([0, 0, 89, 0]) + bytes(8))


# ---- over the link ----


def pieces_of(client: DeviceClient, pcm: np.ndarray) -> tuple[Capture, list[Piece], list[Detected]]:
    """What is captured and detected while the host feeds the device."""
    taken: list[Piece] = []
    begun: list[Capture] = []

    def chunks() -> Iterator[np.ndarray]:
        begun.append(client.capture())
        for at in range(0, len(pcm), 1000):
            yield pcm[at : at + 1000]
            taken.extend(begun[0].take())

    found = [event for event in client.stream(chunks()) if isinstance(event, Detected)]
    return begun[0], taken + begun[0].stop(), found


def joined(pieces: list[Piece]) -> np.ndarray:
    return np.concatenate([np.concatenate([np.zeros(p.missing, np.int16), p.samples]) for p in pieces])


def expected(app: AppModel, pcm: np.ndarray) -> list[tuple[int, str]]:
    return [(d.t_ms, app.labels[d.label]) for d in devices.expected_detections(app, pcm)]


def test_pcm_arrives_whole_and_detection_is_as_without(keyword: ProcessTransport, keyword_app: AppModel) -> None:
    pcm = tones(3.0)
    client = DeviceClient(keyword)
    made, pieces, found = pieces_of(client, pcm)
    assert made.format.encoding == "pcm" and made.format.sample_rate_hz == 8000 and made.format.t_ms == 0
    assert made.format.window_ms == 32
    assert not any(piece.missing for piece in pieces)
    whole = joined(pieces)
    assert len(whole) == len(pcm) // 128 * 128 and np.array_equal(whole, pcm[: len(whole)])
    assert [(d.t_ms, d.label) for d in found] == expected(keyword_app, pcm)


def test_a_slow_link_carries_adpcm(adpcm: ProcessTransport) -> None:
    pcm = noise(16_000, 5)
    client = DeviceClient(adpcm)
    blocks: list[bytes] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capture, "decode_block", lambda block: (blocks.append(block), decode_block(block))[1])
        made, pieces, _ = pieces_of(client, pcm)
    assert made.format.encoding == "ima-adpcm" and made.format.block_samples == 505
    assert blocks == adpcm_oracle.blocks_of(pcm, 505)
    assert np.array_equal(joined(pieces), np.concatenate([adpcm_oracle.samples_of(block) for block in blocks]))


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_line_misplaces_nothing(keyword_device: Path, keyword_app: AppModel, seed: int) -> None:
    pcm = tones(2.0, seed)
    device = devices.start(keyword_device)
    line = devices.BadLine(device, seed, rate=0.03)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capture, "SILENCE_S", 0.1)
        patch.setattr(session, "RETRY_S", 0.1)
        _, pieces, found = pieces_of(DeviceClient(line, timeout_s=30), pcm)
    device.close()
    assert line.out.count + line.back.count > 2
    whole = joined(pieces)
    at = 0
    for piece in pieces:  # what is there is right and in its place; what is not is said to be missing
        at += piece.missing
        assert np.array_equal(piece.samples, pcm[at : at + len(piece.samples)])
        at += len(piece.samples)
    assert len(whole) == at and at % 128 == 0
    assert [(d.t_ms, d.label) for d in found] == expected(keyword_app, pcm)


class Deaf(ProcessTransport):
    """A host's line on which questions for more audio get lost for a while."""

    def __init__(self, inner: ProcessTransport) -> None:
        self._inner = inner
        self.deaf = False

    def write(self, data: bytes) -> None:
        asks = any(isinstance(m, Frame) and m.type == FrameType.READ for m in Splitter().feed(data))
        if not (self.deaf and asks):
            self._inner.write(data)

    def read(self, size: int, timeout_s: float) -> bytes:
        return self._inner.read(size, timeout_s)


def test_what_is_overwritten_is_marked_and_never_joined(keyword: ProcessTransport) -> None:
    """The device keeps two blocks of 16 ms, goes on listening while nobody asks, and says what it no longer has."""
    pcm = tones(6.0)
    line = Deaf(keyword)
    client = DeviceClient(line)
    taken: list[Piece] = []
    begun: list[Capture] = []

    def chunks() -> Iterator[np.ndarray]:
        begun.append(client.capture())
        for at in range(0, len(pcm), 1000):
            line.deaf = 12_000 <= at < 36_000
            yield pcm[at : at + 1000]
            taken.extend(begun[0].take())

    list(client.stream(chunks()))
    taken += begun[0].stop()
    gaps = [piece.missing for piece in taken if piece.missing]
    assert gaps and sum(gaps) > 128 * 20 and all(gap % 128 == 0 for gap in gaps)
    at = 0
    for piece in taken:
        at += piece.missing
        assert np.array_equal(piece.samples, pcm[at : at + len(piece.samples)])
        at += len(piece.samples)
    assert at == len(pcm) // 128 * 128


def test_only_whole_commands_and_only_apps_that_allow_it(keyword: ProcessTransport, presence: ProcessTransport) -> None:
    from fieldwren.device import DeviceRefusedError

    client = DeviceClient(keyword)
    for text in ("capture", "capture now", "capture start sensor"):
        with pytest.raises(DeviceRefusedError) as caught:
            client.command(text)
        assert caught.value.code == "bad_argument"
    assert client.command("capture stop")["blocks"] == 0
    with pytest.raises(DeviceRefusedError) as caught:
        DeviceClient(presence).capture()
    assert caught.value.code == "forbidden"
    with pytest.raises(BadInputError, match="set `capture = true` under"):
        Recorder(DeviceClient(presence), "unused-folder-of-a-test")


def test_another_host_ends_the_recording(keyword: ProcessTransport) -> None:
    made = DeviceClient(keyword).capture()
    other = DeviceClient(keyword)
    made._ask(0)  # the one before asks for more, and is told that there is no such transfer
    other.status()
    (answer,) = other._session.frames
    assert (answer.type, answer.status) == (FrameType.ACK, AckStatus.TRANSFER)
    made.frame(answer)
    assert made.ended and made.stop() == []


# ---- files ----


def recorded(client: DeviceClient, pcm: np.ndarray, folder: Path) -> list[dict[str, object]]:
    begun: list[Recorder] = []

    def chunks() -> Iterator[np.ndarray]:
        begun.append(Recorder(client, folder))
        for at in range(0, len(pcm), 1000):
            yield pcm[at : at + 1000]
            begun[0].step()

    for event in client.stream(chunks()):
        begun[0].note(event)
    begun[0].close()
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def test_a_recording_is_what_eval_reads(keyword: ProcessTransport, keyword_app: AppModel, tmp_path: Path) -> None:
    pcm = tones(3.0)
    (about,) = recorded(DeviceClient(keyword), pcm, tmp_path / "day")
    (found,) = recordings_in(tmp_path / "day", keyword_app.labels)
    samples, rate = read_wav(found.path)
    assert rate == 8000 and np.array_equal(samples, pcm[: len(samples)]) and len(samples) > 23_000
    with wave.open(str(found.path)) as file:
        assert file.getparams()[:3] == (1, 2, 8000) and file.getnframes() == len(samples)
    said = devices.expected_detections(keyword_app, pcm)
    assert found.events == tuple(
        Event(keyword_app.labels[d.label], max(0, d.t_ms - 32) / 1000, d.t_ms / 1000) for d in said
    )
    assert about["detections"] == len(said) and about["gaps"] == [] and about["encoding"] == "pcm"
    assert not [path.name for path in (tmp_path / "day").iterdir() if path.name.startswith(".")]


def test_a_file_says_how_it_was_sent_and_where_audio_was_lost(adpcm: ProcessTransport, tmp_path: Path) -> None:
    client = DeviceClient(adpcm)
    recorder = Recorder(client, tmp_path)
    recorder._write(
        [Piece(np.full(505, 7, np.int16)), Piece(np.zeros(0, np.int16), 1010), Piece(np.ones(505, np.int16))]
    )
    recorder.note(Detected(100, "low", 0.9, 0))
    (made,) = recorder.close()
    content = (tmp_path / made.wav).read_bytes()
    assert b"sent as IMA ADPCM (4 bits a sample) and decoded" in content
    assert content.count(b"cue ") == 1 and content[content.index(b"cue ") + 8 :][:4] == bytes([1, 0, 0, 0])
    samples, _ = read_wav(tmp_path / made.wav)
    assert samples.tolist() == [7] * 505 + [0] * 1010 + [1] * 505
    assert [(gap.start_s, gap.end_s) for gap in made.gaps] == [(505 / 8000, 1515 / 8000)]
    with (tmp_path / made.wav).with_suffix(".csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row == {"start_s": "0.068", "end_s": "0.100", "label": "low", "confidence": "0.9000"}


def test_behind_a_long_gap_a_new_file_begins(keyword: ProcessTransport, tmp_path: Path) -> None:
    recorder = Recorder(DeviceClient(keyword), tmp_path)
    block = np.ones(128, np.int16)
    recorder._write([Piece(block), Piece(np.zeros(0, np.int16), 90_112), Piece(block)])
    first, second = recorder.close()
    assert (first.t_ms, second.t_ms) == (0, (128 + 90_112) * 1000 // 8000)
    assert first.wav != second.wav and first.seconds == second.seconds == 0.016


def test_a_device_that_goes_leaves_a_whole_file(keyword: ProcessTransport, tmp_path: Path) -> None:
    recorder = Recorder(DeviceClient(keyword), tmp_path)
    recorder._write([Piece(np.ones(128, np.int16))])
    keyword.close()
    (made,) = recorder.close()
    assert len(read_wav(tmp_path / made.wav)[0]) == 128


def test_monitor_records(keyword_device: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(
        fieldwren,
        ["monitor", f"process:{keyword_device}", "--seconds", "0.2", "--record", str(tmp_path / "day")],
    )
    assert result.exit_code == 0, result.output
    assert (tmp_path / "day").is_dir()  # nobody spoke: nothing to write


def test_formats_agree_with_boards(tmp_path: Path) -> None:
    """16-bit PCM over USB or 1 Mbaud, else ADPCM; as many blocks as capture_ms needs."""
    from fieldwren.render.app import _capture

    model = devices.tiny_app(devices.KEYWORD.replace("capture_ms = 10", "capture_ms = 1000"), tmp_path)
    host = load_board("host")
    for transport, baud, encoding, blocks in (
        ("usb", None, "FW_CAPTURE_PCM", 64),
        ("uart", 1_000_000, "FW_CAPTURE_PCM", 64),
        ("uart", 921_600, "FW_CAPTURE_IMA_ADPCM", 17),
    ):
        made = _capture(model, replace_link(host, transport, baud), BLOCK)
        assert made is not None and (made.encoding, made.blocks) == (encoding, blocks)
    quiet = replace(
        model, app=model.app.model_copy(update={"link": model.app.link.model_copy(update={"capture": False})})
    )
    assert _capture(quiet, host, BLOCK) is None
