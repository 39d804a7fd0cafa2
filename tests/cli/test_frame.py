"""The rules of the command line, on a verb made for the test and on real processes."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from fieldwren.cli import frame, output
from fieldwren.cli.options import json_option
from fieldwren.errors import BadInputError, LinkLostError, MissingToolError
from support import CHECKOUT

HEAVY = {
    "numpy",
    "pydantic",
    "platformio",
    "tensorflow",
    "tflite_micro",
    "rich",
    "jinja2",
    "serial",
    "tflite",
    "tomllib",
}

Verb = Callable[[Callable[[], int | None]], None]


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Verb:
    """Registers a verb `act` that does what the test says."""

    def register(action: Callable[[], int | None]) -> None:
        @click.command()
        @json_option
        def act(json: bool) -> int | None:
            return action()

        monkeypatch.setitem(sys.modules, "acting", SimpleNamespace(act=act))
        monkeypatch.setitem(frame.VERBS, "act", "acting")

    return register


def raising(error: BaseException) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (BadInputError("a.tflite: is empty"), 2, "a.tflite: is empty"),
        (MissingToolError("no gcc: install it"), 3, "no gcc: install it"),
        (LinkLostError("no answer\n  for 2 s"), 4, "no answer for 2 s"),
        (click.BadParameter("not a board"), 2, "not a board"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            OSError(errno.ENOSPC, "No space left on device", "out/model.c"),
            3,
            "the disk is full while writing out/model.c",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "out"), 2, "out: permission denied"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x.wav"), 2, "x.wav: no such file"),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(
    verb: Verb, capfd: pytest.CaptureFixture[str], error: BaseException, code: int, sentence: str
) -> None:
    verb(raising(error))
    assert frame.run(["act"]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert sentence in err.strip().splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "error", [ValueError("boom"), EOFError("boom"), ZeroDivisionError("boom"), OSError("boom"), MemoryError("boom")]
)
def test_an_unexpected_error_names_a_log_with_its_traceback(
    verb: Verb, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception
) -> None:
    monkeypatch.setenv("FIELDWREN_CACHE", str(tmp_path))
    verb(raising(error))
    assert frame.run(["act"]) == 70
    err = capfd.readouterr().err
    (log,) = (tmp_path / "logs").iterdir()
    assert "Traceback" not in err
    assert str(log) in err.splitlines()[-1]
    assert f"{type(error).__name__}: boom" in log.read_text()


def test_an_unexpected_error_is_never_lost(
    verb: Verb, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FIELDWREN_CACHE", str(tmp_path / "file"))  # the log cannot be written
    verb(raising(ValueError("boom")))
    assert frame.run(["act"]) == 70
    err = capfd.readouterr().err
    assert "Traceback" in err
    assert "boom" in err.splitlines()[-1]


def test_debug_shows_the_traceback(verb: Verb, capfd: pytest.CaptureFixture[str]) -> None:
    verb(raising(BadInputError("a.tflite: is empty")))
    assert frame.run(["--debug", "act"]) == 2
    err = capfd.readouterr().err
    assert "Traceback" in err
    assert err.splitlines()[-1] == "Error: a.tflite: is empty"


def test_notes_come_before_the_sentence(verb: Verb, capfd: pytest.CaptureFixture[str]) -> None:
    error = MissingToolError("the compiler refused model.c")
    error.add_note("model.c:3: error: expected ';'")
    verb(raising(error))
    assert frame.run(["act"]) == 3
    assert capfd.readouterr().err.splitlines() == ["model.c:3: error: expected ';'", f"Error: {error}"]


def test_with_json_an_error_is_the_document(verb: Verb, capfd: pytest.CaptureFixture[str]) -> None:
    verb(raising(BadInputError("a.tflite: is empty")))
    assert frame.run(["act", "--json"]) == 2
    out, err = capfd.readouterr()
    assert json.loads(out) == {"error": "a.tflite: is empty", "exit_code": 2}
    assert err.splitlines()[-1] == "Error: a.tflite: is empty"


def test_with_json_only_documents_reach_stdout(verb: Verb, capfd: pytest.CaptureFixture[str]) -> None:
    def action() -> int:
        print("a stray print")
        subprocess.run(["echo", "a compiler's output"], check=True)
        output.emit({"rate": 0.5, "unknown": float("nan")}, json=True, show=lambda console, result: None)
        return 1

    verb(action)
    assert frame.run(["act", "--json"]) == 1
    out, err = capfd.readouterr()
    assert out == '{"rate": 0.5, "unknown": null}\n'
    assert "a stray print" in err
    assert "a compiler's output" in err


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from fieldwren.cli import output, frame\n"
        "import sys, types, click\n"
        "@click.command()\n@click.option('--json', is_flag=True)\n"
        "def act(json):\n"
        "    for i in range(100000): output.emit({'t_ms': i}, json=json, show=lambda c, r: print(r))\n"
        "sys.modules['acting'] = types.SimpleNamespace(act=act)\n"
        "frame.VERBS['act'] = 'acting'\n"
        "frame.main(sys.argv[1:])\n"
    )
    for arguments in (["act", "--json"], ["act"]):
        with subprocess.Popen(
            [sys.executable, str(script), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT / "pytool")},
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == b""
            assert process.wait() == frame.EXIT_PIPE


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "No verb is given"),
        (["doctr"], "did you mean `fieldwren doctor`?"),
        (["zzz"], "`fieldwren --help` lists the verbs"),
        (["new"], "Missing argument 'APP'"),
        (["doctor", "--jsn"], "--jsn"),
    ],
)
def test_wrong_usage(capfd: pytest.CaptureFixture[str], arguments: list[str], sentence: str) -> None:
    assert frame.run(arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert sentence in err.splitlines()[-1]


def test_every_verb_explains_itself() -> None:
    context = click.Context(frame.fieldwren)
    for name in frame.fieldwren.list_commands(context):
        command = frame.fieldwren.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.help
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.help, f"{name} {option.name}"


@pytest.mark.parametrize("arguments", ["--help", "new --help", "--version"])
def test_help_loads_nothing_heavy(arguments: str) -> None:
    program = (
        "import sys\nfrom fieldwren.cli import frame\n"
        f"assert frame.run({arguments.split()!r}) == 0\n"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "pytool")},
    )
    loaded = set(done.stderr.split())
    assert "click" in loaded
    assert not loaded & HEAVY


@pytest.mark.parametrize(("redirection", "code"), [(">/dev/full", 3), (">&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 0)])
def test_unusable_standard_streams(tmp_path: Path, redirection: str, code: int) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import click, sys, types\n"
        "from fieldwren.cli import output, frame\n"
        "@click.command()\n@click.option('--json', is_flag=True)\n"
        "def act(json): output.emit([1], json=json, show=lambda console, result: console.print(result))\n"
        "sys.modules['acting'] = types.SimpleNamespace(act=act)\n"
        "frame.VERBS['act'] = 'acting'\n"
        "frame.main()\n"
    )
    for option in ("", "--json"):
        done = subprocess.run(
            ["sh", "-c", f"{sys.executable} {script} act {option} {redirection}"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT / "pytool")},
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        if code:
            assert "the disk is full" in done.stderr.splitlines()[-1]
