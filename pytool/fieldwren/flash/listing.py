"""`fieldwren flash --list`: ports, probes and drives by USB id, and the boards that each could be."""

from __future__ import annotations

from dataclasses import dataclass

from fieldwren.boards import Board, board_ids, load_board
from fieldwren.device.serial_port import PortInfo
from fieldwren.errors import MissingToolError
from fieldwren.flash.desk import Desk, look
from fieldwren.flash.place import check_port


@dataclass(frozen=True)
class Attached:
    """One thing that is plugged in. `boards` could be it; `problem`: why it cannot be used now, None if it can."""

    kind: str
    name: str
    description: str
    usb_id: str | None
    serial_number: str | None
    boards: tuple[str, ...]
    problem: str | None


def attached(board: str | None = None, desk: Desk | None = None) -> tuple[Attached, ...]:
    """Everything on the desk, or what could be `board`."""
    found = look() if desk is None else desk
    boards = [load_board(name) for name in board_ids()] if board is None else [load_board(board)]
    ports = [
        Attached(
            "port",
            port.path,
            port.board or port.description,
            port.usb_id,
            port.serial_number,
            _by_usb(boards, port.usb_id),
            _problem(port),
        )
        for port in found.ports
    ]
    probes = [
        Attached(
            "probe",
            probe.serial_number,
            probe.name,
            usb_id := f"{probe.vid:04x}:{probe.pid:04x}",
            probe.serial_number,
            _by_usb(boards, usb_id),
            None,
        )
        for probe in found.probes
    ]
    drives = [
        Attached("drive", str(drive.path), drive.model, None, None, _by_drive(boards, drive.board_id), None)
        for drive in found.drives
    ]
    everything = (*ports, *probes, *drives)
    return everything if board is None else tuple(item for item in everything if item.boards)


def _by_usb(boards: list[Board], usb_id: str | None) -> tuple[str, ...]:
    return tuple(b.id for b in boards if b.upload is not None and usb_id is not None and usb_id in b.upload.usb)


def _by_drive(boards: list[Board], board_id: str) -> tuple[str, ...]:
    return tuple(b.id for b in boards if b.upload and b.upload.uf2 and board_id in b.upload.uf2.board_ids)


def _problem(port: PortInfo) -> str | None:
    if port.vid is None:
        return None  # a port of the mainboard: opening it may disturb whatever hangs there
    try:
        check_port(port)
    except MissingToolError as error:
        return str(error)
    return None
