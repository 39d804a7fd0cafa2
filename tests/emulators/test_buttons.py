"""The micro:bit's own buttons: QEMU's test protocol pulls their pins, the firmware reads the registers."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from fieldwren.app import load_app
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import load_board
from fieldwren.device import DeviceClient
from fieldwren.emulators.qemu import Qemu
from fieldwren.images import cached_image
from fieldwren.learn.device import wait
from fieldwren.render.app import app_sources
from support import CHECKOUT, require_tool

A, B = 17, 26
"""Pins of the buttons, from the micro:bit's schematics."""
BUTTONS = '\n[[learn.buttons]]\nteach = "occupied"\n\n[[learn.buttons]]\nundo = true\n'


class Pins:
    """QEMU's qtest socket, on which it asks for us."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "qtest"
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self.path))
        self._server.listen()

    def __enter__(self) -> Pins:
        self._stream = self._server.accept()[0].makefile("rwb", buffering=0)
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._server.close()

    def set(self, pin: int, level: int) -> None:
        self._stream.write(f"set_irq_in /machine/nrf51 unnamed-gpio-in {pin} {level}\n".encode())
        assert self._stream.readline().strip() == b"OK"


def _taught(client: DeviceClient, expected: int) -> None:
    """Waits until so many lessons were taught."""
    deadline = time.monotonic() + 10.0
    while (said := int(client.command("learn status")["taught"])) < expected and time.monotonic() < deadline:
        pass
    assert said == expected


def _stays(client: DeviceClient) -> None:
    """Waits, by the board's own clock, for longer than a switch bounces."""
    until = client.status().uptime_ms + 60
    while client.status().uptime_ms < until:
        pass


@pytest.mark.emulator
@pytest.mark.slow
def test_the_microbits_buttons_teach_and_undo(tmp_path: Path) -> None:
    require_tool("qemu-system-arm")
    require_tool("arm-none-eabi-gcc")
    copytree(CHECKOUT / "examples" / "presence", tmp_path / "presence")
    with (tmp_path / "presence" / "fieldwren.toml").open("a") as manifest:
        manifest.write(BUTTONS)
    board = load_board("microbit")
    assert [button.pin for button in board.buttons] == [A, B]
    image = cached_image(app_sources(*load_device_app(load_app(tmp_path / "presence"), board), board), board)
    pins = Pins(tmp_path)
    arguments = ("-qtest", f"unix:{pins.path}", "-qtest-log", "none")
    with Qemu(arguments).start(image.elf, board) as device, pins, DeviceClient(device, board.id) as client:
        for _ in client.stream(np.array([[22, 27, 400, 700, 0.004]], np.float32)):
            pass
        for level in (0, 1, 0, 1, 0):  # it bounces, and stays down
            pins.set(A, level)
        _taught(client, 1)
        for level in (1, 0, 1):
            pins.set(A, level)
        _stays(client)
        assert wait(client)["taught"] == 1 and client.command("learn status")["unsaved"]
        pins.set(A, 0)
        _taught(client, 2)
        pins.set(A, 1)
        _stays(client)
        wait(client)
        pins.set(B, 0)
        deadline = time.monotonic() + 10.0
        while client.command("learn class occupied")["taught"] and time.monotonic() < deadline:
            pass
        assert client.command("learn class occupied")["taught"] == 0  # back at the factory head
