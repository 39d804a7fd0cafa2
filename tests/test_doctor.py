"""The doctor on computers that lack things."""

from __future__ import annotations

import json
import socket
import sys
import time
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from types import SimpleNamespace

import platformio
import pytest
from serial.tools import list_ports

from fieldwren import doctor as module
from fieldwren.cli import frame
from fieldwren.doctor import Check, doctor


@pytest.fixture(autouse=True)
def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "registry_answers", lambda timeout_s: False)


def by_name(name: str) -> Check:
    return next(check for check in doctor(timeout_s=1).checks if check.name == name)


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_an_empty_path_lacks_the_compilers_and_emulators(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert frame.run(["doctor", "--json"]) == 3
    out, err = capfd.readouterr()
    document = json.loads(out)
    lacking = {c["name"] for c in document["checks"] if c["needed"] and not c["found"]}
    assert lacking >= {"arm-none-eabi-gcc", "cc", "newlib", "qemu-system-arm"}
    assert document["ready"] is False
    assert all(check["remedy"] for check in document["checks"] if not check["found"])
    assert "arm-none-eabi-gcc" in err.splitlines()[-1]


def test_the_remedy_is_a_command_of_this_computers_package_manager(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert by_name("qemu-system-arm").remedy == "install it and put it on PATH"
    program(tmp_path, "brew", "")
    assert by_name("qemu-system-arm").remedy == "brew install qemu"
    program(tmp_path, "apt-get", "")
    assert by_name("qemu-system-arm").remedy == "sudo apt-get install qemu-system-arm"


@pytest.mark.parametrize(
    ("script", "version"),
    [
        ("echo 'QEMU emulator version 9.1.50 (v9.1)'", "9.1.50"),
        ("echo nothing", "version unknown"),
        ("exec sleep 9", "version unknown"),
    ],
)
def test_versions_are_read_and_never_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, version: str
) -> None:
    program(tmp_path, "qemu-system-arm", script)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    start = time.monotonic()
    check = by_name("qemu-system-arm")
    assert check.found
    assert check.detail == f"{version} {tmp_path / 'qemu-system-arm'}"
    assert time.monotonic() - start < 4


def test_a_compiler_without_its_c_library_is_not_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path, "arm-none-eabi-gcc", '[ "$1" = -dumpfullversion ] && echo 13.2.1')
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    diagnosis = doctor(timeout_s=1)
    assert "newlib" in diagnosis.missing
    assert "arm-none-eabi-gcc" not in diagnosis.missing
    assert not diagnosis.ready


@pytest.mark.skipif(sys.platform == "win32", reason="file permissions of serial devices")
def test_a_port_without_permission_is_told_apart_from_no_port(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    device = tmp_path / "ttyACM0"
    device.touch()
    port = SimpleNamespace(device=str(device), vid=0x2341, pid=0x805A, serial_number=None, description="Nano 33 BLE")
    mainboard = SimpleNamespace(device="/dev/ttyS0", vid=None, pid=None, serial_number=None, description="n/a")
    monkeypatch.setattr(list_ports, "comports", lambda: [mainboard, port])
    assert by_name(str(device)).found
    monkeypatch.setattr("os.access", lambda path, mode: path != str(device))
    check = by_name(str(device))
    assert not check.found
    assert check.detail == "Nano 33 BLE"
    assert check.remedy and 'ATTRS{idVendor}=="2341", ATTRS{idProduct}=="805a"' in check.remedy
    names = {check.name for check in doctor(timeout_s=1).checks}
    assert not names & {"/dev/ttyS0", "board"}


def test_data_sets_are_looked_for_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FIELDWREN_DATA", str(tmp_path))
    assert "FIELDWREN_DATA" in (by_name("Free Spoken Digit Dataset").remedy or "")
    (tmp_path / "audio" / "fsdd").mkdir(parents=True)
    assert by_name("Free Spoken Digit Dataset").found


class TestRegistry:
    """registry_answers, with the network replaced by sockets of this process."""

    @pytest.fixture(autouse=True)
    def real(self, monkeypatch: pytest.MonkeyPatch, no_registry: None) -> None:
        monkeypatch.undo()

    def test_a_server_that_never_answers_is_not_waited_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            monkeypatch.setattr(platformio, "__registry_mirror_hosts__", [f"localhost:{port}"])
            start = time.monotonic()
            assert not module.registry_answers(0.3)
            assert time.monotonic() - start < 2

    def test_any_http_status_is_an_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def forbidden(url: str, timeout: float) -> None:
            raise urllib.error.HTTPError(url, 403, "forbidden", Message(), None)

        monkeypatch.setattr(urllib.request, "urlopen", forbidden)
        assert module.registry_answers(1)

    def test_refused_by_all_mirrors(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(url: str, timeout: float) -> None:
            raise ConnectionRefusedError

        monkeypatch.setattr(urllib.request, "urlopen", refused)
        start = time.monotonic()
        assert not module.registry_answers(5)
        assert time.monotonic() - start < 2
