"""What every way of running an image without the board offers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from fieldwren.boards import Board


@dataclass(frozen=True)
class EmulatorResult:
    """A program that ran to its end: exit code, the files it wrote through the bulk channel, host seconds."""

    exit_code: int
    files_written: Mapping[str, bytes]
    seconds: float


class ByteStream(Protocol):
    """The device's end of the link, as the computer sees it."""

    def read(self, size: int, timeout_s: float) -> bytes:
        """Up to `size` bytes; empty when none came in time. Raises LinkLostError when the device is gone."""

    def write(self, data: bytes) -> None:
        """Sends all of `data`. Raises LinkLostError when the device is gone or does not take it."""


@runtime_checkable
class EmulatedDevice(ByteStream, Protocol):
    """A running image and its link."""

    @property
    def running(self) -> bool:
        """Whether the image still runs."""

    def stop(self) -> None:
        """Ends it; harmless when it has ended by itself."""


class Emulator(Protocol):
    """Runs images of the boards it knows."""

    def run_to_exit(
        self, elf: Path, board: Board, *, files: Mapping[str, bytes], timeout_s: float, icount: bool
    ) -> EmulatorResult:
        """Runs the image until it ends; `files` are in the working folder of its bulk channel."""

    def start(self, elf: Path, board: Board, folder: Path | None = None) -> AbstractContextManager[EmulatedDevice]:
        """Starts the image with its link connected; leaving the context ends it.

        `folder`: where it keeps store.bin, what it learned, beyond its end; `None`: nowhere.
        """
