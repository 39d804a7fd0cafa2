"""Child processes as devices, with programs that are not firmware."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from fieldwren.boards import load_board
from fieldwren.emulators import Qemu, emulator_for, process
from fieldwren.errors import BadInputError, LinkLostError, MissingToolError


def python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_files_go_in_and_only_what_was_written_comes_out() -> None:
    command = python("""
        import pathlib, sys
        data = pathlib.Path("in.bin").read_bytes()
        pathlib.Path("out.bin").write_bytes(data * 2)
        pathlib.Path("both.bin").write_bytes(b"changed")
        print("a word", file=sys.stderr)
        sys.exit(5)
        """)
    files = {"in.bin": b"abc", "both.bin": b"before"}
    result, complaints = process.run_to_exit(command, "board", files=files, timeout_s=10)
    assert result.exit_code == 5
    assert result.files_written == {"out.bin": b"abcabc", "both.bin": b"changed"}
    assert complaints == "a word"
    assert 0 < result.seconds < 10


def test_bulk_files_have_plain_names() -> None:
    with pytest.raises(BadInputError, match=r"'\.\./x': bulk files have plain names"):
        process.run_to_exit(["true"], "board", files={"../x": b""}, timeout_s=1)


def test_a_program_that_does_not_end_is_ended(tmp_path: Path) -> None:
    command = python(f"""
        import os, pathlib, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid()))
        time.sleep(60)
        """)
    with pytest.raises(LinkLostError, match=r"board: the image did not end within 0\.5 s"):
        process.run_to_exit(command, "board", files={}, timeout_s=0.5)
    assert not alive(int((tmp_path / "pid").read_text()))


def test_the_link_carries_bytes_both_ways_and_notices_the_end() -> None:
    command = python("""
        import sys
        for line in sys.stdin.buffer:
            sys.stdout.buffer.write(line.upper())
            sys.stdout.buffer.flush()
            if line == b"end\\n":
                sys.exit("out of words")
        """)
    with process.start(command, "board", link="stdio") as device:
        device.write(b"hello\n")
        got = b""
        while not got.endswith(b"\n"):
            got += device.read(100, timeout_s=10)
        assert got == b"HELLO\n"
        assert device.read(100, timeout_s=0) == b""
        device.write(b"end\n")
        while device.running:
            time.sleep(0.01)
        assert device.read(100, timeout_s=10) == b"END\n"
        with pytest.raises(LinkLostError, match="board: the image ended with exit code 1: out of words"):
            device.read(1, timeout_s=10)
        with pytest.raises(LinkLostError, match="board: the image ended with exit code 1"):
            device.write(b"x" * 1_000_000)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_leaving_the_context_ends_the_process(error: type[BaseException]) -> None:
    with pytest.raises(error), process.start(python("import time; time.sleep(60)"), "board", link="stdio") as device:
        pid = device.pid
        assert alive(pid)
        raise error
    assert not alive(pid)


def test_interrupted_from_the_keyboard_nothing_is_left(tmp_path: Path) -> None:
    """Ctrl-C while waiting for a run: the child ends with its parent's wait."""
    child = f"import os, pathlib, time; pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid())); time.sleep(60)"
    parent = subprocess.Popen(
        python(f"""
            import sys
            from fieldwren.emulators import process
            process.run_to_exit([sys.executable, "-c", {child!r}], "board", files={{}}, timeout_s=60)
            """),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 20
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    parent.send_signal(signal.SIGINT)
    _, complaints = parent.communicate(timeout=10)
    assert b"KeyboardInterrupt" in complaints
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_missing_emulator_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="qemu-system-arm, which emulates mps2-an386, is not installed"):
        Qemu().run_to_exit(tmp_path / "x.elf", load_board("mps2-an386"), files={}, timeout_s=1, icount=False)


def test_what_is_no_image_is_reported_with_qemus_words(tmp_path: Path) -> None:
    from support import require_tool

    require_tool("qemu-system-arm")
    board = load_board("mps2-an386")
    with pytest.raises(LinkLostError, match=r"mps2-an386: QEMU gave up: .*gone\.elf"):
        emulator_for(board).run_to_exit(tmp_path / "gone.elf", board, files={}, timeout_s=10, icount=False)
    with (
        emulator_for(board).start(tmp_path / "gone.elf", board) as device,
        pytest.raises(LinkLostError, match=r"mps2-an386: the image ended with exit code 1: .*gone\.elf"),
    ):
        device.read(1, timeout_s=10)
