"""flash: ports by USB id, uploaders as processes, and the device asked whether it runs what was flashed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import Board, board_ids, build, load_board, write_project
from fieldwren.boards.build import require_compiler
from fieldwren.cli.frame import fieldwren
from fieldwren.device.serial_port import PortInfo
from fieldwren.emulators import emulator_for
from fieldwren.emulators.terminal import terminal
from fieldwren.errors import BadInputError, LinkLostError, MissingToolError
from fieldwren.flash import flash
from fieldwren.flash.esptool import Esptool
from fieldwren.flash.place import UPLOADERS, choose_port, udev_line
from fieldwren.flash.pyocd import PyOcd
from fieldwren.flash.uploader import Job, Place
from fieldwren.images import cached_image
from fieldwren.render.app import app_sources
from fieldwren.sources import Sources
from support import CHECKOUT, require_module, require_tool

APP = CHECKOUT / "examples" / "presence"
DK = load_board("nrf52840dk")
PORT = PortInfo("/dev/ttyACM7", "J-Link", 0x1366, 0x1015, "1")
UPLOAD = '\n[upload]\nways = ["pyocd"]\nusb = ["1366:1015"]\n\n[upload.pyocd]\ntarget = "nrf52840"\n'


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """This computer as a board on a serial port, flashed by a debug probe."""
    text = (paths.boards() / "host.toml").read_text().replace('id = "host"', 'id = "desk"')
    path = tmp_path / "desk.toml"
    path.write_text(text.replace('transport = "stdio"', 'transport = "uart"\nbaud = 115_200') + UPLOAD)
    return path


@pytest.fixture
def pyocd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in pyOCD's place that writes down how it was called; FAKE_FAILS is what it fails with."""
    program = tmp_path / "bin" / "pyocd"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"json.dump(sys.argv[1:], open({str(tmp_path / 'called.json')!r}, 'w'))\n"
        "sys.exit(os.environ.get('FAKE_FAILS'))\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path / "called.json"


def sources_of(board: Board) -> Sources:
    model, planned = load_device_app(load_app(APP), board)
    return app_sources(model, planned, board)


def device(board: Board, sources: Sources) -> Iterator[str]:
    """The path of the serial port behind which this image runs."""
    elf = cached_image(sources, board).elf
    with emulator_for(board).start(elf, board) as stream, terminal(stream) as path:
        yield path


@pytest.mark.slow
def test_a_flashed_board_is_asked_and_agrees(desk: Path, pyocd: Path) -> None:
    board = load_board(str(desk))
    require_compiler(board)
    for path in device(board, sources_of(board)):
        result = flash(APP, str(desk), port=path, probe="1234")
        assert result.verified and result.self_test
        assert result.image == result.reported_image == sources_of(board).build_id
        assert result.address == f"{path}@115200"
        called = json.loads(pyocd.read_text())
        assert called[:-1] == ["flash", "--no-wait", "--target", "nrf52840", "--uid", "1234", "--format", "elf"]
        assert Path(called[-1]).read_bytes() == cached_image(sources_of(board), board).elf.read_bytes()


@pytest.mark.slow
def test_a_board_that_runs_something_else_is_found_out(desk: Path, pyocd: Path) -> None:
    """The uploader says all is well, and the device still runs the image of before."""
    board = load_board(str(desk))
    require_compiler(board)
    sources = sources_of(board)
    config = sources.files["app_config.c"].replace(b".image = {\n", b".image = {\n0x5a + 0 * ", 1)
    before = replace(sources, files={**sources.files, "app_config.c": config})
    for path in device(board, before):
        result = CliRunner().invoke(
            fieldwren, ["flash", str(APP), "--board", str(desk), "--port", path], standalone_mode=False
        )
        assert result.return_value == 1
        assert "reports image 5a" in result.output or "reports image 5a" in result.stderr


