"""`fieldwren flash`: an app onto a board, and proof that what runs there is what was meant.

The board's port is found by USB id, the image built and handed to the uploader that the board's file names. Then the
device itself is asked: it must report the build id of this image, and one inference on random inputs must give the very
bits that fw_run gives on this computer.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fieldwren import paths, tools
from fieldwren.app import load_app
from fieldwren.app_model import AppModel
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import Board, Image, build, load_board, write_project
from fieldwren.boards.definition import Upload, with_framework
from fieldwren.core import PORTABLE
from fieldwren.device import DeviceClient
from fieldwren.device.serial_port import PortInfo, SerialTransport, serial_ports
from fieldwren.errors import BadInputError, LinkLostError, MissingToolError
from fieldwren.execute import interpret
from fieldwren.graph import Graph
from fieldwren.images import cached_image
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.render.app import app_sources
from fieldwren.sources import Sources
from fieldwren.tflite import read_model

_UPLOAD_TIMEOUT_S = 300.0
_UPLOAD_BAUD = 460_800


@dataclass(frozen=True)
class FlashResult:
    """What was flashed, by which tool, and whether the device agrees.

    `verified`: it reports this image's build id, and its self-test inference equals the host's.
    `address` is what `fieldwren monitor` takes.
    """

    app: str
    board: str
    tool: str
    port: str
    address: str
    image: str
    reported_image: str
    self_test: bool

    @property
    def verified(self) -> bool:
        """Whether the device runs this image, and as the host does."""
        return self.self_test and self.image == self.reported_image


def flash(
    app: str | Path, board: str, *, port: str | None = None, probe: str = "auto", framework: str | None = None
) -> FlashResult:
    """Builds the app folder `app`, writes it to the connected `board`, and checks it there.

    `port` is the serial port (else the one whose USB id is the board's), `probe` the debug probe's serial number (else
    the only one). Raises MissingToolError for no port, several, one that is busy or forbidden, or a missing uploader;
    LinkLostError when the uploader fails or the device does not answer.
    """
    target = with_framework(load_board(board), framework)
    if target.upload is None:
        raise BadInputError(f"{target.id}: nothing is known about flashing it: its file has no [upload]")
    found = choose_port(target, target.upload) if port is None else PortInfo(port, "given by --port", None, None, None)
    _try(found)
    model, planned = load_device_app(load_app(app), target)
    sources = app_sources(model, planned, target)
    image = _built(sources, target)
    _upload(command_of(target, target.upload, image, found.path, probe), target)
    address = f"{found.path}@{target.link.baud or 115_200}"
    with DeviceClient.open(address) as client:
        reported = client.info.image
        equal = reported == sources.build_id and _self_test(client, model)
    return FlashResult(
        model.app.name, target.id, target.upload.tool, str(found), address, sources.build_id, reported, equal
    )


def choose_port(board: Board, upload: Upload, ports: Sequence[PortInfo] | None = None) -> PortInfo:
    """The one serial port with a USB id of the board's. Raises MissingToolError when there is none or more than one."""
    known = serial_ports() if ports is None else ports
    matching = [
        p for p in known if p.vid is not None and p.pid is not None and f"{p.vid:04x}:{p.pid:04x}" in upload.usb
    ]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise MissingToolError(
            f"{board.id}: {len(matching)} ports could be it: {', '.join(map(str, matching))}: choose one with --port"
        )
    others = ", ".join(map(str, known)) or "none"
    raise MissingToolError(
        f"{board.id}: no serial port has its USB id ({', '.join(upload.usb)}): plug it in with a cable that carries data, or "
        f"name its port with --port (ports there are: {others})"
    )


def udev_line(port: PortInfo) -> str:
    """The udev rule that gives whoever sits at this computer access to the port's device."""
    return (
        f'SUBSYSTEM=="tty", ATTRS{{idVendor}}=="{port.vid:04x}", ATTRS{{idProduct}}=="{port.pid:04x}", TAG+="uaccess"'
    )


def _try(port: PortInfo) -> None:
    """Opens the port once before anything is built. Raises MissingToolError for one that is busy or forbidden."""
    if port.vid is not None and Path(port.path).exists() and not os.access(port.path, os.R_OK | os.W_OK):
        raise MissingToolError(
            f"{port.path}: {os.strerror(errno.EACCES)}: put the line {udev_line(port)} into /etc/udev/rules.d/"
            "70-fieldwren.rules, run `sudo udevadm control --reload`, and plug the board in again"
        )
    SerialTransport(port.path, 115_200).close()


def _built(sources: Sources, board: Board) -> Image:
    """In the cache; PlatformIO's uploader needs the whole project, so that is built in a folder of its own."""
    if board.upload is not None and board.upload.tool != "platformio":
        return cached_image(sources, board)
    folder = paths.cache() / "flash" / f"{board.id}-{board.framework or 'bare'}"
    return build(write_project(sources, board, folder))


def command_of(board: Board, upload: Upload, image: Image, port: str, probe: str) -> list[str]:
    """The uploader's command line. Raises MissingToolError when the uploader is not installed."""
    if upload.tool == "esptool":
        if importlib.util.find_spec("esptool") is None:
            raise MissingToolError(f"esptool, which flashes {board.id}, is not installed: pip install esptool")
        binary = flat_binary(image)
        options = ["--chip", upload.target, "--port", port, "--baud", str(_UPLOAD_BAUD)]
        return [sys.executable, "-m", "esptool", *options, "write-flash", f"{upload.offset:#x}", str(binary)]
    if upload.tool == "pyocd":
        chosen = [] if probe == "auto" else ["--uid", probe]
        program = str(tools.require("pyocd", f"which flashes {board.id}"))
        return [program, "flash", "--target", upload.target, *chosen, "--format", "elf", str(image.elf)]
    folder = str(image.project.directory)
    command = [sys.executable, "-m", "platformio", "run", "-d", folder, "-t", "upload", "--upload-port", port]
    return command


def flat_binary(image: Image) -> Path:
    """The contents of the flash as a file, beside the ELF file they are read from."""
    from elftools.elf.elffile import ELFFile

    from fieldwren.boards.image import flash_contents

    path = image.elf.with_suffix(".bin")
    with image.elf.open("rb") as stream:
        path.write_bytes(flash_contents(ELFFile(stream)))
    return path


def _upload(command: Sequence[str], board: Board) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_UPLOAD_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LinkLostError(f"{board.id}: the uploader did not end within {_UPLOAD_TIMEOUT_S:g} s") from error
    if done.returncode != 0:
        lines = [line for line in done.stdout.strip().splitlines() if line.strip()] or ["no output"]
        telling = next((line for line in reversed(lines) if "rror" in line or "ailed" in line), lines[-1])
        raise LinkLostError(f"{board.id}: the uploader ended with exit code {done.returncode}: {telling.strip()}")


def _self_test(client: DeviceClient, model: AppModel) -> bool:
    """One inference on random inputs, on the device and by fw_run here, both from the first state: equal bits?"""
    # The same graph that the firmware runs, with the kernels that this computer has.
    planned = plan(lower(_graph(model), PORTABLE))
    listening = client.status().source == "sensor"
    if listening:
        client.command("stream stop")
    client.reset()
    random = np.random.default_rng(1)
    inputs = []
    for port in planned.program.inputs:
        dtype = np.dtype(port.dtype)
        if dtype.kind == "f":
            inputs.append(random.normal(size=port.shape).astype(dtype))
        else:
            limits = np.iinfo(dtype)
            inputs.append(random.integers(limits.min, limits.max, port.shape, dtype=dtype, endpoint=True))
    expected = interpret(planned, [array[None] for array in inputs]).outputs
    found = client.infer(inputs)
    if listening:
        client.command("stream start sensor")
    return all(a.tobytes() == b[0].tobytes() for a, b in zip(found, expected, strict=True))


def _graph(model: AppModel) -> Graph:
    """What the firmware runs: the model, or its backbone if its last layer learns, whole or hop by hop."""
    if model.streaming is not None:
        return model.streaming.graph
    graph = read_model(model.app.model_path)
    if model.factory is None:
        return graph
    from fieldwren.learn.settings import app_factory

    return app_factory(model.app, graph, model.labels)[0]
