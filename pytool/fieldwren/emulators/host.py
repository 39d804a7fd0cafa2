"""The host board: the image is an executable of this computer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from fieldwren.boards import Board
from fieldwren.emulators import process
from fieldwren.emulators.interface import EmulatorResult


class Host:
    """Runs the image as a child process: the link is its standard input and output, bulk files are plain files."""

    def run_to_exit(
        self, elf: Path, board: Board, *, files: Mapping[str, bytes], timeout_s: float, icount: bool
    ) -> EmulatorResult:
        """Runs the image until it ends; `icount` has no effect, this computer does not count. Raises LinkLostError."""
        result, _ = process.run_to_exit([str(elf.absolute())], board.id, files=files, timeout_s=timeout_s)
        return result

    def start(
        self, elf: Path, board: Board, folder: Path | None = None
    ) -> AbstractContextManager[process.SocketDevice]:
        """Starts the image with its standard input and output on a socket."""
        return process.start([str(elf.absolute())], board.id, link="stdio", folder=folder)
