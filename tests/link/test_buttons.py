"""Buttons teach: those of the host, where a signal presses them, and whatever a switch may do to its line."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fieldwren import paths
from fieldwren.device import DeviceClient
from fieldwren.learn.device import wait
from link import devices
from link.test_session import tones
from support import made_once, require_tool

TEACHING = devices.LEARN + '[[learn.buttons]]\nteach = "lamp"\n[[learn.buttons]]\nfeedback = "right"\n'
CHANGING = devices.LEARN + '[[learn.buttons]]\nfeedback = "wrong"\n[[learn.buttons]]\nundo = true\n'

Press = Callable[[int], dict[str, Any]]


@pytest.fixture
def pressed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> Iterator[tuple[DeviceClient, Press]]:
    """The app with the buttons of the parameter, and a function that presses one and says how that was answered."""
    require_tool("gcc")
    device = devices.build_device(devices.KEYWORD + request.param, tmp_path_factory.mktemp("buttons"), learns=True)
    transport = devices.start(device, tmp_path)

    def press(number: int) -> dict[str, Any]:
        os.kill(transport._process.pid, (signal.SIGUSR1, signal.SIGUSR2)[number])
        said, deadline = b"", time.monotonic() + 10.0
        while not said.endswith(b"\n") and time.monotonic() < deadline:
            said += transport.read(4096, 0.1)
        fields: dict[str, Any] = json.loads(said)
        return {key: value for key, value in fields.items() if key != "crc"}

    yield DeviceClient(transport), press
    transport.close()


@pytest.mark.parametrize("pressed", [TEACHING], indirect=True)
def test_a_press_teaches_a_label_that_it_adds(pressed: tuple[DeviceClient, Press]) -> None:
    client, press = pressed
    assert press(0) == {"button": 1, "action": "teach", "error": "not_ready"}  # it heard nothing yet
    assert client.command("learn status")["classes"] == 3
    assert press(1) == {"button": 2, "action": "right", "error": "not_ready"}
    events = [*client.stream(tones(0.3))]
    detected = [event.label for event in events if hasattr(event, "label")][-1]
    for times in (1, 2, 3):
        assert press(0) == {"button": 1, "action": "teach", "taught": "lamp"}
        assert wait(client)["taught"] == times
    assert client.command("learn answer")["label"] == "lamp"
    assert press(1) == {"button": 2, "action": "right", "taught": detected}
    assert wait(client)["taught"] == 4


@pytest.mark.parametrize("pressed", [CHANGING], indirect=True)
def test_a_press_corrects_and_undoes(pressed: tuple[DeviceClient, Press]) -> None:
    client, press = pressed
    for _ in client.stream(tones(2.0)):
        pass
    assert press(0) == {"button": 1, "action": "wrong", "taught": "quiet"}  # the background
    assert wait(client)["unsaved"]
    assert press(1) == {"button": 2, "action": "undo"}
    assert not wait(client)["unsaved"]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    def make(folder: Path) -> None:
        root = paths.firmware()
        command = [str(require_tool("gcc")), "-std=c99", "-shared", "-fPIC", f"-I{root}"]
        subprocess.run([*command, str(root / "runtime" / "debounce.c"), "-o", str(folder / "debounce.so")], check=True)

    return ctypes.CDLL(str(made_once(tmp_path_factory, "debounce", make) / "debounce.so"))


@pytest.mark.parametrize(
    ("what", "line", "presses"),
    [
        ("clean", [(0, 0), (100, 1), (200, 0)], [1]),
        ("bounces at both ends", [(0, 0), (100, 1), (103, 0), (104, 1), (200, 0), (205, 1), (209, 0)], [1]),
        ("a spike", [(0, 0), (100, 1), (110, 0)], []),
        ("held at the start", [(0, 1), (500, 0)], []),
        ("held at the start, then pressed", [(0, 1), (500, 0), (600, 1)], [1]),
        ("twice", [(0, 0), (100, 1), (150, 0), (200, 1), (250, 0)], [1, 1]),
        ("for long", [(0, 0), (100, 1)], [1]),
        ("the other one while the first is held", [(0, 0), (100, 1), (200, 3), (300, 1), (400, 0)], [1, 2]),
        ("both", [(0, 0), (100, 3)], [3]),
    ],
)
@pytest.mark.parametrize("every_ms", [1, 15])
def test_one_press_is_one(
    library: ctypes.CDLL, what: str, line: list[tuple[int, int]], presses: list[int], every_ms: int
) -> None:
    switches = (ctypes.c_uint32 * 3)()
    library.fw_debounce_init(switches, line[0][1])
    found = []
    for now_ms in range(0, 1000, every_ms):
        level = [value for at, value in line if at <= now_ms][-1]
        found.append(library.fw_debounce(switches, level, now_ms))
    assert [pressed for pressed in found if pressed] == presses
