"""One device over a good line: commands, tensors, blobs, streams."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from fieldwren import __version__
from fieldwren.app_model import AppModel
from fieldwren.device import Detected, DeviceClient, DeviceRefusedError, DeviceRestartedError, StreamEnd, frames
from fieldwren.device.frames import Line, Splitter
from fieldwren.device.transport import ProcessTransport
from fieldwren.errors import LinkLostError
from link import devices
from support import CHECKOUT, require_tool


def first_line(device: ProcessTransport) -> dict[str, object]:
    splitter = Splitter()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        for message in splitter.feed(device.read(4096, 1.0)):
            return message.fields  # type: ignore[union-attr]  # the test fails here if it is no line
    raise AssertionError("no first line")


def test_the_first_line_says_who_this_is(keyword: ProcessTransport) -> None:
    identity = first_line(keyword)["fieldwren"]
    assert isinstance(identity, dict)
    assert identity | {"image": None} == {
        "protocol": 1,
        "firmware": __version__,
        "image": None,
        "model": "tiny",
        "model_sha256": "aa" + "00" * 31,
        "board": "host",
        "app": "tiny",
        "kind": "keyword",
        "input": "pcm",
        "columns": 1,
        "sample_rate_hz": 8000,
        "labels": 3,
        "payload_bytes": 256,
        "window_bytes": 1024,
    }
    assert len(bytes.fromhex(identity["image"])) == 32 and identity["image"] != "00" * 32


def test_the_session_has_the_identity_of_the_first_line(keyword: ProcessTransport) -> None:
    identity = first_line(keyword)["fieldwren"]
    assert isinstance(identity, dict)
    info = DeviceClient(keyword).info
    assert {name: getattr(info, name) for name in identity} == identity


def test_labels_and_tensors(keyword: ProcessTransport) -> None:
    client = DeviceClient(keyword)
    labels = client.labels()
    assert [(label.label, label.background) for label in labels] == [("quiet", True), ("low", False), ("high", False)]
    assert [label.threshold for label in labels] == [0.45] * 3
    tensor = client.tensor("in0")
    assert (tensor.dtype, tensor.bytes, tensor.scale, tensor.zero_point) == ("int8", 32, 0.125, 0)
    assert client.tensor("out1").dtype == "int32"
    for name in ("in1", "out2", "in", "out", "inx", "in00", "x"):
        with pytest.raises(DeviceRefusedError) as caught:
            client.tensor(name)
        assert caught.value.code == "unknown_name"


def test_an_unknown_command_is_named(keyword: ProcessTransport) -> None:
    with pytest.raises(DeviceRefusedError, match=r"frobnicate") as caught:
        DeviceClient(keyword).command("frobnicate 3")
    assert caught.value.code == "unknown_command"


def test_the_help_names_commands_that_exist(keyword: ProcessTransport) -> None:
    client = DeviceClient(keyword)
    for usage in client.commands():
        word = usage.split()[0]
        if word in ("hello", "bye", "reboot"):
            continue
        try:
            client.command(word)
        except DeviceRefusedError as error:
            assert error.code != "unknown_command", usage


def test_thresholds_are_set_by_name_and_index(keyword: ProcessTransport) -> None:
    client = DeviceClient(keyword)
    assert client.set_threshold("high", 0.75) == 0.75
    assert client.set_threshold(1, 1.0) == 1.0
    assert [label.threshold for label in client.labels()] == [0.45, 1.0, 0.75]
    assert client.command("set threshold low .5")["threshold"] == 0.5
    for text, code in (
        ("set threshold low 1.01", "bad_argument"),
        ("set threshold low -0.1", "bad_argument"),
        ("set threshold low", "bad_argument"),
        ("set threshold loud 0.5", "unknown_name"),
        ("set threshold #3 0.5", "unknown_name"),
        ("set threshold #99999999999999 0.5", "unknown_name"),
        ("set volume low 0.5", "bad_argument"),
    ):
        with pytest.raises(DeviceRefusedError) as caught:
            client.command(text)
        assert caught.value.code == code, text
    assert [label.threshold for label in client.labels()] == [0.45, 0.5, 0.75]


def test_infer_computes_and_keeps_the_state(keyword: ProcessTransport) -> None:
    client = DeviceClient(keyword)
    rng = np.random.default_rng(1)
    for count in (1, 2, 3):
        window = rng.integers(-128, 128, (1, 32)).astype(np.int8)
        out, counted = client.infer([window])
        assert out.tolist() == devices.reference_model(window).tolist()
        assert counted.tolist() == [count]
    client.reset()
    assert client.infer([np.zeros((1, 32), np.int8)])[1].tolist() == [1]


def test_infer_refuses_what_is_not_there(keyword: ProcessTransport) -> None:
    client = DeviceClient(keyword)
    with pytest.raises(DeviceRefusedError, match="input is missing"):
        client.command("infer")
    with pytest.raises(DeviceRefusedError, match="infer first"):
        client.get("out0")
    client.infer([np.zeros((1, 32), np.int8)])
    with pytest.raises(DeviceRefusedError, match="input is missing"):
        client.command("infer")  # the model has overwritten its input
    with pytest.raises(DeviceRefusedError, match="another size"):
        client.put("in0", bytes(31))


def test_blobs_go_in_and_out_whole(keyword: ProcessTransport) -> None:
    client = DeviceClient(keyword)
    rng = np.random.default_rng(2)
    for number, size in enumerate((5000, 1, 256, 257, 0, 4999, 255), start=1):
        data = rng.integers(0, 3, size).astype(np.uint8).tobytes()  # many zeros: the worst for COBS
        client.put("mail", data)
        assert np.frombuffer(client.get("post"), np.uint32).tolist() == [number, size]
        assert client.get("mail") == data
    with pytest.raises(DeviceRefusedError) as caught:
        client.put("mail", bytes(5001))
    assert caught.value.code == "too_large"
    with pytest.raises(DeviceRefusedError) as caught:
        client.put("post", bytes(8))
    assert caught.value.code == "unknown_name"


def test_the_same_blob_twice_arrives_twice(keyword: ProcessTransport) -> None:
    client = DeviceClient(keyword)
    for number in (1, 2):
        client.put("mail", b"same")
        assert np.frombuffer(client.get("post"), np.uint32).tolist() == [number, 4]


def tones(seconds: float, seed: int = 3) -> np.ndarray:
    """Loud and quiet pieces of different pitch, 8 kHz int16."""
    rng = np.random.default_rng(seed)
    pieces = []
    for _ in range(int(seconds / 0.1)):
        t = np.arange(800) / 8000
        pieces.append(rng.choice([30, 3000, 12000]) * np.sin(2 * np.pi * rng.uniform(100, 3900) * t))
    return np.concatenate(pieces).astype(np.int16)


def test_a_stream_gives_the_detections_of_the_host(keyword: ProcessTransport, keyword_app: AppModel) -> None:
    pcm = tones(6.0)
    client = DeviceClient(keyword)
    for _ in range(2):  # the second from a fresh start: the same times and confidences
        events = list(client.stream(pcm))
        end = events.pop()
        expected = devices.expected_detections(keyword_app, pcm)
        assert len(expected) > 10
        assert [(e.t_ms, e.label, e.confidence) for e in events if isinstance(e, Detected)] == [
            (d.t_ms, keyword_app.labels[d.label], round(d.confidence, 4)) for d in expected
        ]
        assert isinstance(end, StreamEnd) and end.t_ms == 6000 and end.detections == len(expected)
    status = client.status()
    assert status.dropped == 0 and status.failures == 0 and status.missed == 0
    assert status.frames == (len(pcm) - 64) // 64 + 1
    assert status.inferences == (status.frames - 4) // 2 + 1


def test_rows_give_states(presence: ProcessTransport, presence_app: AppModel) -> None:
    rng = np.random.default_rng(4)
    rows = np.repeat(rng.normal(0, 8, (20, 2)), 25, axis=0).astype(np.float32)
    rows[100:102, 0] = np.nan
    rows[200:204] = np.nan
    events = list(DeviceClient(presence).stream([rows[:77], rows[77:]]))
    expected = devices.expected_detections(presence_app, rows)
    assert len(expected) > 5
    assert [(e.t_ms, e.label) for e in events if isinstance(e, Detected)] == [
        (d.t_ms, presence_app.labels[d.label]) for d in expected
    ]


def test_level_and_clipping(keyword: ProcessTransport) -> None:
    client = DeviceClient(keyword)
    square = np.where(np.arange(16000) % 8 < 4, 16384, -16384).astype(np.int16)
    square[5:10] = 32767
    list(client.stream(square))
    status = client.status()
    assert (status.level_rms, status.level_peak, status.clipped) == (0.5, 0.5, 5)


def test_the_app_is_not_disturbed_while_it_runs(keyword: ProcessTransport) -> None:
    client = DeviceClient(keyword)
    client.command("stream start")
    for text in ("reset", "infer", "put in0 32 00000000", "stream start", "get out0"):
        with pytest.raises(DeviceRefusedError) as caught:
            client.command(text)
        assert caught.value.code == "busy", text
    with pytest.raises(DeviceRefusedError) as caught:
        client.command("stream stop 2")
    assert caught.value.code == "incomplete"
    client.command("stream stop")
    assert client.status().source == "none"


def test_leaving_a_stream_stops_it(keyword: ProcessTransport) -> None:
    client = DeviceClient(keyword)
    for event in client.stream(tones(3.0)):
        assert isinstance(event, Detected)
        break
    assert client.status().source == "none"
    assert isinstance(list(client.stream(tones(0.5)))[-1], StreamEnd)


def test_reboot_ends_the_process_of_the_host(keyword: ProcessTransport) -> None:
    client = DeviceClient(keyword)
    with pytest.raises(LinkLostError):
        client.reboot(timeout_s=1.0)


def test_a_new_session_takes_over(keyword: ProcessTransport) -> None:
    """Whoever comes finds the device at rest, and an old session is told that it is over."""
    old = DeviceClient(keyword)
    old.command("stream start")
    new = DeviceClient(keyword)
    assert new.status().source == "none"
    with pytest.raises(DeviceRestartedError):
        old.reset()
    new.reset()


def widest(line: str) -> int:
    """Bytes of a line when each number in it has as many digits as it can have."""
    bare = re.sub(r'"[^"\\]*(?:\\.[^"\\]*)*"', lambda text: "s" * len(text[0].encode()), line)
    grown = sum(10 - len(number) for number in re.findall(r"(?<![\d.])\d+(?![\d.])", bare) if len(number) < 10)
    return len(line.encode()) + grown + 1


def test_the_longest_names_fit_into_every_line(tmp_path: Path) -> None:
    require_tool("gcc")
    header = (CHECKOUT / "firmware/include/fw_link.h").read_text()
    unseen = 2 * 40  # the names of model and board could be so long too
    limit = int(re.findall(r"FW_LINK_LINE_BYTES\s+(\d+)u", header)[0])
    label = '"' * 64
    text = devices.KEYWORD.replace('"tiny"', f'"{"n" * 64}"').replace('"high"', json.dumps(label))
    transport = devices.start(devices.build_device(text, tmp_path))
    seen = [transport.read(65536, 5.0).decode()]
    client = DeviceClient(transport)
    decode = frames.decode_line

    def noted(content: bytes) -> Line | frames.Broken:
        seen.append(content.decode())
        return decode(content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "decode_line", noted)
        client.status()
        client.commands()
        client.command("info")
        assert client.label(2).label == label
        events = list(client.stream(tones(1.0)))
        client.reconnect()
    transport.close()
    assert any(isinstance(e, Detected) and e.label == label for e in events)
    assert max(map(widest, seen)) + unseen <= limit, max(seen, key=widest)


def test_headers_are_for_cpp_too(tmp_path: Path) -> None:
    gcc = require_tool("g++")
    (tmp_path / "t.cpp").write_text(
        '#include "fw_app.h"\n#include "fw_device.h"\nint main() { return fw_app_room(nullptr); }\n'
    )
    include = [f"-I{CHECKOUT / 'firmware'}", f"-I{CHECKOUT / 'firmware/include'}"]
    subprocess.run(
        [gcc, "-std=c++11", "-Wall", "-Wextra", "-Werror", *include, "-c", "t.cpp", "-o", "t.o"],
        cwd=tmp_path,
        check=True,
    )
    symbols = subprocess.run(["nm", "t.o"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert " U fw_app_room\n" in symbols
