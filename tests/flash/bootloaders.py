"""Boards on a desk: bootloaders on pseudo terminals, written from their protocols' documents, and QEMU for what they boot.

What the uploader's own code sends is checked as the bootloader would, kept as the flash's contents, and then run: by QEMU,
which is given these bytes and nothing else. RTS and DTR cannot be seen on a pseudo terminal, so a board starts its image
when the first byte comes that is not its bootloader's: a 0x00, with which a host of the link begins.
"""

from __future__ import annotations

import binascii
import contextlib
import hashlib
import os
import select
import struct
import threading
import tty
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from fieldwren.boards import Board
from fieldwren.emulators import emulator_for
from fieldwren.errors import LinkLostError

SLIP_END, SLIP_ESC = 0xC0, 0xDB
BOARD = "mps2-an386"


def board_file(folder: Path, boards: Path, upload: str) -> Path:
    """QEMU's Cortex-M4 as a board `desk` that is flashed as `upload` says."""
    path = folder / "desk.toml"
    text = (boards / f"{BOARD}.toml").read_text().replace(f'id = "{BOARD}"', 'id = "desk"')
    path.write_text(f"{text}\n{upload}")
    return path


class Bootloader(Protocol):
    """Bytes of one packet in, bytes out; `flash` is the contents that were written and checked, None until then."""

    flash: bytes | None

    def packet(self, packet: bytes) -> list[bytes]:
        """The answers to one packet, both without SLIP."""


def slip(data: bytes) -> bytes:
    """RFC 1055, with a delimiter on both sides."""
    return b"\xc0" + data.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


def unslip(data: bytes) -> bytes:
    """What stands between two delimiters."""
    return data.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")


class EspRom:
    """The ESP32-C3's loader, first in ROM, then as esptool's stub (docs.espressif.com, "Serial Protocol")."""

    CHIP_ID, REGISTER = 5, 0x60002000
    SYNC, SECURITY, READ, WRITE, BAUD, ATTACH, SET = 0x08, 0x14, 0x0A, 0x09, 0x0F, 0x0D, 0x0B
    MEM_BEGIN, MEM_END, MEM_DATA = 0x05, 0x06, 0x07
    BEGIN, DATA, END, DEFL_BEGIN, DEFL_DATA, DEFL_END, MD5 = 0x02, 0x03, 0x04, 0x10, 0x11, 0x12, 0x13

    def __init__(self, *, damaged: bool = False) -> None:
        self.flash: bytes | None = None
        self.commands: list[int] = []
        self._cells = bytearray(b"\xff" * 0x40_0000)
        self._damaged = damaged
        self._registers: dict[int, int] = {}
        self._is_stub = False
        self._at = 0
        self._inflate = zlib.decompressobj()

    def packet(self, packet: bytes) -> list[bytes]:
        direction, command, size, check = struct.unpack_from("<BBHI", packet)
        data = packet[8:]
        assert direction == 0 and size == len(data)
        self.commands.append(command)
        if command in (self.MEM_DATA, self.DATA, self.DEFL_DATA):
            payload = data[16:]
            seed = 0xEF
            for byte in payload:
                seed ^= byte
            assert seed == check, "checksum"
        value, answer = self._do(command, data)
        status = b"\0\0" if self._is_stub else b"\0\0\0\0"
        reply = struct.pack("<BBHI", 1, command, len(answer) + len(status), value) + answer + status
        if command == self.SYNC:
            return [reply] * 8
        if command == self.MEM_END:
            self._is_stub = True
            return [reply, b"OHAI"]
        return [reply]

    def _do(self, command: int, data: bytes) -> tuple[int, bytes]:
        words = struct.unpack_from(f"<{len(data) // 4}I", data)
        if command == self.SYNC:
            return 0x20120707, b""
        if command == self.SECURITY:
            return 0, struct.pack("<IB7xII", 0, 0, self.CHIP_ID, 0)
        if command == self.READ:
            return self._registers.get(words[0], 0), b""
        if command == self.WRITE:
            self._write_register(words[0], words[1])
        elif command in (self.BEGIN, self.DEFL_BEGIN):
            self._at, self._inflate = words[3], zlib.decompressobj()
            self._cells[words[3] : words[3] + words[0]] = b"\xff" * words[0]
        elif command == self.DATA:
            self._put(data[16:])
        elif command == self.DEFL_DATA:
            self._put(self._inflate.decompress(data[16:]))
        elif command == self.MD5:
            content = bytes(self._cells[words[0] : words[0] + words[1]])
            self.flash = bytes(self._cells[: words[0] + words[1]])
            digest = hashlib.md5(content)
            return 0, digest.digest() if self._is_stub else digest.hexdigest().encode()
        return 0, b""

    def _put(self, data: bytes) -> None:
        damage = bytes([data[0] ^ 1]) + data[1:] if self._damaged and data else data
        self._cells[self._at : self._at + len(data)] = damage
        self._at += len(data)

    def _write_register(self, address: int, value: int) -> None:
        self._registers[address] = value
        base = self.REGISTER
        if address == base and value == 1 << 18:  # SPI_CMD_USR: the command in USER2
            self._registers[base] = 0
            if self._registers.get(base + 0x20, 0) & 0xFF == 0x9F:  # read the flash's identification: 4 MiB
                self._registers[base + 0x58] = 0x1640C8


