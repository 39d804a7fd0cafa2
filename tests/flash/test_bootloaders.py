"""The uploaders' real code against bootloaders on pseudo terminals and a drive; what they wrote runs, and agrees."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import Board, load_board
from fieldwren.device.serial_port import PortInfo
from fieldwren.errors import BadInputError, LinkLostError, MissingToolError
from fieldwren.flash import Drive, flash
from fieldwren.flash.contents import contents_of
from fieldwren.flash.uf2_format import uf2_file
from fieldwren.images import cached_image
from fieldwren.render.app import app_sources
from flash.bootloaders import BoardOnTerminal, EspRom, NordicDfu, board_file
from support import CHECKOUT, require_module, require_tool

APP = CHECKOUT / "examples" / "presence"
FAMILY = 0xADA52840


def upload(ways: str, tables: str) -> str:
    return f'[upload]\nways = {ways}\nusb = ["1209:0001"]\n{tables}'


ESP = upload('["esptool"]', '[upload.esptool]\nchip = "esp32c3"\n')
DFU = upload('["nrfutil"]', "[upload.nrfutil]\ndevice_type = 0x0052\n")
UF2 = upload('["uf2"]', f'[upload.uf2]\nfamily = {FAMILY:#x}\nboard_ids = ["nRF52840-Desk-v1"]\n')


@pytest.fixture(autouse=True)
def _tools() -> None:
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")


def made(folder: Path, text: str) -> tuple[Path, Board]:
    path = board_file(folder, paths.boards(), text)
    return path, load_board(str(path))


def image_bytes(board: Board) -> bytes:
    model, planned = load_device_app(load_app(APP), board)
    return contents_of(cached_image(app_sources(model, planned, board), board)).data


@pytest.mark.slow
@pytest.mark.emulator
def test_esptool_writes_what_then_runs(tmp_path: Path) -> None:
    require_module("esptool")
    path, board = made(tmp_path, ESP)
    rom = EspRom()
    with BoardOnTerminal(board, tmp_path, rom).plugged_in() as port:
        result = flash(APP, str(path), port=port)
    assert rom.flash == image_bytes(board)
    assert EspRom.MEM_END in rom.commands and EspRom.DEFL_DATA in rom.commands and EspRom.MD5 in rom.commands
    assert result.tool == "esptool" and result.verified and result.self_test


@pytest.mark.slow
def test_esptool_notices_a_flash_that_keeps_something_else(tmp_path: Path) -> None:
    require_module("esptool")
    path, board = made(tmp_path, ESP)
    wrong = pytest.raises(LinkLostError, match=r"desk: the uploader ended with exit code 2: .*MD5")
    with BoardOnTerminal(board, tmp_path, EspRom(damaged=True)).plugged_in() as port, wrong:
        flash(APP, str(path), port=port)


@pytest.mark.slow
@pytest.mark.emulator
def test_nrfutil_writes_what_then_runs(tmp_path: Path) -> None:
    require_module("nordicsemi")
    path, board = made(tmp_path, DFU)
    dfu = NordicDfu()
    with BoardOnTerminal(board, tmp_path, dfu).plugged_in() as port:
        result = flash(APP, str(path), port=port)
    assert dfu.flash == image_bytes(board)
    assert result.tool == "nrfutil" and result.verified


@pytest.mark.slow
def test_nrfutil_that_fails_exits_with_0_and_is_found_out(tmp_path: Path) -> None:
    require_module("nordicsemi")
    path, board = made(tmp_path, DFU)
    wrong = pytest.raises(LinkLostError, match=r"desk: adafruit-nrfutil failed: No data received on serial port")
    with BoardOnTerminal(board, tmp_path, NordicDfu(device_type=0x0051)).plugged_in() as port, wrong:
        flash(APP, str(path), port=port)


def test_uf2_is_what_the_formats_own_tool_writes() -> None:
    tool = require_module("adafruit_uf2.uf2conv")
    data = np.random.default_rng(1).integers(0, 256, 5 * 256, dtype=np.uint8).tobytes()
    tool.appstartaddr, tool.familyid = 0x27000, FAMILY
    assert uf2_file(data, address=0x27000, family=FAMILY) == bytes(tool.convert_to_uf2(data))
    ours = uf2_file(data[:-100], address=0x27000, family=FAMILY)
    assert bytes(tool.convert_from_uf2(ours)) == data[:-100] + b"\xff" * 100
    odd = uf2_file(data[:600], address=0x27010, family=FAMILY)
    assert bytes(tool.convert_from_uf2(odd)) == b"\xff" * 16 + data[:600] + b"\xff" * (3 * 256 - 616)
    assert struct.unpack_from("<I", odd, 12)[0] == 0x27000


class DriveBoard(BoardOnTerminal):
    """A board whose bootloader is a drive: it takes a file once all its blocks are there, and the drive is gone."""

    drive: Path

    def _bootload(self) -> bytes:
        convert = require_module("adafruit_uf2.uf2conv").convert_from_uf2
        while not self._over.wait(0.02):
            for file in self.drive.glob("*.UF2"):
                content = file.read_bytes()
                if len(content) < 512 or len(content) < 512 * struct.unpack_from("<I", content, 24)[0]:
                    continue
                if struct.unpack_from("<I", content, 28)[0] != FAMILY:
                    return b""
                self.bootloader.flash = bytes(convert(content))
                (self.drive / "INFO_UF2.TXT").unlink()
                return b""
        return b""


class NoSerialBootloader:
    flash: bytes | None = None

    def packet(self, packet: bytes) -> list[bytes]:
        raise AssertionError


def drive_at(folder: Path, board_id: str = "nRF52840-Desk-v1") -> Path:
    folder.mkdir()
    text = f"UF2 Bootloader 0.9.2 lib/nrfx\r\nModel: A desk\r\nBoard-ID: {board_id}\r\nDate: May 20 2024\r\n"
    (folder / "INFO_UF2.TXT").write_bytes(text.encode())
    return folder


@contextmanager
def desk_with(
    board: Board, folder: Path, drives: list[Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[BoardOnTerminal]:
    device = DriveBoard(board, folder, NoSerialBootloader())
    device.drive = drives[0]
    with device.plugged_in() as path:
        port = PortInfo(path, "desk", 0x1209, 0x0001, "7")
        monkeypatch.setattr("fieldwren.flash.desk.mounted", lambda: tuple(drives))
        monkeypatch.setattr("fieldwren.flash.flashing.serial_ports", lambda: [port])
        yield device


@pytest.mark.slow
@pytest.mark.emulator
@pytest.mark.parametrize("named", [False, True])
def test_a_drive_takes_the_image_which_then_runs(named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_module("adafruit_uf2")
    path, board = made(tmp_path, UF2)
    drives = [drive_at(tmp_path / "DESK BOOT"), drive_at(tmp_path / "OTHER", "nRF52840-Other-v1")]
    with desk_with(board, tmp_path, drives, monkeypatch) as device:
        result = flash(APP, str(path), port=str(drives[0]) if named else None)
        written = image_bytes(board)
        assert device.bootloader.flash == written + b"\xff" * (-len(written) % 256)
    assert result.verified and result.tool == "uf2"
    assert result.drive == f"{drives[0]} (A desk, Board-ID nRF52840-Desk-v1)" and result.address.startswith("/dev/pts/")


def test_drives_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = made(tmp_path, UF2)
    other = drive_at(tmp_path / "OTHER", "nRF52840-Other-v1")
    monkeypatch.setattr("fieldwren.flash.desk.mounted", lambda: (other,))
    with pytest.raises(MissingToolError, match=r"no drive of a UF2 bootloader is its .*reset button twice.*OTHER"):
        flash(APP, str(path))
    twins = (drive_at(tmp_path / "A"), drive_at(tmp_path / "B"))
    monkeypatch.setattr("fieldwren.flash.desk.mounted", lambda: twins)
    with pytest.raises(MissingToolError, match=r"2 drives could be it: .*/A .*/B .*--port"):
        flash(APP, str(path))
    with pytest.raises(BadInputError, match=r"is a folder without INFO_UF2\.TXT"):
        flash(APP, str(path), port=str(tmp_path))


def test_a_drive_that_breaks_off_or_stays_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fieldwren.flash import uf2
    from fieldwren.flash.uploader import Job, Place

    _, board = made(tmp_path, UF2)
    model, planned = load_device_app(load_app(APP), board)
    image = cached_image(app_sources(model, planned, board), board)
    folder = drive_at(tmp_path / "BOOT")
    assert board.upload is not None
    job = Job(board, board.upload, image, Place(drive=Drive(folder, "A desk", "nRF52840-Desk-v1")))
    monkeypatch.setattr(uf2, "_GONE_TIMEOUT_S", 0.0)
    said = uf2.Uf2().write(job)
    assert said is not None and "is still there" in said
    assert (folder / "FIRMWARE.UF2").stat().st_size == -(-len(image_bytes(board)) // 256) * 512
    # A reader that takes 1000 bytes and is gone: a pipe in the file's place.
    (folder / "FIRMWARE.UF2").unlink()
    os.mkfifo(folder / "FIRMWARE.UF2")

    def take() -> None:
        with (folder / "FIRMWARE.UF2").open("rb", buffering=0) as pipe:
            pipe.read(1000)

    reader = threading.Thread(target=take)
    reader.start()
    with pytest.raises(LinkLostError, match=r"broke off after \d+ of \d+ bytes"):
        uf2.Uf2().write(job)
    reader.join()
