"""Verbs about fleets: fleet simulate, run, resume, firmware, bridge, serve, meta-train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from fieldwren.cli import output
from fieldwren.cli.options import json_option
from fieldwren.errors import LinkLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from fieldwren.fleet.run import FirmwareResult, RunResult
    from fieldwren.fleet.server import Round
    from fieldwren.fleet.simulate import Engine, FleetResult


@click.group()
def fleet() -> None:
    """Let many devices learn one head together, without their data leaving them."""


@fleet.command()
@click.argument("federation", type=click.Path(path_type=Path))
@click.option(
    "--engine",
    type=click.Choice(["grid", "flower"]),
    default="grid",
    show_default=True,
    help="grid: in this process; flower: Flower's simulation on Ray, with the same result.",
)
@click.option("--state", type=click.Path(path_type=Path), help="File to keep every round in, for `fleet resume`.")
@json_option
def simulate(federation: Path, engine: Engine, state: Path | None, json: bool) -> None:
    """Run FEDERATION (a federation.toml) with virtual devices that execute the firmware's learner."""
    from fieldwren.fleet.simulate import simulate

    with output.progress(f"{federation.name}: reading the data") as say:
        result = simulate(federation, engine=engine, state=state, progress=_told(say))
    output.emit(result, json=json, show=show_result)


@fleet.command()
@click.argument("federation", type=click.Path(path_type=Path))
@click.option("--state", type=click.Path(path_type=Path), help="File to keep every round in, for `fleet resume`.")
@click.option("--report", type=click.Path(path_type=Path), help="HTML page to write after every round.")
@json_option
def run(federation: Path, state: Path | None, report: Path | None, json: bool) -> int:
    """Run FEDERATION (a federation.toml) with its devices: emulated boards, serial ports, sockets, brokers.

    \b
    Devices behind an MQTT broker need FIELDWREN_MQTT, the file with user, password and ca.
    Exit code 1: a device answered other bits than the same C code on this computer.
    """
    from rich.console import Console

    from fieldwren.fleet.dashboard import shown
    from fieldwren.fleet.run import run

    with shown(Console(stderr=True)) as watch:
        result = run(federation, state=state, report=report, watch=watch)
    output.emit(result, json=json, show=show_run)
    return 1 if result.unequal else 0


@fleet.command()
@click.argument("federation", type=click.Path(path_type=Path))
@click.option("--board", required=True, help="Board that the devices are.")
@click.option("--framework", help="arduino or espidf, where the board has a choice.")
@click.option("--output", "directory", type=click.Path(path_type=Path), required=True, help="Folder for the project.")
@json_option
def firmware(federation: Path, board: str, framework: str | None, directory: Path, json: bool) -> None:
    """Write the PlatformIO project of the firmware that FEDERATION's devices on a board run."""
    from fieldwren.fleet.run import firmware

    result = firmware(federation, board, directory, framework=framework)

    def show(console: Console, made: FirmwareResult) -> None:
        console.print(f"{made.directory}: {made.app} for {made.board}; `pio run -t upload` in it builds and flashes")

    output.emit(result, json=json, show=show)


@fleet.command()
@click.argument("address")
@click.argument("broker")
@click.option(
    "--credentials",
    type=click.Path(path_type=Path),
    help="TOML with user, password, ca.  [default: what FIELDWREN_MQTT names]",
)
def bridge(address: str, broker: str, credentials: Path | None) -> None:
    """Put the device at ADDRESS (/dev/tty…, tcp:HOST:PORT, pty:PATH) on a BROKER: mqtts:HOST[:PORT]/FLEET/NAME.

    Runs until the device or the broker is gone, or it is interrupted.
    """
    from contextlib import closing

    from fieldwren.device import mqtt, open_transport

    there = mqtt.parse_address(broker)
    with (
        closing(open_transport(address)) as stream,
        mqtt.bridge(stream, there, mqtt.load_credentials(credentials)) as end,
    ):
        click.echo(f"{address} is {there}", err=True)
        end.wait()
    raise LinkLostError(f"{address}: the device or the broker is gone")


@fleet.command()
@click.argument("federation", type=click.Path(path_type=Path))
@click.option("--socket", type=click.Path(path_type=Path), required=True, help="Unix socket to listen on.")
@click.option("--only", multiple=True, help="Name of a device; all of the federation's if none is given.")
def serve(federation: Path, socket: Path, only: tuple[str, ...]) -> None:
    """Hold the links of FEDERATION's devices for Flower SuperNodes, which ask through a SOCKET."""
    from fieldwren.fleet.gateway import serve

    serve(federation, socket, only=only)


@fleet.command()
@click.argument("state", type=click.Path(path_type=Path))
@json_option
def resume(state: Path, json: bool) -> None:
    """Go on with the federation in a STATE file after its last finished round."""
    from fieldwren.fleet.resume import resume

    with output.progress(f"{state.name}: reading the data") as say:
        result = resume(state, progress=_told(say))
    output.emit(result, json=json, show=show_result)


def _told(say: Callable[[str], None]) -> Callable[[Round, int], None]:
    def told(done: Round, number: int) -> None:
        share = "" if done.accuracy_mean is None else f", {100 * done.accuracy_mean:.1f} % right before it"
        say(f"round {number}: {done.clients} devices{share}")

    return told


def show_run(console: Console, result: RunResult) -> None:
    """The result of real devices for people."""
    show_result(console, result)
    said = (
        "all as the same code here"
        if not result.unequal
        else f"{result.unequal} with OTHER BITS than the same code here"
    )
    console.print(f"{result.checked:,} answers compared, {said}; {result.seconds:,.0f} s")
    for name, why in result.lost.items():
        console.print(f"lost: {name}: {why}")


def show_result(console: Console, result: FleetResult) -> None:
    """A federation's result for people."""
    from rich.table import Table

    console.print(
        f"{result.strategy}, {result.devices:,} devices, {len(result.rounds)} rounds: "
        f"{result.bytes_down:,} bytes to devices, {result.bytes_up:,} from them"
    )
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("round", "mean", "worst", "clients", "dropped", "bytes down", "bytes up"):
        table.add_column(title, justify="right")
    shown = range(len(result.rounds))
    for number in [*shown[:3], *shown[max(3, len(shown) - 3) :]]:
        done = result.rounds[number]
        table.add_row(
            str(number + 1),
            _percent(done.accuracy_mean),
            _percent(done.accuracy_min),
            str(done.clients),
            str(done.dropped),
            f"{done.bytes_down:,}",
            f"{done.bytes_up:,}",
        )
    console.print(table)
    console.print(
        f"final head: {_percent(result.accuracy_mean)} on the devices' own tests, worst {_percent(result.accuracy_min)}"
    )
    for measured in result.k_shot:
        console.print(
            f"held out, {measured.shots} shots: {_percent(measured.before)} from the factory head, "
            f"{_percent(measured.after)} from the fleet's; after {measured.practised.passes} passes "
            f"{_percent(measured.practised.before)} and {_percent(measured.practised.after)}"
        )
    audit = result.audit
    reasons = ", ".join(f"{count} {reason}" for reason, count in audit.reasons.items())
    console.print(f"{audit.sent:,} updates: {audit.applied:,} applied, {audit.rejected:,} rejected {reasons}".rstrip())
    for name, why in result.quarantined.items():
        console.print(f"quarantine: {name}: {why}")
    if result.privacy is not None:
        value = result.privacy.epsilon
        bound = "no bound without noise" if value is None else f"ε = {value:.2f} at δ = {result.privacy.delta:g}"
        console.print(f"privacy: {bound}")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