class NordicDfu:
    """Nordic's serial DFU, SDK 11, as Adafruit's bootloader keeps it: HCI packets in SLIP, an init packet, a CRC-16."""

    INIT, START, DATA, STOP = 1, 3, 4, 5
    APPLICATION = 4

    def __init__(self, device_type: int = 0x0052) -> None:
        self.flash: bytes | None = None
        self._device_type = device_type
        self._next = 1
        self._size = 0
        self._crc: int | None = None
        self._data = b""

    def packet(self, packet: bytes) -> list[bytes]:
        header, payload, crc = packet[:4], packet[4:-2], int.from_bytes(packet[-2:], "little")
        assert binascii.crc_hqx(packet[:-2], 0xFFFF) == crc
        assert sum(header) & 0xFF == 0
        assert len(payload) == header[1] >> 4 | header[2] << 4 and header[1] & 15 == 14
        if header[0] & 7 == self._next:  # one that is repeated is only acknowledged again
            if not self._take(int.from_bytes(payload[:4], "little"), payload[4:]):
                return []  # the bootloader falls silent
            self._next = (self._next + 1) % 8
        ack = [(self._next << 3) & 0xFF, 0, 0]
        return [bytes([*ack, -sum(ack) & 0xFF])]

    def _take(self, kind: int, body: bytes) -> bool:
        if kind == self.START:
            mode, soft_device, bootloader, self._size = struct.unpack("<4I", body)
            return (mode, soft_device, bootloader) == (self.APPLICATION, 0, 0)
        if kind == self.INIT:
            device_type, _, _, count = struct.unpack_from("<HHIH", body)
            self._crc = struct.unpack_from("<H", body, 10 + 2 * count)[0]
            return bool(device_type == self._device_type)
        if kind == self.DATA:
            self._data += body
        elif kind == self.STOP:
            assert len(self._data) == self._size and binascii.crc_hqx(self._data, 0xFFFF) == self._crc
            self.flash = self._data
        return True


class BoardOnTerminal:
    """A board whose serial port is a pseudo terminal: its bootloader, and then, in QEMU, what was written."""

    def __init__(self, board: Board, folder: Path, bootloader: Bootloader) -> None:
        self.bootloader = bootloader
        self.path = ""
        self.error: BaseException | None = None
        self._board = board
        self._folder = folder
        self._over = threading.Event()

    @contextlib.contextmanager
    def plugged_in(self) -> Iterator[str]:
        """The port's path, until the block ends."""
        self._ours, theirs = os.openpty()
        tty.setraw(theirs)
        self.path = os.ttyname(theirs)
        thread = threading.Thread(target=self._live, daemon=True)
        thread.start()
        try:
            yield self.path
        finally:
            self._over.set()
            thread.join()
            os.close(self._ours)
            os.close(theirs)
        if self.error is not None:
            raise self.error

    def _read(self) -> bytes:
        ready, _, _ = select.select([self._ours], [], [], 0.1)
        return os.read(self._ours, 4096) if ready else b""

    def _live(self) -> None:
        try:
            first = self._bootload()
            if not self._over.is_set():
                assert self.bootloader.flash is not None
                image = self._folder / "flash.bin"
                image.write_bytes(self.bootloader.flash)
                self._run(image, first)
        except BaseException as error:
            self.error = error

    def _bootload(self) -> bytes:
        """Until the image is written and somebody speaks the link; what they said."""
        packet = b""
        while not self._over.is_set():
            data = self._read()
            for at, byte in enumerate(data):
                if not packet and byte == 0 and self.bootloader.flash is not None:
                    return data[at:]
                if byte != SLIP_END:
                    packet += bytes([byte])
                    continue
                if packet:
                    os.write(self._ours, b"".join(slip(a) for a in self.bootloader.packet(unslip(packet))))
                packet = b""
        return b""

    def _run(self, image: Path, first: bytes) -> None:
        with emulator_for(self._board).start(image, self._board) as device, contextlib.suppress(LinkLostError):
            device.write(first)
            while not self._over.is_set():
                ready, _, _ = select.select([self._ours, device.fileno()], [], [], 0.1)  # type: ignore[attr-defined]
                if self._ours in ready:
                    device.write(os.read(self._ours, 4096))
                if len(ready) > (self._ours in ready):
                    os.write(self._ours, device.read(4096, 0.0))
