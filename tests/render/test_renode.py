"""renode/ of a project, as far as it can be checked without Renode: syntax, names, addresses, and the flash model."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fieldwren.boards import load_board
from fieldwren.boards.definition import Board, RenodeMachine
from fieldwren.emulators import emulator_for
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.generate import generate
from fieldwren.render.environment import Provenance
from fieldwren.render.renode import Heard, renode_files
from support import CHECKOUT, require_module

BOARD = load_board("nrf52840dk")
STUB = """*** Keywords ***
Setup
    No Operation
Teardown
    No Operation
Test Setup
    No Operation
Test Teardown
    No Operation
Execute Command
    [Arguments]    ${command}
    No Operation
Create Terminal Tester
    [Arguments]    ${uart}    ${timeout}=8    ${defaultPauseEmulation}=false
    No Operation
Wait For Line On Uart
    [Arguments]    ${content}    ${timeout}=8    ${treatAsRegex}=false
    No Operation
Write Line To Uart
    [Arguments]    ${line}    ${waitForEcho}=true
    No Operation
"""


def files(**changes: Any) -> dict[str, str]:
    made = renode_files(BOARD, Provenance(board=BOARD.id), **{"image": "ab" * 32, "learns": True, **changes})
    return {name: content.decode() for name, content in made.items() if not name.endswith(".pcm")}


def flash_model() -> str:
    found = re.search(r"script: '''\n(.*?)\n'''", files()["nrf52840dk.repl"], re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("heard", [None, Heard(b"\0\0", "seven")])
@pytest.mark.parametrize("learns", [False, True])
@pytest.mark.parametrize("presses", [(), ("FW_PRESS_TEACH", "FW_PRESS_WRONG")])
def test_the_suite_parses(tmp_path: Path, heard: Heard | None, learns: bool, presses: tuple[str, ...]) -> None:
    require_module("robot")
    (tmp_path / "stub.resource").write_text(STUB)
    suite = tmp_path / "nrf52840dk.robot"
    suite.write_text(files(heard=heard, learns=learns, presses=presses)["nrf52840dk.robot"])
    command = [sys.executable, "-m", "robot", "--dryrun", "--variable", f"RENODEKEYWORDS:{tmp_path / 'stub.resource'}"]
    done = subprocess.run(
        [*command, "--output", "NONE", "--log", "NONE", "--report", "NONE", str(suite)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    count = 2 + bool(heard) + learns + bool(presses)
    assert f"{count} tests, {count} passed" in done.stdout


def test_no_expected_text_is_taken_for_a_named_argument() -> None:
    for line in files(heard=Heard(b"", "seven"))["nrf52840dk.robot"].splitlines():
        cells = re.split(r" {4,}", line.strip())
        if "On Uart" in line or "To Uart" in line:
            assert "=" not in next(cell for cell in cells[1:] if not cell.startswith(("Wait For", "Write Line")))


def test_every_name_and_address_is_the_boards() -> None:
    made, renode, memory = files(), BOARD.emulator, BOARD.memory
    assert isinstance(renode, RenodeMachine) and memory is not None and memory.store is not None
    repl, resc, robot = (made[f"nrf52840dk.{suffix}"] for suffix in ("repl", "resc", "robot"))
    assert f'using "{renode.platform}"' in repl
    named = set(re.findall(r"sysbus\.(\w+)", resc + robot))
    assert named == {renode.uart, renode.microphone, "flash"}
    store = re.search(r"sysbus\.flash SetRange (\w+) (\w+) 0xFF", resc)
    assert store is not None
    assert (int(store[1], 0), int(store[2], 0)) == (memory.store.origin, memory.store.bytes)
    clocks = set(re.findall(r"(?:systickFrequency|frequency): (\d+)", repl))
    assert clocks == {str(BOARD.clock_hz)}
    assert f"PerformanceInMips: {BOARD.clock_hz // 1_000_000}" in repl.replace("\n", " ")
    added = {name: int(address, 0) for name, address in re.findall(r"^(\w+): \S+ @ sysbus (\w+)", repl, re.MULTILINE)}
    assert added == {"dwt": 0xE0001000, "nvmc": 0x4001E000}
    assert f"page = value - value % {memory.store.page_bytes}" in repl
    assert "http" not in repl + resc + robot


def test_buttons_are_pressed_where_the_board_has_them() -> None:
    robot = files(presses=["FW_PRESS_RIGHT", "FW_PRESS_WRONG", "FW_PRESS_UNDO", "FW_PRESS_TEACH"])["nrf52840dk.robot"]
    pressed = [int(pin) for pin in re.findall(r"sysbus\.gpio0 OnGPIO (\d+) false", robot)]
    assert pressed == [button.pin for button in BOARD.buttons] == [11, 12, 24, 25]
    assert re.findall(r'"button":(\d),"action":"(\w+)"', robot) == [
        ("1", "right"), ("2", "wrong"), ("3", "undo"), ("4", "teach")
    ]  # fmt: skip


def test_braces_and_indentation_of_the_platform_are_whole() -> None:
    outside = re.sub(r"'''.*?'''", "''", files()["nrf52840dk.repl"], flags=re.DOTALL)
    for line in outside.splitlines():
        assert re.match(r"^(//.*|using \".*\"|\w+:( \S+ @ sysbus \w+)?|(    )+\w+:.*|(    )+Tag <.*>.*|)$", line), line


@pytest.mark.parametrize("names", [("isInit", "isRead", "offset", "value"), ("IsInit", "IsRead", "Offset", "Value")])
def test_the_flash_model(names: tuple[str, ...]) -> None:
    """As Renode runs it: one scope that lasts, one request at a time, in either naming."""
    written: dict[int, int] = {}
    bus = SimpleNamespace(WriteDoubleWord=written.__setitem__)
    peripheral = SimpleNamespace(GetMachine=lambda: SimpleNamespace(SystemBus=bus))
    scope: dict[str, Any] = {"self": peripheral}

    def ask(*, init: bool = False, read: bool = False, offset: int = 0, value: int = 0) -> int:
        scope["request"] = SimpleNamespace(**dict(zip(names, (init, read, offset, value), strict=True)))
        exec(compile(flash_model(), "nvmc", "exec"), scope)
        result: int = getattr(scope["request"], names[3])
        return result

    ask(init=True)
    assert (ask(read=True, offset=0x400), ask(read=True, offset=0x408), ask(read=True, offset=0x504)) == (1, 1, 0)
    ask(offset=0x508, value=0xF1000)
    assert not written  # erasing is not enabled
    ask(offset=0x504, value=2)
    assert ask(read=True, offset=0x504) == 2
    ask(offset=0x508, value=0xF1000)
    assert written == dict.fromkeys(range(0xF1000, 0xF2000, 4), 0xFFFFFFFF)


def test_the_flash_model_is_plain_enough_for_python_2() -> None:
    """Renode runs it in IronPython 2.7."""
    assert not re.search(r"\bf[\"']|:=|\bnonlocal\b|->", flash_model())


@pytest.mark.slow
def test_generate_writes_the_folder(tmp_path: Path) -> None:
    project = generate(CHECKOUT / "examples" / "digits", "nrf52840dk", tmp_path / "p")
    names = [name for name in project.files if name.startswith("renode/")]
    assert names == [f"renode/{n}" for n in ("audio.pcm", "nrf52840dk.repl", "nrf52840dk.resc", "nrf52840dk.robot")]
    config = (tmp_path / "p" / "src" / "app_config.c").read_text()
    digits = re.search(r"\.image = \{([^}]*)\}", config)
    assert digits is not None
    image = bytes(int(n) for n in digits[1].split(",")).hex()
    assert f'"image":"{image}"' in (tmp_path / "p" / "renode" / "nrf52840dk.robot").read_text()


@pytest.mark.slow
def test_a_recording_is_what_the_microphone_hears(tmp_path: Path) -> None:
    import wave

    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)).astype("<i2")
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(tone.tobytes())
    app = CHECKOUT / "examples" / "digits"
    generate(app, "nrf52840dk", tmp_path / "p", wav=tmp_path / "tone.wav", label="seven")
    heard = np.fromfile(tmp_path / "p" / "renode" / "audio.pcm", "<i2").astype(float)
    expected = 8000 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    assert len(heard) == 3 * 16000 and not heard[:15000].any() and not heard[33000:].any()
    assert np.abs(heard[16000 + 500 : 31500] - expected[500:15500]).max() < 30
    assert "${LABEL}          seven" in (tmp_path / "p" / "renode" / "nrf52840dk.robot").read_text()
    with pytest.raises(BadInputError, match="--wav and --label belong together"):
        generate(app, "nrf52840dk", tmp_path / "q", wav=tmp_path / "tone.wav")
    with pytest.raises(BadInputError, match="mps2-an386: has no microphone"):
        generate(app, "mps2-an386", tmp_path / "q", wav=tmp_path / "tone.wav", label="seven")
    assert not (tmp_path / "q").exists()


def test_without_renode_it_says_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = pytest.raises(
        MissingToolError, match=r"renode, which emulates nrf52840dk, is not installed: .*renode\.io"
    )
    with missing, emulator_for(BOARD).start(tmp_path / "x.elf", BOARD):
        pass
    with pytest.raises(BadInputError, match="Renode hands no files to an image"):
        emulator_for(BOARD).run_to_exit(tmp_path / "x.elf", BOARD, files={}, timeout_s=1, icount=True)


FAKE = """#!{python}
import socket, sys
steps = sys.argv[1:]
port = int(next(s for s in steps if s.startswith("$port=")).partition("=")[2])
script = next(s for s in steps if s.startswith("include @")).partition("@")[2]
text = open(script).read()
assert "machine LoadPlatformDescription $ORIGIN/nrf52840dk.repl" in text
open(script.replace(".resc", ".repl")).read()
assert steps[-1] == "start"
if "broken" in next(s for s in steps if s.startswith("$bin=")):
    sys.exit("There was an error")
server = socket.create_server(("127.0.0.1", port))
link, _ = server.accept()
link.sendall(link.recv(100).upper())
link.recv(1)
"""


def test_the_link_of_a_started_renode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process, its arguments and the socket, with a program in Renode's place that does what Renode would."""
    from fieldwren.errors import LinkLostError

    fake = tmp_path / "renode"
    fake.write_text(FAKE.format(python=sys.executable))
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    board: Board = BOARD
    with emulator_for(board).start(tmp_path / "x.elf", board) as device:
        device.write(b"hello")
        assert device.read(100, 10.0) == b"HELLO"
    with (
        pytest.raises(LinkLostError, match="There was an error"),
        emulator_for(board).start(tmp_path / "broken.elf", board),
    ):
        pass
