"""Child processes as devices: one that runs to its end, one whose link is a socket."""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fieldwren.emulators.interface import EmulatorResult
from fieldwren.errors import BadInputError, LinkLostError

_GRACE_S = 2.0
_WRITE_TIMEOUT_S = 30.0


def run_to_exit(
    command: Sequence[str], name: str, *, files: Mapping[str, bytes], timeout_s: float
) -> tuple[EmulatorResult, str]:
    """Runs the command in a private folder holding `files`; returns the result and what it said on stderr."""
    for file in files:
        if Path(file).name != file:
            raise BadInputError(f"{file!r}: bulk files have plain names, without folders")
    with tempfile.TemporaryDirectory(prefix="fieldwren-run-") as folder:
        work = Path(folder)
        for file, data in files.items():
            (work / file).write_bytes(data)
        before = {path.name: path.stat().st_mtime_ns for path in work.iterdir()}
        started = time.monotonic()
        process = subprocess.Popen(
            command, cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            _, complaints = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            raise LinkLostError(f"{name}: the image did not end within {timeout_s:g} s") from error
        finally:
            end(process)
        seconds = time.monotonic() - started
        written = {
            path.name: path.read_bytes()
            for path in sorted(work.iterdir())
            if path.name not in before or path.stat().st_mtime_ns != before[path.name]
        }
        return EmulatorResult(process.returncode, written, seconds), complaints.decode(errors="replace").strip()


class SocketDevice:
    """A child process whose link is one end of a socket pair; nothing it says can be missed."""

    def __init__(self, process: subprocess.Popen[bytes], stream: socket.socket, name: str, folder: Path) -> None:
        self._process = process
        self._stream = stream
        self._name = name
        self._folder = folder

    @property
    def running(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def fileno(self) -> int:
        """The socket's descriptor, for `select`."""
        return self._stream.fileno()

    def read(self, size: int, timeout_s: float) -> bytes:
        """Up to `size` bytes; empty when none came in `timeout_s`. Raises LinkLostError when the process ended."""
        ready, _, _ = select.select([self._stream], [], [], max(0.0, timeout_s))
        if not ready:
            return b""
        try:
            data = self._stream.recv(size)
        except OSError as error:
            raise LinkLostError(self._gone()) from error
        if not data:
            raise LinkLostError(self._gone())
        return data

    def write(self, data: bytes) -> None:
        """Sends all of `data`. Raises LinkLostError when the process ended or took nothing for 30 s."""
        try:
            self._stream.settimeout(_WRITE_TIMEOUT_S)
            self._stream.sendall(data)
        except TimeoutError as error:
            raise LinkLostError(f"{self._name}: the device took no bytes for {_WRITE_TIMEOUT_S:.0f} s") from error
        except OSError as error:
            raise LinkLostError(self._gone()) from error

    def stop(self) -> None:
        """Ends the process and closes the link."""
        self._stream.close()
        end(self._process)

    def _gone(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE_S)
        complaints = (self._folder / "stderr").read_text(errors="replace").strip().splitlines()
        reason = f": {complaints[-1]}" if complaints else ""
        code = self._process.returncode
        state = "closed the link" if code is None else f"ended with exit code {code}"
        return f"{self._name}: the image {state}{reason}"


@contextlib.contextmanager
def start(command: Sequence[str], name: str, *, link: str, folder: Path | None = None) -> Iterator[SocketDevice]:
    """Starts the command with its link on a socket pair: standard input and output, or the descriptor in `{fd}`.

    `link` is `stdio` or `descriptor`; with `descriptor`, `{fd}` in the command is replaced by its number. It works in
    `folder`, and keeps what it writes there; by default in one of its own, for as long as it runs.
    """
    with tempfile.TemporaryDirectory(prefix="fieldwren-device-") as temporary:
        work = Path(temporary)
        home = work if folder is None else folder.absolute()
        home.mkdir(parents=True, exist_ok=True)
        ours, theirs = socket.socketpair()
        with ours, theirs, (work / "stderr").open("wb") as complaints:
            fd = theirs.fileno()
            process = subprocess.Popen(
                [part.replace("{fd}", str(fd)) for part in command],
                cwd=home,
                stdin=fd if link == "stdio" else subprocess.DEVNULL,
                stdout=fd if link == "stdio" else subprocess.DEVNULL,
                stderr=complaints,
                pass_fds=() if link == "stdio" else (fd,),
            )
            theirs.close()
            device = SocketDevice(process, ours, name, work)
            try:
                yield device
            finally:
                device.stop()


def end(process: subprocess.Popen[bytes]) -> None:
    """Terminates the process if it still runs, and waits for it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stderr is not None:
        process.stderr.close()
