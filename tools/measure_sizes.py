"""Writes boards/sizes/<cpu>.json: what each kernel takes in linked images, for `fieldwren check`.

    python tools/measure_sizes.py [BOARD…]      default: one board for each core that runs in an emulator

For each model at hand (the examples' and the public ones) the `core` image is linked, and model.c is compiled alone for
every model and for the shapes of tools/measure_costs.py: the most and the least that an instance of a kernel took, its
stack by the compiler's own account, and which of the routines that kernels share it calls.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import SymbolTableSection
from measure_costs import graph_of, probes

from fieldwren import paths
from fieldwren.bench import painted_stack
from fieldwren.benchmarks.figures import models_at_hand
from fieldwren.boards import Board, Image, load_board
from fieldwren.boards.counting import COUNTED, counting_board
from fieldwren.boards.definition import board_ids
from fieldwren.compiler import compile_model
from fieldwren.errors import FieldwrenError
from fieldwren.images import cached_image, core_of, model_sources
from fieldwren.ops.lowering import lower
from fieldwren.ops.variants import FAMILIES, variants
from fieldwren.plan import Plan, plan
from fieldwren.sources import Sources

WORKERS = 2
_INSTANCE = re.compile(r"^k\d+_(\w+?)(?:\.[\w.]+)?$")
_STACK_USE = re.compile(r":(\w[\w.]*)\t(\d+)\t")
_OWN = ("fw_model_invoke", "fw_model_reset", "main")
_PAINTED = ("tflm_hello_world", "mlperf_kws_dscnn", "mlperf_ad01", "example-digits")
_MODEL_MOST = 1 << 20
"""Larger files take long and show nothing new."""


@dataclass
class Seen:
    """What instances of one kernel took."""

    code: list[int] = field(default_factory=list)
    stack: int = 0
    calls: set[str] = field(default_factory=set)


def kernel_of(function: str) -> str | None:
    """The kernel that a function of model.c is an instance of."""
    match = _INSTANCE.match(function)
    return match.group(1) if match else None


@dataclass(frozen=True)
class Compiled:
    """Bytes of code and stack, and the routines outside model.c that are called, for each function of model.c."""

    code: dict[str, int]
    stack: dict[str, int]
    calls: dict[str, set[str]]


def compiled(sources: Sources, board: Board) -> Compiled:
    """model.c alone, compiled as in the image."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in sources.files.items():
            (Path(folder) / name).write_bytes(content)
        includes = [f"-I{paths.firmware()}", f"-I{paths.firmware() / 'include'}", f"-I{folder}"]
        assert board.toolchain is not None
        command = [f"{board.toolchain.prefix}gcc", "-std=c99", *sources.optimise_flags, *board.core.flags]
        subprocess.run(
            [
                *(*command, "-ffp-contract=off", *includes, "-ffunction-sections", "-fstack-usage"),
                *("-c", "model.c", "-o", "model.o"),
            ],
            cwd=folder,
            check=True,
            stderr=subprocess.DEVNULL,
        )
        stack = {name: int(n) for name, n in _STACK_USE.findall((Path(folder) / "model.su").read_text())}
        with (Path(folder) / "model.o").open("rb") as stream:
            code, calls = _functions(ELFFile(stream))
        return Compiled(code, stack, calls)


def _functions(file: ELFFile) -> tuple[dict[str, int], dict[str, set[str]]]:
    table = file.get_section_by_name(".symtab")
    assert isinstance(table, SymbolTableSection)
    code = {s.name: s["st_size"] for s in table.iter_symbols() if s["st_info"]["type"] == "STT_FUNC"}
    calls: dict[str, set[str]] = {}

    def name_of(number: int) -> str:
        symbol = table.get_symbol(number)  # a section's symbol where the called function is static
        where = symbol["st_shndx"]
        if symbol.name or not isinstance(where, int):
            return str(symbol.name)
        return str(file.get_section(where).name).removeprefix(".text.")

    for section in file.iter_sections():
        target = section.name.removeprefix(".rela").removeprefix(".rel").removeprefix(".text.")
        if isinstance(section, RelocationSection) and target in code:
            calls[target] = {name_of(r["r_info_sym"]) for r in section.iter_relocations()}
    return code, calls


