"""Verbs that watch firmware at work: run, monitor; and features, what it hears."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fieldwren.cli import output
from fieldwren.cli.options import board_option, json_option, optimise_option

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.core import Optimise


@click.command()
@click.argument("app", type=click.Path(path_type=Path))
@board_option
@click.option("--wav", type=click.Path(path_type=Path), help="16-bit mono recording at the app's sample rate.")
@click.option("--csv", type=click.Path(path_type=Path), help="Sensor rows; the header names the app's channels.")
@click.option("--image", multiple=True, type=click.Path(path_type=Path), help="Drawings (.png), one after the other.")
@optimise_option
@json_option
def run(
    app: Path, board: str, wav: Path | None, csv: Path | None, image: tuple[Path, ...], optimise: Optimise, json: bool
) -> None:
    """Build APP, run it in its board's emulator, feed it, and show what it detects."""
    from fieldwren.device import StreamEnd, event_fields, event_text
    from fieldwren.record import record_device
    from fieldwren.run import Started, run

    for event in run(app, board, wav=wav, csv=csv, image=image, optimise=optimise):
        if isinstance(event, Started):
            output.note(f"{event.info.app} on {event.info.board}, image {event.info.image[:16]}")
            record_device("run", event.info, address="emulator", free_flash_bytes=event.free_flash_bytes)
        elif isinstance(event, StreamEnd):
            output.note(event_text(event).strip())
        elif json:
            output.emit(event_fields(event), json=True, show=_show_nothing)
        else:
            click.echo(event_text(event))


def _show_nothing(console: Console, result: object) -> None:
    del console, result


@click.command()
@click.argument("address", default="usb")
@click.option("--seconds", type=click.FloatRange(min=0), help="Stop after so long.  [default: until Ctrl-C]")
@json_option
def monitor(address: str, seconds: float | None, json: bool) -> None:
    """Show what the device at ADDRESS (usb, /dev/tty…, tcp:HOST:PORT, pty:PATH …) detects, live."""
    from fieldwren.device import DeviceClient, Status, StreamEnd, event_fields, monitor
    from fieldwren.record import record_device

    with DeviceClient.open(address) as client:
        output.note(f"{client.info.app} on {client.info.board}, image {client.info.image[:16]}")
        record_device("monitor", client.info, address=address)
        if not json:
            monitor(client, show=click.echo, show_status=output.note, duration_s=seconds)
            return
        for event in client.events(seconds):
            if not isinstance(event, Status | StreamEnd):
                output.emit(event_fields(event), json=True, show=_show_nothing)


@click.command()
@click.argument("spec")
@click.argument("wav", type=click.Path(path_type=Path))
@click.option("--output", "target", required=True, type=click.Path(path_type=Path), help=".npy to write.")
@click.option("--hop-ms", type=float, help="Hop of micro-frontend: 10 or 20.")
@click.option(
    "--quantised", type=click.Path(path_type=Path), help=".tflite whose input the features are quantised for."
)
@json_option
def features(spec: str, wav: Path, target: Path, hop_ms: float | None, quantised: Path | None, json: bool) -> None:
    """Write the features of a recording: SPEC is mlperf-kws, mlperf-sww, micro-frontend, an app folder or a .tflite."""
    import numpy as np

    from fieldwren.features.extract import extract
    from fieldwren.files import written_whole

    made = extract(spec, wav, hop_ms=hop_ms, quantised_model=quantised)
    with written_whole(target) as temporary, temporary.open("wb") as file:
        np.save(file, made)
    result: dict[str, object] = {
        "spec": spec,
        "output": str(target),
        "shape": list(made.shape),
        "dtype": str(made.dtype),
    }
    output.emit(result, json=json, show=_show_features)


def _show_features(console: Console, result: dict[str, object]) -> None:
    console.print(f"{result['output']}: {result['dtype']} {result['shape']} by {result['spec']}")
