"""What is plugged in, and which of it is the board: probes and ports by USB id, drives by their table of mounts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fieldwren.boards import board_ids, load_board
from fieldwren.boards.definition import Board, Way, with_framework
from fieldwren.cli.flashing import _WAYS
from fieldwren.cli.frame import fieldwren
from fieldwren.device.serial_port import KNOWN_USB_IDS, PortInfo
from fieldwren.errors import MissingToolError
from fieldwren.flash import Desk, Probe, attached
from fieldwren.flash.desk import mounts_of, probes
from fieldwren.flash.place import UPLOADERS, choose, choose_probe

DK = load_board("nrf52840dk")
PORT = PortInfo("/dev/ttyACM7", "J-Link", 0x1366, 0x1015, "000683000001")
OWN = Probe(0x1366, 0x1015, "000683000001", "SEGGER J-Link")
TWIN = Probe(0x1366, 0x1015, "000683000002", "SEGGER J-Link")
DAPLINK = Probe(0x0D28, 0x0204, "9900", "ARM BBC micro:bit CMSIS-DAP")


def usb_device(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text + "\n")


def test_probes_are_known_by_usb_id_or_name(tmp_path: Path) -> None:
    """As Linux lists a hub, a J-Link, a DAPLink, another vendor's CMSIS-DAP and a mouse."""
    usb_device(tmp_path / "usb1", idVendor="1d6b", idProduct="0002", product="xHCI Host Controller")
    usb_device(
        tmp_path / "1-1",
        **{"idVendor": "1366", "idProduct": "1015", "serial": "000683000001", "busnum": "1", "devnum": "7"},
        **{"manufacturer": "SEGGER", "product": "J-Link"},
    )
    usb_device(tmp_path / "1-1:1.0", bInterfaceClass="02")
    usb_device(tmp_path / "1-2", idVendor="0d28", idProduct="0204", serial="9900", product="BBC micro:bit CMSIS-DAP")
    usb_device(tmp_path / "1-3", idVendor="2e8a", idProduct="000c", serial="E66", product="Debug Probe (CMSIS-DAP)")
    usb_device(tmp_path / "1-4", idVendor="046d", idProduct="c077", product="USB Optical Mouse")
    found = probes((), tmp_path)
    assert [(p.vid, p.serial_number) for p in found] == [(0x1366, "000683000001"), (0x0D28, "9900"), (0x2E8A, "E66")]
    assert found[0].node == Path("/dev/bus/usb/001/007") and found[0].name == "SEGGER J-Link"
    # Where there is no such list, a probe is known by the port that it brings along.
    other = PortInfo("COM4", "USB Serial Device", 0x10C4, 0xEA60, "1")
    assert [p.serial_number for p in probes([PORT, other], tmp_path / "nothing")] == ["000683000001"]


def test_the_probe_of_the_port_is_taken() -> None:
    assert DK.upload is not None
    assert choose_probe(DK, DK.upload, [OWN, TWIN], PORT, "auto") == OWN
    assert choose_probe(DK, DK.upload, [OWN, TWIN], PORT, "000683000002") == TWIN
    assert choose_probe(DK, DK.upload, [OWN, TWIN], PORT, "elsewhere") == "elsewhere"
    given = PortInfo("/dev/ttyUSB0", "given by --port", None, None, None)
    assert choose_probe(DK, DK.upload, [DAPLINK, OWN], given, "auto") == OWN
    assert choose_probe(DK, DK.upload, [DAPLINK], given, "auto") == DAPLINK
    assert choose_probe(DK, DK.upload, [], given, "auto") is None
    with pytest.raises(MissingToolError, match=r"2 debug probes could be its: 000683000001 .*000683000002 .*--probe"):
        choose_probe(DK, DK.upload, [OWN, TWIN], given, "auto")


