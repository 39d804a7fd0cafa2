"""`make bench`: `fieldwren bench` over many models as one table, and as runs/bench.json for comparing commits."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from fieldwren import paths
from fieldwren.bench import BenchResult, bench
from fieldwren.cli.output import plain
from fieldwren.errors import FieldwrenError

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "runs" / "bench.json"


def known_models() -> list[Path]:
    """The examples' models, then the public ones where the shared data are at hand."""
    data = paths.shared_data()
    return [
        *sorted(paths.examples().glob("*/model.tflite")),
        *(sorted((data / "models").glob("*.tflite")) if data else []),
    ]


@click.command()
@click.option("--board", "boards", multiple=True, default=["mps2-an386"], show_default=True)
@click.argument("models", nargs=-1, type=click.Path(path_type=Path))
def main(boards: tuple[str, ...], models: tuple[Path, ...]) -> None:
    """Measure MODELS (default: all there are) on one or more boards."""
    results: list[BenchResult] = []
    refused: list[str] = []
    for model in models or known_models():
        for board in boards:
            click.echo(f"{model.stem} on {board}", err=True)
            try:
                results.append(bench(model, board))
            except FieldwrenError as error:
                refused.append(str(error))
    Console(width=None if sys.stdout.isatty() else 140).print(_table(results))
    for sentence in refused:
        click.echo(f"refused: {sentence}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(plain(results), indent=1) + "\n", encoding="utf-8")
    click.echo(f"written to {RESULTS.relative_to(ROOT)}")


def _table(results: list[BenchResult]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("model", "board"):
        table.add_column(heading)
    for heading in ("instructions", "a MAC", "weights", "code", "arena", "RAM"):
        table.add_column(heading, justify="right")
    for result in results:
        sizes = (result.weights_bytes, result.code_bytes, result.arena_bytes, result.ram_bytes)
        each = f"{result.instructions / result.macs:.2f}" if result.macs else ""
        table.add_row(
            result.model, result.board, f"{result.instructions:,}", each, *(f"{nbytes:,}" for nbytes in sizes)
        )
    return table


if __name__ == "__main__":
    main()
