"""The verb that writes firmware to a board: flash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fieldwren.cli import output
from fieldwren.cli.options import board_option, framework_option, json_option

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.flash import FlashResult


@click.command()
@click.argument("app", type=click.Path(path_type=Path))
@board_option
@click.option("--port", help="Serial port.  [default: the one with the board's USB id]")
@click.option("--probe", default="auto", show_default=True, help="Serial number of the debug probe.")
@framework_option
@json_option
def flash(app: Path, board: str, port: str | None, probe: str, framework: str | None, json: bool) -> int:
    """Build APP, write it to the connected board, and check that what runs there is this image."""
    from fieldwren.flash import flash

    with output.progress(f"flashing {app.name} to {board}"):
        result = flash(app, board, port=port, probe=probe, framework=framework)
    output.emit(result, json=json, show=_show_flash)
    if result.verified:
        return 0
    if result.image != result.reported_image:
        return output.no(
            f"{result.board}: reports image {result.reported_image[:16]}, not the {result.image[:16]} that was flashed"
        )
    return output.no(f"{result.board}: its self-test inference differs from this computer's")


def _show_flash(console: Console, result: FlashResult) -> None:
    console.print(f"{result.app} on {result.board} by {result.tool} at {result.port}, image {result.image[:16]}")
    if result.verified:
        console.print(f"  runs this image, self-test passed; watch it with `fieldwren monitor {result.address}`")
