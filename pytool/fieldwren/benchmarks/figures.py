"""All figures of docs/benchmarks.json: measured over models, boards and front ends, and compared with older ones."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fieldwren import paths, tools
from fieldwren.bench import BenchResult, bench
from fieldwren.benchmarks.front_ends import FRONT_ENDS, front_end_cost
from fieldwren.benchmarks.peers import load_peer
from fieldwren.benchmarks.show import choice
from fieldwren.benchmarks.suite import constants_bytes
from fieldwren.boards.counting import COUNTED, counting_board
from fieldwren.errors import FieldwrenError
from fieldwren.graph import Graph
from fieldwren.tflite import read_model

Figures = dict[str, Any]
"""`{"models": {model: {board: {figure: number}}}, "layers": {model: [...]}, "front_ends": {...}}`, as in the JSON file."""

TOLERANCE = 0.02
MAIN_BOARD = "mps2-an386"
COMPARED = ("mps2-an386", "cortex-m0", "mps2-an500", "mps2-an505", "mps3-an547")
"""Boards with more than portable kernels: the ratio to those is measured too."""


@dataclass(frozen=True)
class Worse:
    """A figure that grew by more than the tolerance."""

    name: str
    old: float
    new: float

    def __str__(self) -> str:
        growth = f"{(self.new / self.old - 1) * 100:+.1f} %" if self.old else "from nothing"
        return f"{self.name}: {self.old:,} -> {self.new:,} ({growth})"


@dataclass(frozen=True)
class Job:
    """One model on one board."""

    name: str
    path: Path
    board: str


def main_models() -> tuple[str, ...]:
    """The models that are measured on every board: those with a bar, and the examples'."""
    peer = load_peer()
    return (
        *(model.stem for model in peer.models),
        *(model.name for model in peer.portable),
        *(f"example-{path.parent.name}" for path in _examples()),
    )


def _examples() -> list[Path]:
    return sorted(paths.examples().glob("*/model.tflite"))


def models_at_hand(extra: Mapping[str, Path] | None = None) -> dict[str, Path]:
    """Every model by name: the examples', the public ones beside the checkout, and `extra`."""
    data = paths.shared_data()
    found = {f"example-{path.parent.name}": path for path in _examples()}
    found |= {path.stem: path for path in sorted((data / "models").glob("*.tflite"))} if data else {}
    return found | dict(extra or {})


def measure(
    models: Mapping[str, Path],
    *,
    boards: Sequence[str] = COUNTED,
    workers: int = 2,
    front_ends: bool = True,
    progress: Callable[[str], None] = lambda text: None,
) -> Figures:
    """Main models on all `boards`, the others on the first of them; front ends on all. No figure is a time."""
    main = main_models()
    jobs = [
        Job(name, path, board) for name, path in models.items() for board in (boards if name in main else boards[:1])
    ]

    def run(job: Job) -> tuple[Job, dict[str, Any] | None]:
        progress(f"{job.name} on {job.board}")
        return job, _model(job, is_main=job.name in main)

    figures: Figures = {"compilers": _compilers(), "models": {}, "layers": {}, "front_ends": {}}
    with ThreadPoolExecutor(workers) as pool:
        for job, made in pool.map(run, jobs):
            if made is not None:
                layers = made.pop("layers")
                if job.board == MAIN_BOARD and job.name in main:
                    figures["layers"][job.name] = layers
                figures["models"].setdefault(job.name, {})[job.board] = made
    if front_ends:
        for name, parameters in FRONT_ENDS.items():
            for board in boards:
                progress(f"front end {name} on {board}")
                cost = front_end_cost(parameters, counting_board(board))
                figures["front_ends"].setdefault(name, {})[board] = {
                    "instructions": cost.instructions,
                    "tables_bytes": cost.tables_bytes,
                    "memory_bytes": cost.memory_bytes,
                }
    return figures


def _model(job: Job, *, is_main: bool) -> dict[str, Any] | None:
    """The figures of one model on one board; None where it does not fit or is refused."""
    target = counting_board(job.board)
    try:
        graph = read_model(job.path)
        made = bench(job.path, target, full=job.board == MAIN_BOARD)
    except FieldwrenError:
        return None
    figures = _figures(made, graph)
    if is_main and job.board in COMPARED:
        plain = bench(job.path, target, portable=True, full=False)
        figures["portable_instructions"] = plain.instructions
    return figures


def _figures(made: BenchResult, graph: Graph) -> dict[str, Any]:
    kinds: Counter[str] = Counter()
    for layer in made.layers:
        kinds[layer.name] += layer.instructions
    return {
        "instructions": made.instructions,
        "cycles_estimated": made.cycles_estimated,
        "macs": made.macs,
        "weights_bytes": made.weights_bytes,
        "tflite_constants_bytes": constants_bytes(graph),
        "code_bytes": made.code_bytes,
        "arena_bytes": made.arena_bytes,
        "stack_bytes": made.stack_bytes,
        "ram_bytes": made.ram_bytes,
        **(
            {}
            if made.full is None
            else {"full_code_bytes": made.full.code_bytes, "full_ram_bytes": made.full.ram_bytes}
        ),
        "kinds": dict(kinds.most_common()),
        "layers": [
            {
                "operator": f"{layer.operator} {layer.name}",
                "kernel": layer.kernel,
                "instructions": layer.instructions,
                "macs": layer.macs,
                "chosen_from": choice(layer.alternatives),
            }
            for layer in made.layers
        ],
    }


def _compilers() -> dict[str, str]:
    """What built the images: sizes and counts belong to a compiler's version."""
    toolchains = (counting_board(board).toolchain for board in COUNTED)
    prefixes = dict.fromkeys(toolchain.prefix for toolchain in toolchains if toolchain is not None)
    versions = {}
    for prefix in prefixes:
        compiler = tools.require(f"{prefix}gcc", "the compiler of the benchmarks")
        done = subprocess.run([str(compiler), "-dumpfullversion"], capture_output=True, text=True, check=True)
        versions[f"{prefix}gcc"] = done.stdout.strip()
    return versions


_NEUTRAL = ("macs", "tflite_constants_bytes", "portable_instructions")
"""Figures that are no cost of ours, or none that a device pays."""


def _numbers(figures: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    for key, value in figures.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{name}/")
        elif isinstance(value, int | float) and key not in _NEUTRAL:
            yield name, value


def worse(old: Figures, new: Figures, tolerance: float = TOLERANCE) -> list[Worse]:
    """The figures of `new` that are more than `tolerance` above those of `old`; only what both have is compared."""
    found = []
    for part in ("models", "front_ends"):
        before = dict(_numbers(old.get(part, {}), f"{part}/"))
        for name, value in _numbers(new.get(part, {}), f"{part}/"):
            if name in before and value > before[name] * (1 + tolerance):
                found.append(Worse(name, before[name], value))
    return found


def merged(old: Figures, new: Figures) -> Figures:
    """`new`, with the models, boards and front ends of `old` that were not measured now."""
    made: Figures = {"compilers": new["compilers"]}
    for part in ("models", "layers", "front_ends"):
        made[part] = {**old.get(part, {}), **new[part]}
        if part != "layers":
            made[part] = {
                name: {**old.get(part, {}).get(name, {}), **boards} for name, boards in sorted(made[part].items())
            }
    return made
