"""The verb: find the board, build, write, and ask the device whether it runs what was meant, as this computer does."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import Board, Image, build, load_board, write_project
from fieldwren.boards.definition import Upload, Way, with_framework
from fieldwren.device import DeviceClient
from fieldwren.device.serial_port import serial_ports
from fieldwren.errors import BadInputError, LinkLostError, MissingToolError
from fieldwren.flash.desk import look
from fieldwren.flash.place import AUTO, UPLOADERS, check_port, choose, choose_port
from fieldwren.flash.self_test import self_test
from fieldwren.flash.uploader import Job, Place
from fieldwren.images import cached_image
from fieldwren.render.app import app_sources
from fieldwren.sources import Sources

_DEFAULT_BAUD = 115_200
_PORT_TIMEOUT_S = 15.0
"""A board with native USB leaves the computer while it restarts, and comes back with another USB id."""
_LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class FlashResult:
    """What was flashed, by which tool and where, and whether the device agrees.

    `verified`: it reports this image's build id, and its self-test inference equals the host's.
    `probe` and `drive` are None where the image did not go that way; `address` is what `fieldwren monitor` takes.
    """

    app: str
    board: str
    tool: str
    port: str
    probe: str | None
    drive: str | None
    address: str
    image: str
    reported_image: str
    self_test: bool

    @property
    def verified(self) -> bool:
        """Whether the device runs this image, and as the host does."""
        return self.self_test and self.image == self.reported_image


def flash(
    app: str | Path,
    board: str,
    *,
    port: str | None = None,
    probe: str = AUTO,
    by: Way | None = None,
    framework: str | None = None,
) -> FlashResult:
    """Builds the app folder `app`, writes it to the connected `board`, and checks it there.

    `port` is the serial port (else the one whose USB id is the board's) or the drive of a UF2 bootloader, `probe` the debug
    probe's serial number (`auto`: the board's own, else the only one), `by` the tool (else the first of the board's that
    can). Raises MissingToolError for no port, several, one that is busy or forbidden, or a missing uploader; LinkLostError
    when the uploader fails or the device does not answer.
    """
    target = with_framework(load_board(board), framework)
    if target.upload is None:
        raise BadInputError(f"{target.id}: nothing is known about flashing it: its file has no [upload]")
    way, place = choose(target, target.upload, look(), way=by, port=port, probe=probe)
    model, planned = load_device_app(load_app(app), target)
    sources = app_sources(model, planned, target)
    doubt = UPLOADERS[way].write(Job(target, target.upload, _built(sources, target, way), place))
    try:
        path = _link_port(target, target.upload, place)
        address = f"{path}@{target.link.baud or _DEFAULT_BAUD}"
        with DeviceClient.open(address) as client:
            reported = client.info.image
            equal = reported == sources.build_id and self_test(client, model)
    except LinkLostError as error:
        raise LinkLostError(f"{error}; {doubt}" if doubt else str(error)) from error
    return FlashResult(
        model.app.name,
        target.id,
        way,
        str(place.port or path),
        str(place.probe) if place.probe else None,
        str(place.drive) if place.drive else None,
        address,
        sources.build_id,
        reported,
        equal,
    )


def _built(sources: Sources, board: Board, way: Way) -> Image:
    """In the cache; PlatformIO's uploader needs the whole project, so that is built in a folder of its own."""
    if way != "platformio":
        return cached_image(sources, board)
    folder = paths.cache() / "flash" / f"{board.id}-{board.framework or 'bare'}"
    return build(write_project(sources, board, folder))


def _link_port(board: Board, upload: Upload, place: Place) -> str:
    """The port that the image answers on, once it is there: the one it was written by, or the board's USB id's."""
    deadline = time.monotonic() + _PORT_TIMEOUT_S
    while True:
        try:
            port = place.port
            if port is None or not Path(port.path).exists():
                running = [known for known in serial_ports() if known.usb_id not in upload.bootloader]
                port = choose_port(board, upload, running)
            check_port(port)
            return port.path
        except MissingToolError as error:
            if time.monotonic() >= deadline:
                raise LinkLostError(
                    f"{board.id}: written, but its serial port did not come back within {_PORT_TIMEOUT_S:g} s: {error}"
                ) from error
        time.sleep(_LOOK_EVERY_S)
