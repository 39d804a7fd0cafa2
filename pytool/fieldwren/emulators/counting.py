"""Executed instructions by class and by function, counted by a plugin inside QEMU.

The plugin (firmware/tools/qemu_count.c) counts runs of translated blocks while a function is on the stack; what the
blocks consist of is read off the image here. Nothing is added to the firmware, so the counts are exact.
"""

from __future__ import annotations

import bisect
import hashlib
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fieldwren import paths, tools
from fieldwren.boards import Image
from fieldwren.boards.definition import QemuMachine
from fieldwren.emulators import thumb
from fieldwren.emulators.qemu import Qemu
from fieldwren.errors import BadInputError, BuildError, LinkLostError

TAKEN_BRANCH_CYCLES = 3


@dataclass(frozen=True)
class Counts:
    """What ran while the function was on the stack, itself and all that it called, summed over `calls` calls.

    `classes` counts instructions: `load_store_multiple`, `load_store_pair`, `divide`, `branch_taken`, `other`.
    `cycles_estimated` is a stated simple model of a Cortex-M4 (LDM/STM 1+n, LDRD/STRD 3, divide 12, taken branch 3,
    others 1, no waiting for memory); `None` off Arm, as is `classes`. `functions` gives each function's own
    instructions.
    """

    calls: int
    instructions: int
    classes: Mapping[str, int] | None
    cycles_estimated: int | None
    functions: Mapping[str, int]


@dataclass(frozen=True)
class _Block:
    address: int
    nbytes: int
    instructions: int
    runs: int
    followed: int
    followed_before: int

    def taken(self, true_nbytes: int) -> int:
        """How often something else than the following code ran next."""
        return self.runs - (self.followed if true_nbytes == self.nbytes else self.followed_before)


def count_instructions(
    image: Image, symbol: str, *, files: Mapping[str, bytes] | None = None, timeout_s: float = 60.0
) -> Counts:
    """Runs the image to its end and counts what `symbol` executes. Deterministic.

    Raises BadInputError for a board that QEMU does not run, an unknown symbol or one that is never called, and
    LinkLostError when the image does not end.
    """
    board = image.project.board
    if not isinstance(board.emulator, QemuMachine):
        raise BadInputError(f"{board.id}: instructions are counted in QEMU, and this board does not run there")
    start = image.symbol(symbol).address
    with tempfile.TemporaryDirectory(prefix="fieldwren-count-") as folder:
        out = Path(folder) / "counts"
        arguments = ("-plugin", f"{_escaped(_plugin(board.emulator.program))},start={start:#x},out={_escaped(out)}")
        Qemu(arguments).run_to_exit(image.elf, board, files=files or {}, timeout_s=timeout_s, icount=True)
        if not out.is_file():
            raise LinkLostError(f"{board.id}: QEMU ended without writing its counts")
        lines = out.read_text().splitlines()
    windows, blocks = _parse(lines)
    if windows == 0:
        raise BadInputError(f"{image.elf}: {symbol} was never called")
    if "open" in lines:
        raise BadInputError(f"{image.elf}: {symbol} did not return before the image ended")
    return _summarise(image, windows, blocks)


def _parse(lines: list[str]) -> tuple[int, list[_Block]]:
    windows = int(lines[0].removeprefix("windows "))
    return windows, [_Block(*map(int, line.split()[1:])) for line in lines if line.startswith("block ")]


def _summarise(image: Image, windows: int, blocks: list[_Block]) -> Counts:
    functions: Counter[str] = Counter()
    classes: Counter[str] = Counter()
    cycles = 0
    code = _Code(image)
    is_arm = image.project.board.core.architecture == "arm"
    for block in blocks:
        functions[code.function_at(block.address)] += block.runs * block.instructions
        if is_arm:
            decoded = code.instructions(block.address, block.instructions)
            for instruction in decoded:
                classes[instruction.kind.value] += block.runs
                cycles += block.runs * instruction.cycles
            # The last instruction was counted as one that does not branch.
            taken = block.taken(sum(instruction.nbytes for instruction in decoded))
            classes[decoded[-1].kind.value] -= taken
            classes["branch_taken"] += taken
            cycles += taken * (TAKEN_BRANCH_CYCLES - 1)
    return Counts(
        calls=windows,
        instructions=sum(functions.values()),
        classes=dict(sorted(classes.items())) if is_arm else None,
        cycles_estimated=cycles if is_arm else None,
        functions=dict(functions.most_common()),
    )


class _Code:
    """The bytes and functions of an image by address."""

    def __init__(self, image: Image) -> None:
        from elftools.elf.elffile import ELFFile

        with image.elf.open("rb") as stream:
            segments = [s for s in ELFFile(stream).iter_segments() if s["p_type"] == "PT_LOAD"]
            self._segments = [(segment["p_vaddr"], segment.data()) for segment in segments]
        functions = [symbol for symbol in image.symbols if symbol.kind == "func"]
        self._starts = [symbol.address for symbol in functions]
        self._names = [symbol.name for symbol in functions]

    def function_at(self, address: int) -> str:
        """The function whose code begins nearest before the address."""
        index = bisect.bisect_right(self._starts, address) - 1
        return self._names[index] if index >= 0 else f"{address:#x}"

    def instructions(self, address: int, count: int) -> list[thumb.Instruction]:
        """The `count` Thumb instructions from an address on."""
        for start, data in self._segments:
            if start <= address < start + len(data):
                found, offset = [], address - start
                for _ in range(count):
                    found.append(thumb.decode(data, offset))
                    offset += found[-1].nbytes
                return found
        raise BadInputError(f"QEMU ran code at {address:#x}, which is not in the image")


def _escaped(path: Path) -> str:
    """The path as a part of a QEMU option, in which commas separate."""
    return str(path.absolute()).replace(",", ",,")


def _plugin(program: str) -> Path:
    """The compiled plugin for the installed QEMU; made on first use."""
    source = paths.firmware() / "tools" / "qemu_count.c"
    question = [str(tools.require(program, "an emulator")), "--version"]
    answer = subprocess.run(question, capture_output=True, text=True, check=False)
    major = re.search(r"version (\d+)\.", answer.stdout)
    interface = 2 if major and int(major.group(1)) >= 9 else 1
    digest = hashlib.sha256(source.read_bytes() + bytes([interface])).hexdigest()[:16]
    target = paths.cache() / "tools" / f"qemu_count-{digest}.so"
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    compiler = tools.require("cc", "the compiler for QEMU's counting plugin")
    scratch = target.with_suffix(f".{os.getpid()}")
    flags = ["-std=c99", "-O2", "-shared", "-fPIC", f"-DFW_PLUGIN_VERSION={interface}"]
    command = [str(compiler), *flags, "-o", str(scratch), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if " error: " in line]
        raise BuildError(f"QEMU's counting plugin does not compile: {(errors or ['no reason given'])[0]}")
    scratch.replace(target)
    return target
