"""The verb that writes firmware to a board: flash."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fieldwren.cli import output
from fieldwren.cli.options import framework_option, json_option

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.boards.definition import Way
    from fieldwren.flash import Attached, FlashResult

_WAYS = ("platformio", "esptool", "pyocd", "nrfutil", "uf2")


@click.command()
@click.argument("app", type=click.Path(path_type=Path), required=False)
@click.option("--board", help="Board id, or the path of a board's TOML file.")
@click.option(
    "--port", help="Serial port, or the drive of a UF2 bootloader.  [default: the one that is known to be the board's]"
)
@click.option("--probe", default="auto", show_default=True, help="Serial number of the debug probe.")
@click.option("--by", type=click.Choice(_WAYS), help="The tool.  [default: the first of the board's that can]")
@click.option("--list", "listing", is_flag=True, help="Only show ports, debug probes and bootloaders' drives.")
@framework_option
@json_option
def flash(
    app: Path | None,
    board: str | None,
    port: str | None,
    probe: str,
    by: Way | None,
    listing: bool,
    framework: str | None,
    json: bool,
) -> int:
    """Build APP, write it to the connected board, and check that what runs there is this image."""
    from fieldwren.flash import attached, flash

    if listing:
        output.emit({"attached": attached(board)}, json=json, show=_show_attached)
        return 0
    if app is None or board is None:
        raise click.UsageError("Give APP and --board, or --list.")
    with output.progress(f"flashing {app.name} to {board}"):
        result = flash(app, board, port=port, probe=probe, by=by, framework=framework)
    output.emit(result, json=json, show=_show_flash)
    if result.verified:
        return 0
    if result.image != result.reported_image:
        return output.no(
            f"{result.board}: reports image {result.reported_image[:16]}, not the {result.image[:16]} that was flashed"
        )
    return output.no(f"{result.board}: its self-test inference differs from this computer's")


def _show_flash(console: Console, result: FlashResult) -> None:
    way = f" with debug probe {result.probe}" if result.probe else f" onto {result.drive}" if result.drive else ""
    console.print(f"{result.app} on {result.board} by {result.tool}{way} at {result.port}, image {result.image[:16]}")
    if result.verified:
        console.print(f"  runs this image, self-test passed; watch it with `fieldwren monitor {result.address}`")


def _show_attached(console: Console, result: dict[str, tuple[Attached, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    if not result["attached"]:
        console.print("nothing: plug a board in with a cable that carries data, not only power")
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("", "name", "USB id", "what", "boards"):
        table.add_column(title)
    for item in result["attached"]:
        table.add_row(item.kind, item.name, item.usb_id or "", item.description, ", ".join(item.boards))
    console.print(table)
    for item in result["attached"]:
        if item.problem:
            console.print(Text(item.problem, style="yellow"))
