"""The examples learn on emulated boards: taught over the link, kept over a reboot, undone; and power fails while they save."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from time import sleep
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.app_model import AppModel
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import load_board
from fieldwren.datasets import centred
from fieldwren.device import DeviceClient
from fieldwren.emulators.qemu import Qemu
from fieldwren.features.wav import read_any_wav
from fieldwren.images import cached_image
from fieldwren.learn.device import wait
from fieldwren.render.app import app_sources
from fieldwren.rows import read_rows
from support import require_data, require_tool

CHANNELS = ("Temperature", "Humidity", "Light", "CO2", "HumidityRatio")


@contextmanager
def running(example: str, board_id: str, arguments: tuple[str, ...] = ()) -> Iterator[tuple[DeviceClient, AppModel]]:
    require_tool("qemu-system-arm")
    require_tool("arm-none-eabi-gcc")
    board = load_board(board_id)
    model, planned = load_device_app(load_app(paths.examples() / example), board)
    image = cached_image(app_sources(model, planned, board), board)
    with Qemu(arguments).start(image.elf, board) as device, DeviceClient(device, board_id) as client:
        yield client, model


def hear(client: DeviceClient, sample: NDArray[Any]) -> str:
    for _ in client.stream(sample):
        pass
    return str(client.command("learn answer")["label"])


def teach(client: DeviceClient, sample: NDArray[Any], label: str) -> None:
    hear(client, sample)
    client.command(f"teach {label}")
    wait(client)


def new_room() -> tuple[NDArray[np.float32], list[str]]:
    """Rows [n, 5] of the held-out days in another room: warmer by 2 °C, 150 ppm more CO2, half the light."""
    table = read_rows(require_data("presence", "occupancy", "datatest.txt"), (*CHANNELS, "Occupancy"))
    rows = table[:, :-1].astype(np.float32) * np.array([1, 1, 0.5, 1, 1], np.float32)
    rows += np.array([2, 0, 0, 150, 0], np.float32)
    return rows, ["occupied" if value else "vacant" for value in table[:, -1]]


def _after_a_reboot(client: DeviceClient) -> None:
    client.command("save")
    wait(client)
    client.reboot()
    assert client.command("learn status")["origin"] == "saved"


@pytest.mark.emulator
@pytest.mark.slow
def test_presence_learns_a_new_room_on_the_microbit() -> None:
    rows, labels = new_room()
    rng = np.random.default_rng(4)
    by_label = {label: rng.permutation([i for i, had in enumerate(labels) if had == label]) for label in set(labels)}
    tested = [int(i) for places in by_label.values() for i in places[25:37]]

    def share(client: DeviceClient) -> float:
        return float(np.mean([hear(client, rows[i : i + 1]) == labels[i] for i in tested]))

    with running("presence", "microbit") as (client, _):
        before = share(client)
        for vacant, occupied in zip(by_label["vacant"][:25], by_label["occupied"][:25], strict=True):
            teach(client, rows[vacant : vacant + 1], "vacant")
            teach(client, rows[occupied : occupied + 1], "occupied")
        client.command("practise 20")
        wait(client)
        assert before < 0.8
        assert share(client) > 0.9
        _after_a_reboot(client)
        assert share(client) > 0.9
        client.command("undo")
        wait(client)
        assert share(client) == before


@pytest.mark.emulator
@pytest.mark.slow
def test_digits_learns_a_new_word() -> None:
    folder = require_data("audio", "speech_commands", "right")
    with running("digits", "mps2-an386") as (client, model):
        front_end: Any = model.front_end
        clips = [
            centred(read_any_wav(file, front_end.sample_rate_hz), front_end.window_total_samples, file.stem)
            for file in sorted(folder.glob("*.wav"))[:6]
        ]
        client.command("class add right")
        for clip in clips[:-1]:
            teach(client, clip, "right")
        client.command("practise 20")
        assert wait(client)["rollbacks"] == 0
        assert hear(client, clips[-1]) == "right"
        _after_a_reboot(client)
        assert hear(client, clips[-1]) == "right"
        client.command("undo")
        wait(client)
        assert client.command("learn answer")["label"] == "_background"  # what it was taken for before
        assert client.command("learn status")["classes"] == 11


class Power:
    """QEMU's machine protocol: takes the power away for a moment. RAM is set up anew; flash stays as it is."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rw")
        self._lines.readline()
        self._ask("qmp_capabilities")

    def fail(self) -> None:
        self._ask("system_reset")

    def _ask(self, command: str) -> None:
        self._lines.write(json.dumps({"execute": command}) + "\n")
        self._lines.flush()
        while "return" not in json.loads(self._lines.readline()):
            pass


@pytest.mark.emulator
@pytest.mark.slow
def test_power_fails_while_the_microbit_saves(tmp_path: Path) -> None:
    """At random instants of saving and erasing ahead, at about four million instructions a second: the record that was
    there before, or the new one, and nothing else."""
    socket_path = tmp_path / "qmp"
    slowly = ("-icount", "shift=8,align=on", "-qmp", f"unix:{socket_path},server=on,wait=off")
    rng, old, new = Random(11), 0, 0
    sample = np.array([[21, 25, 400, 700, 0.004]], np.float32)
    with running("presence", "microbit", slowly) as (client, _):
        power = Power(socket_path)
        teach(client, sample, "vacant")
        client.command("save")
        kept = wait(client)
        known = client.get("head")
        for number in range(16):
            teach(client, sample * (1 + number % 3), ("vacant", "occupied")[number % 2])
            before, coming = kept["updates"], wait(client)["updates"]
            client.command("save")
            sleep(rng.uniform(0, 0.012))
            power.fail()
            client.reconnect()
            kept = client.command("learn status")
            assert kept["origin"] == "saved"
            found = client.get("head")
            assert kept["updates"] in (before, coming)
            assert (found == known) == (kept["updates"] == before)
            old, new, known = old + (found == known), new + (found != known), found
        assert old + new == 16
        client.command("save")
        assert not wait(client)["failed"]
    print(f"{old} times the record before, {new} times the new one")
