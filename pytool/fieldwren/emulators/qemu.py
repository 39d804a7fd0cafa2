"""QEMU's boards."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from fieldwren import tools
from fieldwren.boards import Board
from fieldwren.boards.definition import QemuMachine
from fieldwren.emulators import process
from fieldwren.emulators.interface import EmulatorResult
from fieldwren.errors import BadInputError, LinkLostError


class Qemu:
    """Runs images with `qemu-system-arm` or `qemu-system-riscv32`; `arguments` are passed on to it."""

    def __init__(self, arguments: tuple[str, ...] = ()) -> None:
        self._arguments = arguments

    def run_to_exit(
        self, elf: Path, board: Board, *, files: Mapping[str, bytes], timeout_s: float, icount: bool
    ) -> EmulatorResult:
        """Runs the image until it calls fw_port_exit().

        With `icount`, one executed instruction is one nanosecond of the board's clocks, sleep takes no time, and
        equal runs give equal results. Raises LinkLostError after
        `timeout_s` or when QEMU itself gives up.
        """
        command = [*self._command(elf, board), "-serial", "none"]
        if icount:
            command += ["-icount", "shift=0,sleep=off"]
        result, complaints = process.run_to_exit(command, board.id, files=files, timeout_s=timeout_s)
        errors = [line for line in complaints.splitlines() if ": warning: " not in line]
        if errors or result.exit_code < 0:
            reason = errors[0] if errors else f"signal {-result.exit_code}"
            raise LinkLostError(f"{board.id}: QEMU gave up: {reason}")
        return result

    def start(
        self, elf: Path, board: Board, folder: Path | None = None
    ) -> AbstractContextManager[process.SocketDevice]:
        """Starts the image in real time, its first UART on a socket."""
        command = [*self._command(elf, board), "-chardev", "socket,id=link,fd={fd}", "-serial", "chardev:link"]
        return process.start(command, board.id, link="descriptor", folder=folder)

    def _command(self, elf: Path, board: Board) -> list[str]:
        machine = board.emulator
        if not isinstance(machine, QemuMachine):
            raise BadInputError(f"{board.id}: QEMU does not emulate this board")
        return [
            str(tools.require(machine.program, f"which emulates {board.id}")),
            *("-machine", machine.machine, *machine.arguments),
            *("-display", "none", "-monitor", "none"),
            *("-semihosting-config", "enable=on,target=native"),
            *("-kernel", str(elf.absolute())),
            *self._arguments,
        ]
