"""Devices that are not as they should be: another protocol, a restart, an answer that lacks something; and the monitor."""

from __future__ import annotations

import json
import re
import zlib
from collections import deque
from typing import Any

import pytest

from fieldwren.device import DeviceClient, DeviceRestartedError, Status, event_fields, event_text, monitor, status_text
from fieldwren.device import session as session_module
from fieldwren.device.monitor import level_meter
from fieldwren.device.results import Detected, LinkCounters, StreamEnd, Values
from fieldwren.errors import BadInputError, LinkLostError
from support import CHECKOUT

IDENTITY: dict[str, Any] = {
    "protocol": 1, "firmware": "0.1.0", "image": "00", "model": "m", "model_sha256": "00", "board": "b", "app": "a",
    "kind": "keyword", "input": "pcm", "columns": 1, "sample_rate_hz": 16000, "labels": 2, "payload_bytes": 256,
    "window_bytes": 1024,
}  # fmt: skip


class Scripted:
    """A device that answers `hello` as given and then says what it is told to."""

    def __init__(self, identity: dict[str, Any]) -> None:
        self.identity = identity
        self.out: deque[bytes] = deque()
        self.replies: dict[str, dict[str, Any]] = {}

    def line(self, fields: dict[str, Any], *, checked: bool = True) -> None:
        text = json.dumps(fields, separators=(",", ":")).encode()
        if checked:
            text = text[:-1] + f',"crc":"{zlib.crc32(text[:-1]):08x}"}}'.encode()
        self.out.append(text + b"\n")

    def write(self, data: bytes) -> None:
        text = data.decode().strip("\0\n").rsplit(" *", 1)[0]
        if text.startswith("hello "):
            self.line({"ok": "hello", "session": text[6:], "fieldwren": self.identity})
            return
        prefix, _, command = text.partition(" ")
        word = command.split()[0]
        self.line({"ok": word, "seq": int(prefix.split(":")[1]), **self.replies.get(word, {})})

    def read(self, size: int, timeout_s: float) -> bytes:
        return self.out.popleft() if self.out else b""


def test_the_hosts_versions_hold_the_firmwares() -> None:
    version = re.search(r"FW_LINK_PROTOCOL (\d+)u", (CHECKOUT / "firmware/include/fw_link.h").read_text())
    assert version is not None and int(version[1]) in session_module.PROTOCOLS


@pytest.mark.parametrize(
    ("protocol", "advice"), [(2, "update fieldwren"), (0, "flash the device anew"), (None, "flash the device anew")]
)
def test_another_protocol_is_refused(protocol: int | None, advice: str) -> None:
    with pytest.raises(BadInputError, match=f"speaks link protocol {protocol} and this fieldwren 1: {advice}"):
        DeviceClient(Scripted(IDENTITY | {"protocol": protocol}))


def test_an_identity_that_lacks_something_is_no_fieldwren() -> None:
    with pytest.raises(LinkLostError, match="lacks kind, labels"):
        DeviceClient(Scripted({k: v for k, v in IDENTITY.items() if k not in ("kind", "labels")}))


def test_unknown_fields_are_ignored() -> None:
    """A newer firmware of the same protocol may say more."""
    assert DeviceClient(Scripted(IDENTITY | {"colour": "red"})).info.app == "a"


def test_a_restart_in_the_middle_is_noticed() -> None:
    device = Scripted(IDENTITY)
    client = DeviceClient(device)
    device.line({"fieldwren": IDENTITY}, checked=False)
    with pytest.raises(DeviceRestartedError, match="restarted in the middle of the session"):
        client.reset()
    assert client.reconnect().app == "a"
    client.reset()


def test_lines_without_their_crc_do_not_count_in_a_session() -> None:
    device = Scripted(IDENTITY)
    client = DeviceClient(device)
    device.line({"t_ms": 10, "label": "yes", "confidence": 0.9, "n": 0}, checked=False)
    device.line({"ok": "reset", "seq": 1}, checked=False)
    client.reset()
    assert not client._session.events and client._session.broken == 2


STATUS = Status(
    uptime_ms=5000, source="sensor", t_ms=4000, queued=0, dropped=3, frames=100, inferences=20, detections=1, missed=0,
    failures=0, level_rms=0.1, level_peak=0.2, clipped=7, link=LinkCounters(1, 0, 0, 0, 0),
)  # fmt: skip


def test_events_and_status_as_text() -> None:
    assert event_text(Detected(1230, "yes", 0.9325, 0)) == "     1.23 s  yes                   93.2%"
    assert event_text(Values(10, (0.25, -1.0))) == "     0.01 s  0.25, -1"
    assert event_text(StreamEnd(2000, 10, 1)).endswith("10 inferences, 1 detections")
    assert event_fields(Detected(1230, "yes", 0.9325, 4)) == {"t_ms": 1230, "label": "yes", "confidence": 0.9325}
    assert event_fields(Values(10, (0.25,))) == {"t_ms": 10, "values": [0.25]}
    text = status_text(STATUS)
    assert "[#############       ] -20 dB" in text and "7 samples clipped" in text and "3 elements dropped" in text
    assert level_meter(0.0) == "[                    ] -60 dB" and level_meter(1.0) == f"[{'#' * 20}] 0 dB"


def test_the_monitor_shows_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Scripted(IDENTITY)
    client = DeviceClient(device)
    device.replies["status"] = {
        **dict.fromkeys(("uptime_ms", "t_ms", "queued", "dropped", "frames", "inferences", "missed", "failures"), 0),
        **{"source": "sensor", "detections": 0, "level_rms": 0.5, "level_peak": 0.5, "clipped": 0},
        "link": dict.fromkeys(("lines", "lines_broken", "frames", "frames_broken", "repeats"), 0),
    }
    device.replies["learn"] = {
        **{"classes": 3, "updates": 40, "taught": 2, "rollbacks": 1, "busy": False, "last": "rolled_back"},
        **{"unsaved": True, "saved": 4, "slots": 3},
    }
    lines: list[str] = []
    meters: list[str] = []
    for number, label in enumerate(("yes", "no")):
        device.line({"t_ms": 100 * number, "label": label, "confidence": 0.75, "n": number})
    assert monitor(client, show=lines.append, show_status=meters.append, duration_s=0.2) == 2
    assert [line.split()[2] for line in lines] == ["yes", "no"]
    assert meters and "-6 dB" in meters[0]
    assert meters[1] == (
        "learned: 3 classes, 2 lessons, 40 updates, the last lesson was taken back, 1 taken back, not saved yet"
    )
    assert not any(line.startswith("learned") for line in meters[2:])  # nothing has changed
