"""Verbs about data before they are trained on: data check."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fieldwren.cli import output
from fieldwren.cli.options import json_option

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.train.data.leaks import CheckResult


@click.group()
def data() -> None:
    """Look at data before training on them."""


@data.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--label", help="Column to predict.  [default: one named so, else the last]")
@click.option("--columns", metavar="A,B,…", default="", help="Columns a model would see.  [default: all numbers]")
@json_option
def check(source: Path, label: str | None, columns: str, json: bool) -> int:
    """Say what in SOURCE, a table or a folder of tables or recordings, gives labels away; exit 1 if anything does."""
    from fieldwren.train.data.leaks import check_data

    names = [name.strip() for name in columns.split(",") if name.strip()]
    with output.progress(f"checking {source.name}"):
        result = check_data(source, label=label, columns=names)
    output.emit(result, json=json, show=_show)
    if result.clean:
        return 0
    worst = [finding.where for finding in result.findings if finding.severity != "note"]
    return output.no(f"{source}: a model would learn the label from {', '.join(worst)}")


def _show(console: Console, result: CheckResult) -> None:
    if result.label is not None:
        console.print(f"{result.rows:,} rows, {len(result.columns)} columns against {result.label}")
    else:
        console.print(f"{result.recordings:,} recordings of {result.groups} speakers")
    for finding in result.findings:
        console.print(f"{finding.severity}: {finding.message}")
    if not result.findings:
        console.print("nothing gives the label away")
