"""Verbs that make models: train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fieldwren.cli import output
from fieldwren.cli.options import json_option

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.train import TrainResult


@click.command()
@click.argument("example")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder of recordings or tables.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="App folder to write.")
@click.option("--hold-out", metavar="NAME", help="Speaker or corpus (digits), file stem (presence) to measure on.")
@click.option("--without-classes", metavar="A,B,…", default="", help="Classes to leave out.")
@click.option("--seed", type=int, help="Instead of the recipe's.")
@click.option("--recipe", type=click.Path(path_type=Path), help="train.toml to use instead of the example's.")
@json_option
def train(
    example: str,
    data: Path,
    out: Path,
    hold_out: str | None,
    without_classes: str,
    seed: int | None,
    recipe: Path | None,
    json: bool,
) -> None:
    """Train EXAMPLE (digits, presence) on a folder of data: OUT becomes an app folder with an int8 model."""
    from fieldwren.train import train

    result = train(
        example,
        data,
        out,
        hold_out=hold_out,
        without_classes=[name.strip() for name in without_classes.split(",") if name.strip()],
        seed=seed,
        recipe_file=recipe,
        progress=output.note,
    )
    output.emit(result, json=json, show=_show)


def _show(console: Console, result: TrainResult) -> None:
    console.print(
        f"int8 {100 * result.int8_accuracy:.1f} %, float {100 * result.float_accuracy:.1f} % of {result.test_count} "
        f"examples that training never saw: {result.measured_on}"
    )
    console.print(
        f"{result.params:,} parameters, {result.macs:,} multiply-accumulates, trained in {result.seconds:.0f} s"
    )