def test_an_uploader_that_fails_is_quoted(desk: Path, pyocd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    board = load_board(str(desk))
    require_compiler(board)
    monkeypatch.setenv(
        "FAKE_FAILS", "0000123 C Error: flash program page failure (address 0x00000000; result code 0x67)"
    )
    for path in device(board, sources_of(board)):
        with pytest.raises(
            LinkLostError, match=r"desk: the uploader ended with exit code 1: .*flash program page failure"
        ):
            flash(APP, str(desk), port=path)


def test_the_port_is_found_by_usb_id() -> None:
    assert DK.upload is not None
    other = PortInfo("/dev/ttyUSB0", "CP2102", 0x10C4, 0xEA60, None)
    mainboard = PortInfo("/dev/ttyS0", "ttyS0", None, None, None)
    assert choose_port(DK, DK.upload, [mainboard, other, PORT]) == PORT
    with pytest.raises(MissingToolError, match=r"no serial port has its USB id .*ports there are: .*ttyUSB0"):
        choose_port(DK, DK.upload, [mainboard, other])
    with pytest.raises(MissingToolError, match=r"ports there are: none"):
        choose_port(DK, DK.upload, [])
    twin = replace(PORT, path="/dev/ttyACM8")
    with pytest.raises(MissingToolError, match=r"2 ports could be it: .*ttyACM7.*ttyACM8.*--port"):
        choose_port(DK, DK.upload, [PORT, twin])


def test_a_forbidden_port_comes_with_its_udev_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        udev_line("tty", 0x1366, 0x1015)
        == 'SUBSYSTEM=="tty", ATTRS{idVendor}=="1366", ATTRS{idProduct}=="1015", TAG+="uaccess"'
    )
    port = tmp_path / "ttyACM7"
    port.touch()
    monkeypatch.setattr("fieldwren.flash.desk.serial_ports", lambda: [replace(PORT, path=str(port))])
    tool = type(UPLOADERS["pyocd"])
    monkeypatch.setattr(tool, "lacks", lambda _: None)
    monkeypatch.setattr("fieldwren.flash.place.os.access", lambda *_: False)  # root may do everything
    with pytest.raises(MissingToolError, match=r"Permission denied: put the line SUBSYSTEM.*1366.*70-fieldwren"):
        flash(APP, "nrf52840dk")


def test_a_busy_port_is_said_to_be_busy(desk: Path, pyocd: Path) -> None:
    from fieldwren.device.serial_port import SerialTransport

    board = load_board(str(desk))
    for path in device(board, sources_of(board)):
        held = SerialTransport(path, 115200)
        try:
            with pytest.raises(MissingToolError, match="another program has it open"):
                flash(APP, str(desk), port=path)
        finally:
            held.close()
    assert not pyocd.exists()


def test_a_missing_port_or_uploader_or_upload_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingToolError, match="there is no such port"):
        flash(APP, "nrf52840dk", port=str(tmp_path / "ttyACM0"))
    with pytest.raises(BadInputError, match=r"mps2-an386: nothing is known about flashing it"):
        flash(APP, "mps2-an386", port="/dev/null")
    monkeypatch.setattr("fieldwren.tools.shutil.which", lambda *_, **__: None)
    with pytest.raises(MissingToolError, match=r"nrf52840dk: pyocd is not installed: pip install pyocd"):
        flash(APP, "nrf52840dk", port=str(tmp_path / "ttyACM0"))
    with pytest.raises(BadInputError, match=r"nrf52840dk: is not flashed by uf2; its ways are pyocd"):
        flash(APP, "nrf52840dk", by="uf2")


@pytest.mark.slow
def test_esptool_takes_the_command_line() -> None:
    """The real esptool, up to the port that is not there; the file it is given is the image from flash offset 0 on."""
    import subprocess

    require_module("esptool")
    require_tool("riscv64-unknown-elf-gcc")
    board = load_board("esp32-c3-devkitm-1")
    assert board.upload is not None
    port = PortInfo("/dev/ttyNOTHERE", "", None, None, None)
    command = Esptool().command(Job(board, board.upload, cached_image(sources_of(board), board), Place(port=port)))
    assert Path(command[-1]).read_bytes()[:8] == bytes.fromhex("1d04dbae") * 2  # what the boot ROM looks for
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Could not open /dev/ttyNOTHERE" in done.stdout + done.stderr


@pytest.mark.slow
def test_pyocd_without_a_probe_does_not_wait_for_one() -> None:
    """The real pyOCD, which by itself waits forever."""
    require_module("pyocd")
    require_tool("arm-none-eabi-gcc")
    assert DK.upload is not None
    job = Job(DK, DK.upload, cached_image(sources_of(DK), DK), Place(port=PORT, probe="no-such-probe"))
    with pytest.raises(MissingToolError, match=r"nrf52840dk: pyocd finds no debug probe no-such-probe: plug it in"):
        PyOcd().write(job)


FLASHED = [b for b in board_ids() if load_board(b).upload is not None and load_board(b).toolchain is not None]


def test_these_bare_boards_can_be_flashed() -> None:
    assert FLASHED == ["esp32-c3-devkitm-1", "microbit", "nrf52840dk"]


@pytest.mark.slow
@pytest.mark.parametrize("board_id", FLASHED)
def test_every_bare_board_that_can_be_flashed_builds(board_id: str, tmp_path: Path) -> None:
    board = load_board(board_id)
    require_compiler(board)
    image = build(write_project(sources_of(board), board, tmp_path / board.id, standalone=False))
    assert image.flash_bytes > 10_000
