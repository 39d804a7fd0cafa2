"""Measures what kernels cost on the cores that QEMU counts, and writes boards/costs/latency/<cpu>.json.

The catalogue estimates the latency of models that never ran on a board: with boards/costs where that knows a kernel, and
else with these prices. Each price is fitted to
counted instructions of the layers of real models (`fieldwren bench`): instructions = per_unit * units + per_call,
where a unit is a multiply-accumulate, or a byte of output for kernels that multiply nothing.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

import click
import numpy as np

from fieldwren import paths
from fieldwren.bench import BenchResult, bench
from fieldwren.boards import load_board
from fieldwren.compiler import compile_model
from fieldwren.errors import FieldwrenError
from fieldwren.images import core_of

ROOT = Path(__file__).resolve().parent.parent
BOARDS = ("mps2-an386", "mps2-an385", "mps2-an500", "mps2-an505", "mps3-an547", "microbit", "riscv32-virt")
Sample = tuple[float, float]


def models() -> list[Path]:
    """The examples' models, and public ones with other operators where the shared data are at hand."""
    data = paths.shared_data()
    public = sorted((data / "models").glob("*.tflite")) if data else []
    return [*sorted(paths.examples().glob("*/model.tflite")), *public]


def layer_samples(model: Path, board: str, result: BenchResult) -> list[tuple[str, Sample]]:
    """(kernel, (units, instructions)) of each kernel call."""
    program = compile_model(model, core_of(load_board(board))).program
    outputs = [call.output for call in program.calls]
    units = [
        float(call.macs or (program.buffers[output.buffer].nbytes if output is not None else 1))
        for call, output in zip(program.calls, outputs, strict=True)
    ]
    return [(layer.kernel, (u, layer.instructions)) for layer, u in zip(result.layers, units, strict=True)]


def fit(samples: list[Sample]) -> dict[str, float]:
    """Price per unit and per call with the least relative error, neither below zero, and what that error is."""
    units, cost = np.array([s[0] for s in samples]), np.array([s[1] for s in samples])
    weighted = np.stack([units, np.ones_like(units)], axis=1) / cost[:, None]
    per_unit, per_call = np.linalg.lstsq(weighted, np.ones_like(cost), rcond=None)[0]
    if len(samples) < 3 or per_unit < 0 or per_call < 0:
        per_unit, per_call = float(cost.sum() / units.sum()), 0.0
    error = np.abs((per_unit * units + per_call) / cost - 1)
    return {
        "per_unit": round(float(per_unit), 4),
        "per_call": round(float(per_call), 1),
        "calls": len(samples),
        "worst_error": round(float(error.max()), 3),
    }


def measure(board: str, chosen: list[Path]) -> dict[str, object]:
    """The price list of a board's core."""
    samples: dict[str, list[Sample]] = defaultdict(list)
    ratios: list[float] = []
    used: list[str] = []
    for model in chosen:
        try:
            result = bench(model, board)
        except FieldwrenError as error:
            click.echo(f"{board}: {model.stem}: {error}", err=True)
            continue
        for kernel, sample in layer_samples(model, board, result):
            samples[kernel].append(sample)
        if result.cycles_estimated is not None:
            ratios.append(result.cycles_estimated / result.instructions)
        used.append(model.parent.name if model.stem == "model" else model.stem)
    everything = [sample for kernel in samples.values() for sample in kernel]
    return {
        "board": board,
        "models": used,
        "cycles_per_instruction": round(float(np.mean(ratios)), 4) if ratios else None,
        "any_kernel_per_unit": round(sum(s[1] for s in everything) / sum(s[0] for s in everything), 4),
        "kernels": {name: fit(kernel) for name, kernel in sorted(samples.items())},
    }


@click.command()
@click.argument("boards", nargs=-1)
def main(boards: tuple[str, ...]) -> None:
    """Measure BOARDS (default: all that count)."""
    folder = ROOT / "boards" / "costs" / "latency"
    folder.mkdir(parents=True, exist_ok=True)
    for board in boards or BOARDS:
        cpu = load_board(board).core.cpu
        (folder / f"{cpu}.json").write_text(json.dumps(measure(board, models()), indent=1) + "\n", encoding="utf-8")
        click.echo(f"boards/costs/latency/{cpu}.json", err=True)


if __name__ == "__main__":
    sys.exit(main())
