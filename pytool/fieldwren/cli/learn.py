"""Verbs about learning: learn simulate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fieldwren.cli import output
from fieldwren.cli.options import json_option

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.learn import SimulateResult
    from fieldwren.learn.simulate import Accuracy, Taught


@click.group()
def learn() -> None:
    """Teach an app on its device, or measure what teaching would do."""


@learn.command()
@click.argument("app", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Recordings or tables, see the docs.")
@click.option("--only", multiple=True, help="A group (speaker, room) to teach.  [default: every one, separately]")
@click.option("--shots", required=True, type=click.IntRange(1, 1000), help="Samples taught of each class.")
@click.option("--passes", default=20, show_default=True, type=click.IntRange(1, 1000), help="Passes over them.")
@click.option("--new-classes", default="", help="Comma-separated classes to take out of the model and teach as new.")
@click.option("--teach", type=click.Choice(["all", "new"]), default="all", show_default=True, help="Classes to teach.")
@click.option("--repeats", default=1, show_default=True, type=click.IntRange(1, 1000), help="Draws of the shots.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed of the draws.")
@click.option("--board", default="host", show_default=True, help="host, or an emulated board to run the learner on.")
@json_option
def simulate(
    app: Path,
    data: Path,
    only: tuple[str, ...],
    shots: int,
    passes: int,
    new_classes: str,
    teach: Taught,
    repeats: int,
    seed: int,
    board: str,
    json: bool,
) -> None:
    """Teach APP with samples of every group in turn and measure on the rest."""
    from fieldwren.learn import simulate

    names = [name.strip() for name in new_classes.split(",") if name.strip()]
    with output.progress(f"teaching {app.name} on {board}"):
        result = simulate(
            app,
            data,
            shots=shots,
            only=only,
            passes=passes,
            new_classes=names,
            taught=teach,
            repeats=repeats,
            seed=seed,
            board=board,
        )
    output.emit(result, json=json, show=_show_simulate)


def _show_simulate(console: Console, result: SimulateResult) -> None:
    from rich.table import Table

    console.print(
        f"{result.app} on {result.board}: {result.shots} shots a class, {result.passes} passes, {result.repeats} repeats, "
        f"{result.updates:,} updates, {result.ram_bytes:,} bytes of RAM"
    )
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("group", "before", "after", "new classes", "old before", "old after"):
        table.add_column(title, justify="left" if title == "group" else "right")
    rows: list[tuple[str, Accuracy | SimulateResult]] = [*result.per_group.items(), ("mean", result)]
    for group, part in rows:
        shares = (
            part.accuracy_before,
            part.accuracy_after,
            part.accuracy_new,
            part.accuracy_old_before,
            part.accuracy_old_after,
        )
        table.add_row(group, *("" if share is None else f"{100 * share:.1f} %" for share in shares))
    console.print(table)
    if result.instructions_per_update is not None:
        console.print(f"{result.instructions_per_update:,.0f} instructions an update")
