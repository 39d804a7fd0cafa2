"""Which way to write a board, and which of the things on the desk is the board. No, several, busy, forbidden: each said."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from fieldwren.boards import Board
from fieldwren.boards.definition import Upload, Way
from fieldwren.device.serial_port import PortInfo, SerialTransport
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.flash.desk import INFO_FILE, Desk, Drive, Probe, drive_at
from fieldwren.flash.esptool import Esptool
from fieldwren.flash.nrfutil import NrfUtil
from fieldwren.flash.platformio import PlatformIo
from fieldwren.flash.pyocd import PyOcd
from fieldwren.flash.uf2 import Uf2
from fieldwren.flash.uploader import Place, Uploader

UPLOADERS: Mapping[Way, Uploader] = {
    "platformio": PlatformIo(),
    "esptool": Esptool(),
    "pyocd": PyOcd(),
    "nrfutil": NrfUtil(),
    "uf2": Uf2(),
}

AUTO = "auto"
RULES = "/etc/udev/rules.d/70-fieldwren.rules"


def choose(
    board: Board, upload: Upload, desk: Desk, *, way: Way | None, port: str | None, probe: str
) -> tuple[Way, Place]:
    """The first of the board's ways whose tool is installed and whose place is found; with `way` that one alone.

    `port` is a serial port, or a UF2 bootloader's drive; `probe` a serial number or `auto`. Raises BadInputError for a way
    that the board does not have, MissingToolError saying of each way why it does not go.
    """
    if way is not None and way not in upload.ways:
        raise BadInputError(f"{board.id}: is not flashed by {way}; its ways are {', '.join(upload.ways)}")
    given = drive_at(Path(port)) if port is not None else None
    if port is not None and given is None and Path(port).is_dir():
        raise BadInputError(f"{port}: is a folder without {INFO_FILE}, so not the drive of a UF2 bootloader")
    refused: list[str] = []
    for candidate in (way,) if way is not None else upload.ways:
        uploader = UPLOADERS[candidate]
        if given is not None and uploader.needs != "drive":
            refused.append(f"{candidate}: does not write drives")
            continue
        lacking = uploader.lacks()
        if lacking is not None:
            refused.append(lacking)
            continue
        try:
            return candidate, _place(board, upload, uploader, desk, port=port, given=given, probe=probe)
        except MissingToolError as error:
            refused.append(str(error).removeprefix(f"{board.id}: "))
    raise MissingToolError(f"{board.id}: {'; '.join(dict.fromkeys(refused))}")


def _place(
    board: Board, upload: Upload, uploader: Uploader, desk: Desk, *, port: str | None, given: Drive | None, probe: str
) -> Place:
    if uploader.needs == "drive":
        if port is not None and given is None:
            raise MissingToolError(f"{port} is not the drive of a UF2 bootloader")
        return Place(drive=given or choose_drive(board, upload, desk.drives))
    if port is not None:
        named = next((found for found in desk.ports if found.path == port), None)
        found = named or PortInfo(port, "given by --port", None, None, None)
    else:
        found = choose_port(board, upload, desk.ports)
    check_port(found)
    chosen = choose_probe(board, upload, desk.probes, found, probe) if uploader.needs == "probe" else None
    return Place(port=found, probe=chosen)


def choose_port(board: Board, upload: Upload, ports: Sequence[PortInfo]) -> PortInfo:
    """The one serial port with a USB id of the board's. Raises MissingToolError when there is none or more than one."""
    matching = [port for port in ports if port.usb_id in upload.usb]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise MissingToolError(
            f"{board.id}: {len(matching)} ports could be it: {', '.join(map(str, matching))}: choose one with --port"
        )
    others = ", ".join(map(str, ports)) or "none"
    raise MissingToolError(
        f"{board.id}: no serial port has its USB id ({', '.join(upload.usb)}): plug it in with a cable that carries data, or "
        f"name its port with --port (ports there are: {others})"
    )


def choose_probe(
    board: Board, upload: Upload, probes: Sequence[Probe], port: PortInfo, probe: str
) -> Probe | str | None:
    """The probe with the serial number `probe`; for `auto` the one that brings `port` along, else the only one.

    None where no probe is seen: the uploader knows more kinds of them, and looks itself. Raises MissingToolError for
    several, or one that this user may not open.
    """
    if probe != AUTO:
        found = next((known for known in probes if known.serial_number == probe), None)
        if found is not None:
            _check_probe(found)
        return found or probe
    own = [known for known in probes if known.serial_number and known.serial_number == port.serial_number]
    if not own:
        of_board = [known for known in probes if f"{known.vid:04x}:{known.pid:04x}" in upload.usb]
        own = of_board or list(probes)
    if len(own) > 1:
        raise MissingToolError(
            f"{board.id}: {len(own)} debug probes could be its: {', '.join(map(str, own))}: choose one with --probe"
        )
    if not own:
        return None
    _check_probe(own[0])
    return own[0]


def choose_drive(board: Board, upload: Upload, drives: Sequence[Drive]) -> Drive:
    """The one drive with a Board-ID of the board's. Raises MissingToolError when there is none or more than one."""
    assert upload.uf2 is not None
    wanted = upload.uf2.board_ids
    matching = [drive for drive in drives if drive.board_id in wanted]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise MissingToolError(
            f"{board.id}: {len(matching)} drives could be it: {', '.join(map(str, matching))}: choose one with --port"
        )
    others = ", ".join(map(str, drives)) or "none"
    raise MissingToolError(
        f"{board.id}: no drive of a UF2 bootloader is its ({', '.join(wanted)}): press its reset button twice and mount the "
        f"drive that appears, or name it with --port (such drives there are: {others})"
    )


def check_port(port: PortInfo) -> None:
    """Opens the port once before anything is built. Raises MissingToolError for one that is busy or forbidden."""
    if port.vid is not None and Path(port.path).exists() and not os.access(port.path, os.R_OK | os.W_OK):
        raise MissingToolError(_forbidden(port.path, udev_line("tty", port.vid, port.pid or 0)))
    SerialTransport(port.path, 115_200).close()


def _check_probe(probe: Probe) -> None:
    node = probe.node
    if node is not None and node.exists() and not os.access(node, os.R_OK | os.W_OK):
        raise MissingToolError(_forbidden(f"debug probe {probe}", udev_line("usb", probe.vid, probe.pid)))


def _forbidden(what: str, rule: str) -> str:
    return (
        f"{what}: {os.strerror(errno.EACCES)}: put the line {rule} into {RULES}, run `sudo udevadm control --reload`, and "
        "plug the board in again"
    )


def udev_line(subsystem: str, vid: int, pid: int) -> str:
    """The udev rule that gives whoever sits at this computer access to a device of `subsystem` (tty, usb)."""
    return f'SUBSYSTEM=="{subsystem}", ATTRS{{idVendor}}=="{vid:04x}", ATTRS{{idProduct}}=="{pid:04x}", TAG+="uaccess"'
