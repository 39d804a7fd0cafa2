"""Real serial ports: opening them with clear words when that fails, and finding the one a board is on."""

from __future__ import annotations

import contextlib
import errno
import time
from dataclasses import dataclass
from typing import Any

from fieldwren.errors import BadInputError, LinkLostError, MissingToolError

WRITE_TIMEOUT_S = 10.0

KNOWN_USB_IDS: dict[tuple[int, int], str] = {
    (0x2341, 0x805A): "Arduino Nano 33 BLE",
    (0x2341, 0x005A): "Arduino Nano 33 BLE (bootloader)",
    (0x2886, 0x8045): "Seeed XIAO nRF52840 Sense",
    (0x2886, 0x0045): "Seeed XIAO nRF52840 Sense (bootloader)",
    (0x1366, 0x1015): "SEGGER J-Link (nRF52840-DK)",
    (0x1366, 0x0105): "SEGGER J-Link",
    (0x1366, 0x1025): "SEGGER J-Link",
    (0x1366, 0x1051): "SEGGER J-Link",
    (0x1366, 0x1055): "SEGGER J-Link",
    (0x0D28, 0x0204): "DAPLink (micro:bit)",
    (0x303A, 0x1001): "Espressif USB Serial/JTAG (ESP32-C3, ESP32-S3)",
    (0x10C4, 0xEA60): "Silicon Labs CP210x (ESP32 development boards)",
    (0x1A86, 0x7523): "WCH CH340 (ESP32 development boards)",
    (0x1A86, 0x55D4): "WCH CH9102 (ESP32 development boards)",
    (0x0403, 0x6010): "FTDI FT2232H",
    (0x0403, 0x6001): "FTDI FT232R",
}
"""USB vendor and product of what sits between a computer and the boards fieldwren knows."""


@dataclass(frozen=True)
class PortInfo:
    """One serial port of this computer. `vid` and `pid` are None for a port that is not on USB."""

    path: str
    description: str
    vid: int | None
    pid: int | None
    serial_number: str | None

    @property
    def board(self) -> str | None:
        """What is known to sit at such a port."""
        return None if self.vid is None or self.pid is None else KNOWN_USB_IDS.get((self.vid, self.pid))

    @property
    def usb_id(self) -> str | None:
        """`vid:pid` in hexadecimal, as boards' files have it."""
        return None if self.vid is None or self.pid is None else f"{self.vid:04x}:{self.pid:04x}"

    def __str__(self) -> str:
        ids = "" if self.usb_id is None else f" [{self.usb_id}]"
        return f"{self.path} ({self.board or self.description}{ids})"


def serial_ports() -> list[PortInfo]:
    """All serial ports of this computer, by name."""
    from serial.tools import list_ports

    return sorted(
        (PortInfo(p.device, p.description or "", p.vid, p.pid, p.serial_number) for p in list_ports.comports()),
        key=lambda port: port.path,
    )


def find_port(ids: str | None = None, ports: list[PortInfo] | None = None) -> PortInfo:
    """The one port of a known board, or the one with USB ids "VID:PID" (hexadecimal).

    Raises MissingToolError when there is none or more than one, BadInputError for ids that are not of this form.
    """
    found = serial_ports() if ports is None else ports
    if ids is None:
        matching, wanted = [port for port in found if port.board is not None], "a known board"
    else:
        vid, pid = _parse_ids(ids)
        matching, wanted = [port for port in found if (port.vid, port.pid) == (vid, pid)], f"USB id {vid:04x}:{pid:04x}"
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise MissingToolError(
            f"{len(matching)} serial ports belong to {wanted}: {', '.join(map(str, matching))}: name one of them"
        )
    others = f"; other ports: {', '.join(map(str, found))}" if found else ""
    raise MissingToolError(f"no serial port belongs to {wanted}: plug the board in, or try another cable{others}")


def _parse_ids(ids: str) -> tuple[int, int]:
    vid, _, pid = ids.partition(":")
    try:
        return int(vid, 16), int(pid, 16)
    except ValueError as error:
        raise BadInputError(f"{ids!r} are no USB ids: give them as VID:PID, for example 2341:805a") from error


def open_usb(target: str, baud: int) -> SerialTransport:
    """The port that `usb` or `usb:VID:PID` means, opened."""
    _, _, ids = target.partition(":")
    return SerialTransport(find_port(ids or None).path, baud)


class SerialTransport:
    """A serial port, 8N1, taken for this program alone. DTR is set, which USB boards take for "somebody listens"."""

    def __init__(self, path: str, baud: int) -> None:
        import serial

        self.name = path
        self._path = path
        self._baud = baud
        self._port: Any = None
        try:
            exclusive = None if path.upper().startswith("COM") else True
            self._port = serial.Serial(path, baud, timeout=0.0, write_timeout=WRITE_TIMEOUT_S, exclusive=exclusive)
        except ValueError as error:
            raise BadInputError(f"{path}: {baud} baud is not possible: {error}") from error
        except (OSError, serial.SerialException) as error:
            raise MissingToolError(explain_open_error(path, error)) from error

    def read(self, size: int, timeout_s: float) -> bytes:
        """Up to `size` bytes; empty when none came in time. Raises LinkLostError when the port is gone."""
        deadline = time.monotonic() + max(0.0, timeout_s)
        try:
            waiting = self._port.in_waiting
            if waiting == 0:
                # One byte ends the wait; the rest of what came with it follows without waiting.
                self._port.timeout = max(0.0, deadline - time.monotonic())
                first = self._port.read(1)
                self._port.timeout = 0.0
                return bytes(first) + (bytes(self._port.read(size - 1)) if first else b"")
            return bytes(self._port.read(min(size, waiting)))
        except (OSError, TypeError, ValueError) as error:  # pyserial raises the latter two on a port closed under it
            raise LinkLostError(f"{self.name}: the port is gone: is the board still plugged in?") from error

    def write(self, data: bytes) -> None:
        """Sends all of `data`. Raises LinkLostError when the port is gone or takes nothing."""
        import serial

        try:
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise LinkLostError(f"{self.name}: the device took no bytes for {WRITE_TIMEOUT_S:g} s") from error
        except (OSError, TypeError, ValueError) as error:
            raise LinkLostError(f"{self.name}: the port is gone: is the board still plugged in?") from error

    def close(self) -> None:
        """Lets go of the port."""
        with contextlib.suppress(OSError):
            self._port.close()


def explain_open_error(path: str, error: Exception) -> str:
    """Why a port could not be opened, and what to do."""
    number = getattr(error, "errno", None)
    text = str(error).lower()
    if number == errno.EACCES or "permission" in text or "access is denied" in text:
        return (
            f"{path}: no permission: join the group that owns it (`sudo usermod -aG dialout $USER`, then log in again), or "
            "install a udev rule that gives you access (`fieldwren doctor` says which); on Windows another program has it open"
        )
    if number == errno.ENOENT or "no such file" in text or "could not find" in text or "filenotfound" in text:
        known = ", ".join(map(str, serial_ports())) or "none"
        return f"{path}: there is no such port: plug the board in (ports there are: {known})"
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in text or "busy" in text:
        return f"{path}: another program has it open: close its monitor, then try again"
    return f"{path}: cannot be opened: {error}"
