"""Verbs that set things up: doctor, new."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fieldwren.cli import output
from fieldwren.cli.options import json_option

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.doctor import Diagnosis
    from fieldwren.new import ImportedApp, NewApp


@click.command()
@json_option
def doctor(json: bool) -> None:
    """Say what is installed, what is missing and how to get it."""
    from fieldwren.doctor import doctor
    from fieldwren.errors import MissingToolError

    with output.progress("looking around"):
        diagnosis = doctor()
    output.emit(diagnosis, json=json, show=_show_diagnosis)
    if not diagnosis.ready:
        raise MissingToolError(
            f"missing for the host and the emulated boards: {', '.join(diagnosis.missing)}; "
            "`fieldwren doctor` says how to get each"
        )


def _show_diagnosis(console: Console, diagnosis: Diagnosis) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for group, checks in groupby(diagnosis.checks, key=lambda check: check.group):
        table.add_row(Text(group, style="bold"))
        for check in checks:
            if check.found:
                mark, style = "found", "green"
            else:
                mark, style = ("MISSING", "red") if check.needed else ("-", "yellow")
            about = check.detail if check.found else f"{check.remedy} (for: {check.use})"
            table.add_row(f"  {check.name}", Text(mark, style=style), Text(about or ""))
    console.print(table)
    if diagnosis.ready:
        console.print("\nReady for the host and the emulated boards.", style="green")


@click.command()
@click.argument("app", type=click.Path(path_type=Path))
@click.option("--kind", help="What the app does, e.g. keyword or presence; it starts from the example for that.")
@click.option(
    "--from",
    "manifest",
    type=click.Path(path_type=Path),
    help="JSON manifest of a microWakeWord model, as ESPHome takes it; the model lies beside it.",
)
@json_option
def new(app: Path, kind: str | None, manifest: Path | None, json: bool) -> None:
    """Make the folder APP: a working app with a trained model to start from. Give --kind or --from."""
    from fieldwren.new import new, new_from_manifest

    if kind is not None and manifest is None:
        output.emit(new(app, kind=kind), json=json, show=_show_new)
    elif manifest is not None and kind is None:
        output.emit(new_from_manifest(app, manifest), json=json, show=_show_imported)
    else:
        raise click.UsageError("Give either --kind or --from.")


def _show_new(console: Console, made: NewApp) -> None:
    console.print(f"{made.folder}: a {made.kind} app, started from the example {made.example}")
    for name in made.files:
        console.print(f"  {name}")


def _show_imported(console: Console, made: ImportedApp) -> None:
    from rich.markup import escape

    console.print(f"{made.folder}: a {made.kind} app for “{escape(made.wake_word)}”")
    for name in made.files:
        console.print(f"  {name}")
    said = made.manifest_arena_bytes
    theirs = "the manifest does not say" if said is None else f"{said} bytes by the manifest"
    console.print(f"RAM of the model: {made.arena_bytes} bytes here, {theirs}")
    if said is not None and said < made.arena_bytes:
        console.print("The manifest's tensor_arena_size is too small for it.", style="yellow")