def test_a_forbidden_probe_comes_with_its_udev_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert DK.upload is not None
    node = tmp_path / "007"
    node.touch()
    monkeypatch.setattr("fieldwren.flash.place.os.access", lambda *_: False)  # root may do everything
    rule = r'SUBSYSTEM=="usb", ATTRS\{idVendor\}=="1366", ATTRS\{idProduct\}=="1015", TAG\+="uaccess"'
    with pytest.raises(MissingToolError, match=rf"debug probe 000683000001 .*Permission denied: put the line {rule}"):
        choose_probe(DK, DK.upload, [replace(OWN, node=node)], PORT, "auto")


def test_fat_drives_of_a_mount_table() -> None:
    table = (
        "sysfs /sys sysfs rw 0 0\n/dev/sda1 / ext4 rw 0 0\n//nas/share /mnt/nas cifs rw 0 0\n"
        "/dev/sdb /media/me/XIAO-SENSE vfat rw,uid=1000 0 0\n/dev/sdc1 /media/me/USB\\040STICK vfat rw 0 0\nbroken\n"
    )
    assert mounts_of(table) == (Path("/media/me/XIAO-SENSE"), Path("/media/me/USB STICK"))


def test_every_way_that_fails_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    board = with_framework(load_board("xiao-nrf52840-sense"), None)
    assert board.upload is not None and board.upload.ways == ("platformio", "nrfutil", "uf2")
    monkeypatch.setattr(type(UPLOADERS["nrfutil"]), "lacks", lambda _: "adafruit-nrfutil is not installed: get it")
    with pytest.raises(MissingToolError) as refused:
        choose(board, board.upload, Desk(), way=None, port=None, probe="auto")
    assert [part.split(":")[0].split(" (")[0] for part in str(refused.value).split("; ")] == [
        "xiao-nrf52840-sense",
        "adafruit-nrfutil is not installed",
        "no drive of a UF2 bootloader is its",
    ]


def test_the_command_line_knows_every_way() -> None:
    assert tuple(UPLOADERS) == Way.__args__ == _WAYS  # type: ignore[attr-defined]


FRAMEWORKS = [
    with_framework(board, name)
    for board in map(load_board, board_ids())
    for name in (board.platformio.frameworks if board.platformio else ())
]


@pytest.mark.parametrize("board", FRAMEWORKS, ids=lambda board: f"{board.id}-{board.framework}")
def test_projects_of_frameworks_are_flashed_by_platformio_first(board: Board) -> None:
    assert board.upload is not None and board.upload.ways[0] == "platformio" and board.upload.usb


@pytest.mark.parametrize("board_id", [b for b in board_ids() if load_board(b).upload is not None])
def test_usb_ids_of_boards_have_names(board_id: str) -> None:
    upload = load_board(board_id).upload
    assert upload is not None and set(upload.bootloader) <= set(upload.usb)
    for ids in upload.usb:
        vid, pid = (int(part, 16) for part in ids.split(":"))
        assert (vid, pid) in KNOWN_USB_IDS, ids


def test_the_list_says_what_each_thing_could_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fieldwren.flash.listing.look", lambda: Desk((PORT,), (OWN, DAPLINK), ()))
    result = CliRunner().invoke(fieldwren, ["flash", "--list", "--json"])
    (port, own, daplink) = json.loads(result.stdout)["attached"]
    assert (port["kind"], port["usb_id"], port["boards"]) == ("port", "1366:1015", ["nrf52840dk"])
    assert "there is no such port" in port["problem"]
    assert (own["kind"], own["name"], own["boards"]) == ("probe", "000683000001", ["nrf52840dk"])
    assert daplink["boards"] == ["microbit"]
    assert [item.name for item in attached("microbit", Desk((PORT,), (OWN, DAPLINK), ()))] == ["9900"]
    usage = CliRunner().invoke(fieldwren, ["flash", "porch"])
    assert usage.exit_code == 2 and "Give APP and --board, or --list" in usage.stderr
