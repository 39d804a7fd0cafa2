"""What is plugged in: serial ports, debug probes, and the drives of UF2 bootloaders."""

from __future__ import annotations

import re
import string
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fieldwren.device.serial_port import PortInfo, serial_ports

INFO_FILE = "INFO_UF2.TXT"
"""The file by which a UF2 bootloader's drive is known, and the board on it (github.com/microsoft/uf2)."""

_SYSFS = Path("/sys/bus/usb/devices")
_MOUNTS = Path("/proc/self/mounts")
_FAT = {"vfat", "msdos", "exfat", "fuseblk"}
_INFO_BYTES_MOST = 4096

_SEGGER, _DAPLINK = 0x1366, (0x0D28, 0x0204)


@dataclass(frozen=True)
class Probe:
    """A debug probe on USB. `node` is the device file that programs open, None where there is none to see."""

    vid: int
    pid: int
    serial_number: str
    name: str
    node: Path | None = None

    def __str__(self) -> str:
        return f"{self.serial_number} ({self.name} [{self.vid:04x}:{self.pid:04x}])"


@dataclass(frozen=True)
class Drive:
    """The drive of a UF2 bootloader that runs now; what its INFO_UF2.TXT says."""

    path: Path
    model: str
    board_id: str

    def __str__(self) -> str:
        return f"{self.path} ({self.model}, Board-ID {self.board_id})"


@dataclass(frozen=True)
class Desk:
    """Everything that was found, sorted by name."""

    ports: tuple[PortInfo, ...] = ()
    probes: tuple[Probe, ...] = ()
    drives: tuple[Drive, ...] = ()


def look() -> Desk:
    """What is plugged in now."""
    ports = tuple(serial_ports())
    return Desk(ports, probes(ports), drives())


def probes(ports: Iterable[PortInfo], sysfs: Path = _SYSFS) -> tuple[Probe, ...]:
    """Debug probes: J-Link, DAPLink, and whatever calls itself CMSIS-DAP, as the CMSIS-DAP specification asks.

    Linux lists USB devices as files; elsewhere a probe is known by the serial port that it brings along.
    """
    if sysfs.is_dir():
        found = [probe for folder in sorted(sysfs.iterdir()) if (probe := _probe_of(folder)) is not None]
    else:
        found = [
            Probe(port.vid, port.pid, port.serial_number, port.board or port.description)
            for port in ports
            if port.vid is not None and port.pid is not None and port.serial_number
            if _is_probe(port.vid, port.pid, port.description)
        ]
    return tuple(sorted(set(found), key=lambda probe: probe.serial_number))


def _is_probe(vid: int, pid: int, name: str) -> bool:
    return vid == _SEGGER or (vid, pid) == _DAPLINK or "CMSIS-DAP" in name


def _probe_of(folder: Path) -> Probe | None:
    def text(name: str) -> str:
        try:
            return (folder / name).read_text(errors="replace").strip()
        except OSError:
            return ""

    try:
        vid, pid = int(text("idVendor"), 16), int(text("idProduct"), 16)
    except ValueError:
        return None  # an interface or a hub's port: not a device
    name = " ".join(part for part in (text("manufacturer"), text("product")) if part)
    if not _is_probe(vid, pid, name):
        return None
    number = (text("busnum"), text("devnum"))
    node = Path("/dev/bus/usb", *(f"{int(part):03d}" for part in number)) if all(map(str.isdecimal, number)) else None
    return Probe(vid, pid, text("serial"), name or "debug probe", node)


def drives(places: Iterable[Path] | None = None) -> tuple[Drive, ...]:
    """The drives of UF2 bootloaders among `places`, by default all mounted FAT drives."""
    found = [drive for place in (mounted() if places is None else places) if (drive := drive_at(place)) is not None]
    return tuple(sorted(found, key=lambda drive: drive.path))


def mounted() -> tuple[Path, ...]:
    """Where drives are mounted that a bootloader could have made. Network drives are not touched: they may hang."""
    if sys.platform == "win32":
        return tuple(Path(f"{letter}:\\") for letter in string.ascii_uppercase[2:])
    if sys.platform == "darwin":
        return tuple(sorted(Path("/Volumes").iterdir()))
    return mounts_of(_MOUNTS.read_text(errors="surrogateescape")) if _MOUNTS.exists() else ()


def mounts_of(table: str) -> tuple[Path, ...]:
    """The FAT drives of a table in the form of /proc/mounts, where a space in a name is \\040."""
    rows = [line.split() for line in table.splitlines()]
    places = [row[1] for row in rows if len(row) >= 3 and row[2] in _FAT]
    return tuple(Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), place)) for place in places)


def drive_at(place: Path) -> Drive | None:
    """The UF2 bootloader's drive mounted at `place`; None if that is none."""
    try:
        with (place / INFO_FILE).open("rb") as file:
            info = file.read(_INFO_BYTES_MOST).decode("utf-8", "replace")
    except OSError:
        return None
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in info.splitlines())}
    return Drive(place, fields.get("Model", "unknown"), fields.get("Board-ID", "unknown"))
