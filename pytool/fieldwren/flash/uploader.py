"""What every tool that writes an image onto a board has in common."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from fieldwren.boards import Board, Image
from fieldwren.boards.definition import Upload
from fieldwren.device.serial_port import PortInfo
from fieldwren.errors import LinkLostError
from fieldwren.flash.desk import Drive, Probe

TIMEOUT_S = 300.0

Needs = Literal["port", "probe", "drive"]


@dataclass(frozen=True)
class Place:
    """Where a board was found: what writes it goes by one of these, and its link by `port`."""

    port: PortInfo | None = None
    probe: Probe | str | None = None
    drive: Drive | None = None


@dataclass(frozen=True)
class Job:
    """One image for one board at one place."""

    board: Board
    upload: Upload
    image: Image
    place: Place


class Uploader(Protocol):
    """One way to write an image: through a serial port, a debug probe or a bootloader's drive."""

    @property
    def needs(self) -> Needs:
        """What the board is reached by."""

    def lacks(self) -> str | None:
        """The tool that is not installed and how to get it; None when nothing is missing."""

    def write(self, job: Job) -> str | None:
        """Writes the image; what is doubtful about it, if anything, which the link then settles.

        Raises LinkLostError, quoting the tool, when it fails.
        """


def run(command: Sequence[str], board: Board, *, folder: Path | None = None) -> str:
    """Runs a tool to its end; what it said. Raises LinkLostError with its most telling line when it fails."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LinkLostError(f"{board.id}: the uploader did not end within {TIMEOUT_S:g} s") from error
    if done.returncode != 0:
        raise LinkLostError(
            f"{board.id}: the uploader ended with exit code {done.returncode}: {telling_line(done.stdout)}"
        )
    return done.stdout


def telling_line(said: str) -> str:
    """The line of a tool's output that says what went wrong: the last that speaks of an error, else the last."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it said nothing"]
    return next((line for line in reversed(lines) if "rror" in line or "ailed" in line), lines[-1])
