"""Boards that Renode runs, where it is installed. The link is a TCP server of Renode's."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from fieldwren import tools
from fieldwren.boards import Board
from fieldwren.emulators import process
from fieldwren.emulators.interface import EmulatorResult
from fieldwren.errors import BadInputError, LinkLostError

START_TIMEOUT_S = 60.0
_RETRY_S = 0.1


class Renode:
    """Runs images with `renode`, by the script that `fieldwren generate` writes."""

    def run_to_exit(
        self, elf: Path, board: Board, *, files: Mapping[str, bytes], timeout_s: float, icount: bool
    ) -> EmulatorResult:
        """Renode has no bulk channel: raises BadInputError."""
        raise BadInputError(
            f"{board.id}: Renode hands no files to an image: run the app on its link (`fieldwren run`), or choose mps2-an386, "
            "which has the same core"
        )

    def start(
        self, elf: Path, board: Board, folder: Path | None = None
    ) -> AbstractContextManager[process.SocketDevice]:
        """Starts the image in Renode. Raises MissingToolError without it, LinkLostError when it does not come up.

        Its flash is Renode's memory, which ends with it: `folder` stays empty.
        """
        renode = tools.require("renode", f"which emulates {board.id}")
        return _start(renode, elf, board)


@contextlib.contextmanager
def _start(renode: Path, elf: Path, board: Board) -> Iterator[process.SocketDevice]:
    from fieldwren.render.environment import Provenance
    from fieldwren.render.renode import renode_files

    with tempfile.TemporaryDirectory(prefix="fieldwren-renode-") as folder:
        work = Path(folder)
        for name, content in renode_files(board, Provenance(board=board.id), image="", learns=False).items():
            (work / name).write_bytes(content)
        port = _free_port()
        steps = (f"$bin=@{elf.absolute()}", f"$port={port}", f"include @{work / board.id}.resc", "start")
        command = [str(renode), "--disable-xwt", "--console", "--plain"]
        for step in steps:
            command += ["-e", step]
        with (work / "stderr").open("wb") as said:
            child = subprocess.Popen(command, cwd=work, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            stream = _connect(child, port, board, work / "stderr")
        except BaseException:
            process.end(child)
            raise
        device = process.SocketDevice(child, stream, board.id, work)
        try:
            yield device
        finally:
            device.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _connect(child: subprocess.Popen[bytes], port: int, board: Board, said: Path) -> socket.socket:
    """Renode listens once its script has come so far; an error in the script does not end it."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and child.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port), 1.0)
        except OSError:
            time.sleep(_RETRY_S)
    lines = said.read_text(errors="replace").strip().splitlines()
    reason = f": {lines[-1]}" if lines else ""
    raise LinkLostError(f"{board.id}: Renode opened no link within {START_TIMEOUT_S:g} s{reason}")