class Measuring:
    """Everything that was seen of one core."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.kernels: dict[str, Seen] = {}
        self.images: list[tuple[set[str], dict[str, int], int, int]] = []
        """(kernels, shared routines and their bytes, code without them, operands of all calls)."""
        self.same: dict[str, str] = {}
        """Routines by name; several names of one routine are the first of them."""
        self.invoke_bytes = 0.0
        self.ram_bytes = 0
        self.stack_bytes = 0

    def functions(self, made: Compiled) -> None:
        """Adds the instances of one model.c, and what they call through other functions of it."""

        def reached(function: str, seen: frozenset[str]) -> set[str]:
            found = set()
            for called in made.calls.get(function, set()) - seen:
                found |= {called}
                if called in made.code:
                    found |= reached(called, seen | {called})
            return found

        for function, nbytes in made.code.items():
            kernel = kernel_of(function)
            if kernel is None:
                continue
            seen = self.kernels.setdefault(kernel, Seen())
            seen.code.append(nbytes)
            seen.stack = max(seen.stack, made.stack.get(function, 0))
            seen.calls |= reached(function, frozenset({function}))

    def image(self, image: Image, planned: Plan, made: Compiled) -> None:
        """Adds what a linked image has besides the instances."""
        assert image.weights_bytes is not None
        sizes: dict[str, int] = {}
        first, end = "", 0
        for s in image.symbols:  # by address
            if s.bytes and s.kind == "func" and s.name not in _OWN and kernel_of(s.name) is None:
                if s.address >= end:  # else another entry into the routine before it
                    first, end = self.same.setdefault(s.name, s.name), s.address
                self.same.setdefault(s.name, first)
                sizes[first] = sizes.get(first, 0) + max(0, s.address + s.bytes - end)
                end = max(end, s.address + s.bytes)
        instances = sum(nbytes for name, nbytes in made.code.items() if kernel_of(name))
        calls = planned.program.calls
        kernels = {call.kernel.name for call in calls}
        has_all = kernels == {kernel_of(name) for name in made.code} - {None}
        invoke = made.code.get("fw_model_invoke", 0)
        operands = max(1, sum(o is not None for call in calls for o in call.operands) + len(calls))
        if has_all and calls:  # else one was put into fw_model_invoke
            self.invoke_bytes = max(self.invoke_bytes, invoke / operands)
        rest = image.flash_bytes - image.weights_bytes - instances - (invoke if has_all else 0) - sum(sizes.values())
        if has_all:
            self.images.append((kernels, sizes, rest, operands))
        self.ram_bytes = max(self.ram_bytes, image.ram_static_bytes - planned.arena_bytes - planned.state_bytes)

    def table(self) -> dict[str, object]:
        """The content of the core's file."""
        base = set.intersection(*(set(sizes) for _, sizes, _, _ in self.images))
        shared: dict[str, int] = {}
        for _, sizes, _, _ in self.images:
            for name in sizes.keys() - base:
                shared[name] = max(shared.get(name, 0), sizes[name])
        with_it = {name: [set(s) - base for _, s, _, _ in self.images if name in s] for name in shared}
        needs = {name: set.intersection(*found) for name, found in with_it.items()}
        kernels = {}
        for name, seen in sorted(self.kernels.items()):
            called = {self.same.get(name, name) for name in seen.calls}
            calls = {needed for name in called if name in needs for needed in needs[name]}
            kernels[name] = {
                "code_bytes": max(seen.code),
                "least_code_bytes": min(seen.code),
                "stack_bytes": seen.stack,
                "calls": sorted(calls),
            }
        used = {call for kernel in kernels.values() for call in kernel["calls"]}  # type: ignore[attr-defined]
        fixed = [rest + sum(n for s, n in sizes.items() if s not in used) for _, sizes, rest, _ in self.images]
        return {
            "base_code_bytes": max(fixed),
            "least_base_code_bytes": min(fixed),
            "base_ram_bytes": self.ram_bytes,
            "base_stack_bytes": self.stack_bytes,
            "operand_bytes": round(self.invoke_bytes, 2),
            "shared": {name: shared[name] for name in sorted(used)},
            "kernels": kernels,
        }


def plans(board: Board) -> Iterator[tuple[str, Plan]]:
    """The models at hand that this core can run."""
    core = core_of(board)
    for name, path in models_at_hand().items():
        if path.stat().st_size <= _MODEL_MOST:
            try:
                yield name, compile_model(path, core)
            except FieldwrenError as error:
                print(f"{name}: left out: {error}", file=sys.stderr)


def _probe_plans(board: Board) -> Iterator[Plan]:
    """Every probe by every variant that takes it, each alone, so that all its parameters are literal."""
    core = core_of(board)
    names = dict.fromkeys(v.name for family in FAMILIES for v in variants(family) if core.has(v.needs))
    for probe in probes():
        for name in names:
            program = lower(graph_of([probe]), core, only=name)
            if program.calls[-1].alternatives[0].name == name:
                yield plan(program)


def measure(board: Board) -> dict[str, object]:
    """The table of the board's core."""
    seen = Measuring(board)

    def model(named: tuple[str, Plan]) -> tuple[str, Plan, Compiled, Image | None]:
        name, planned = named
        sources = model_sources(planned, board, "core")
        made = compiled(sources, board)
        try:
            return name, planned, made, cached_image(sources, board)
        except FieldwrenError as error:
            print(f"{name} on {board.id}: not linked: {str(error)[:100]}", file=sys.stderr)
            return name, planned, made, None

    with ThreadPoolExecutor(WORKERS) as pool:
        for name, planned, made, image in pool.map(model, plans(board)):
            seen.functions(made)
            if image is None:
                continue
            seen.image(image, planned, made)
            if name in _PAINTED:
                deepest = max((n for f, n in made.stack.items() if kernel_of(f)), default=0)
                seen.stack_bytes = max(seen.stack_bytes, painted_stack(planned, board) - deepest)
        for made in pool.map(lambda p: compiled(model_sources(p, board, "core"), board), _probe_plans(board)):
            seen.functions(made)
    return seen.table()


def _own_base(table: dict[str, object], board: Board) -> None:
    """A board that was borrowed memory for has other start-up code: what its smallest image takes more."""
    for other in map(load_board, board_ids()):
        if other.core.cpu == board.core.cpu and other.id != board.id and other.memory is not None:
            planned = compile_model(models_at_hand()["example-presence"], core_of(other))
            sources = model_sources(planned, other, "core")
            own, here = cached_image(sources, other), cached_image(model_sources(planned, board, "core"), board)
            more = max(0, own.flash_bytes - here.flash_bytes)
            table["base_code_bytes"] = max(
                int(str(table["base_code_bytes"])), int(str(table["base_code_bytes"])) + more
            )
            table["base_ram_bytes"] = int(str(table["base_ram_bytes"])) + max(
                0, own.ram_static_bytes - here.ram_static_bytes
            )


def main(boards: Sequence[str]) -> None:
    """Measures each board's core and writes its table."""
    for board_id in boards or COUNTED:
        board = counting_board(board_id)
        table = measure(board)
        if board_id not in board_ids():
            _own_base(table, board)
        path = paths.boards() / "sizes" / f"{board.core.cpu}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        print(f"{path.name}: {len(table['kernels'])} kernels")  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1:])
