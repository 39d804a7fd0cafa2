"""`fleet run` from the command line: real firmware, real words, a server that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.boards import load_board
from fieldwren.cli.frame import run
from fieldwren.emulators import emulator_for
from fieldwren.emulators.terminal import terminal
from fieldwren.fleet.members import member_sources
from fieldwren.fleet.resume import resume
from fieldwren.fleet.run import RunResult
from fieldwren.fleet.simulate import simulate
from fieldwren.images import cached_image
from support import require_data, require_tool

SPEAKERS = ("jackson", "theo")
WORDS = "147"
TAKES = 6
SAMPLES, TESTS = 3, 1
APP = paths.examples() / "fleet" / "digits"
HOST = 'kind = "emulated"\nboard = "host"'
M4F = 'kind = "emulated"\nboard = "mps2-an386"'


def federation(folder: Path, devices: str, *, rounds: int = 3) -> Path:
    """A federation.toml of two `devices` over few recordings, so that reading them takes no time."""
    data = require_data("audio", "fsdd")
    words = folder / "words"
    words.mkdir()
    for file in data.rglob("*.wav"):
        word, speaker, take = file.stem.split("_")
        if word in WORDS and speaker in SPEAKERS and int(take) < TAKES:
            (words / file.name).symlink_to(file)
    path = folder / "federation.toml"
    path.write_text(
        f'''data = "words"
app = "{APP}"
rounds = {rounds}
seed = 3
timeout_s = 120.0
[strategy]
name = "tinymetafed"
clients_per_round = 2
inner_steps = 12
inner_lr = 0.02
top_p = 0.2
[[clients]]
{devices}
count = 2
samples = {SAMPLES}
tests = {TESTS}
'''
    )
    return path


def said(capfd: pytest.CaptureFixture[str], *arguments: object) -> Any:
    assert run([*map(str, arguments), "--json"]) == 0
    return json.loads(capfd.readouterr().out)


@pytest.mark.slow
def test_devices_learn_what_the_simulation_does(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    require_tool("cc")
    path, report = federation(tmp_path, HOST), tmp_path / "fleet.html"
    ran = said(capfd, "fleet", "run", path, "--report", report)
    simulated = simulate(path)
    assert ran["head_sha256"] == simulated.head_sha256
    assert (ran["checked"], ran["unequal"], ran["lost"]) == (6, 0, {})
    assert ran["audit"] | {"reasons": {}} == {"tasks": 6, "sent": 6, "applied": 6, "rejected": 0, "reasons": {}}
    assert [done["accuracy_mean"] for done in ran["rounds"]] == [done.accuracy_mean for done in simulated.rounds]
    assert set(ran["up"]) <= {"answers", "events", "acknowledgements", "update"}
    page = report.read_text()
    assert "3 of 3" in page
    assert ran["head_sha256"] in page


def killed_after_its_first_round(path: Path, state: Path) -> None:
    """Runs a federation in a process of its own, which can tell nobody that it ends."""
    command = [sys.executable, "-m", "fieldwren", "fleet", "run", str(path), "--state", str(state)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"}) as server:
        assert server.stderr is not None
        assert b"round 1 of 4" in server.stderr.readline()
        server.send_signal(signal.SIGKILL)  # wherever it is now


@pytest.mark.slow
def test_a_server_that_is_killed_goes_on(tmp_path: Path) -> None:
    """The devices live on, on terminals; what was never stopped comes to the same head, bit by bit."""
    require_tool("cc")
    board = load_board("host")
    # Three words, so many samples of each, and so many tests in all.
    _, _, sources = member_sources(load_app(APP), board, SAMPLES, TESTS * len(WORDS))
    elf = cached_image(sources, board).elf
    with ExitStack() as open_:
        ports = []
        for number in range(2):
            device = open_.enter_context(emulator_for(board).start(elf, board, tmp_path / f"device-{number}"))
            ports.append(f"pty:{open_.enter_context(terminal(device))}")
        path, state = federation(tmp_path, f'kind = "serial"\nports = {ports}', rounds=4), tmp_path / "state"
        killed_after_its_first_round(path, state)
        result = resume(state)
        assert isinstance(result, RunResult)
        assert result.head_sha256 == simulate(path).head_sha256
        assert (len(result.rounds), result.audit.applied, result.unequal) == (4, 8, 0)
        assert result.audit.sent == result.audit.applied + result.audit.rejected
        assert "stream" not in result.down  # nothing was told again
        assert resume(state).head_sha256 == result.head_sha256  # nothing is left to do


@pytest.mark.slow
def test_emulated_devices_that_end_with_their_server_come_back(tmp_path: Path) -> None:
    """They have what they were told, and are reminded of what they had not sent yet: the head is that of one long run."""
    require_tool("cc")
    path, state = federation(tmp_path, HOST, rounds=4), tmp_path / "state"
    killed_after_its_first_round(path, state)
    result = resume(state)
    assert isinstance(result, RunResult)
    assert (len(result.rounds), result.audit.applied, result.unequal) == (4, 8, 0)
    assert result.head_sha256 == simulate(path).head_sha256
    assert "file" not in result.down


@pytest.mark.emulator
@pytest.mark.slow
def test_emulated_boards_answer_as_their_twins(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    require_tool("qemu-system-arm")
    require_tool("arm-none-eabi-gcc")
    ran = said(capfd, "fleet", "run", federation(tmp_path, M4F, rounds=2))
    assert (ran["checked"], ran["unequal"], ran["audit"]["applied"]) == (4, 0, 4)
    # Recordings went in through the bulk channel, and nothing of them came out.
    assert ran["down"]["file"] == 2 * 3 * 4 * 2 * 16000
    assert set(ran["up"]) <= {"answers", "events", "acknowledgements", "update", "broken"}
