"""Verbs about data before they are trained on: data check, data fetch."""

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
    """Fetch data, and look at them before training."""


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


@data.command()
@click.argument("source")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to make of an archive, or file.")
@click.option("--sha256", help="What SOURCE must hash to; known for the data sets that have a name.")
@json_option
def fetch(source: str, out: Path, sha256: str | None, json: bool) -> None:
    """Download SOURCE, an address or speech-commands-v1 or -v2, check and unpack it; goes on where it broke off."""
    from fieldwren.train.data.fetch import fetch as download

    with output.bar(f"fetching {source}") as (_, tick):
        result = download(source, out, sha256=sha256, tick=tick)
    output.emit(result, json=json, show=lambda console, result: console.print(f"{result.path}: {result.bytes:,} bytes"))


def _show(console: Console, result: CheckResult) -> None:
    if result.label is not None:
        console.print(f"{result.rows:,} rows, {len(result.columns)} columns against {result.label}")
    else:
        console.print(f"{result.recordings:,} recordings of {result.groups} speakers")
    for finding in result.findings:
        console.print(f"{finding.severity}: {finding.message}")
    if not result.findings:
        console.print("nothing gives the label away")
