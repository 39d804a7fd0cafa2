"""Verbs about learning: learn APP, learn status, undo, reset, export, import, simulate."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fieldwren.cli import output
from fieldwren.cli.options import json_option

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.app_model import AppModel
    from fieldwren.device import DeviceClient
    from fieldwren.learn import SimulateResult
    from fieldwren.learn.device import LearnStatus, TeachResult
    from fieldwren.learn.device_values import TeachValuesResult
    from fieldwren.learn.simulate import Accuracy, Taught


class _Learn(click.Group):
    """`learn APP …` is `learn teach APP …`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the verb's name before an app."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["teach", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Learn)
def learn() -> None:
    """Teach an app on its device, or measure what teaching would do.

    `fieldwren learn APP --label lamp --shots 5 --wav RECORDINGS` teaches; the other commands look after what was learned.
    """


_app = click.argument("app", type=click.Path(path_type=Path))


def _device(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say which device."""
    for option in (
        click.option("--board", default="host", show_default=True, help="Emulated board that the app runs on."),
        click.option("--port", help="A real device instead: usb, /dev/tty…, tcp:HOST:PORT, pty:PATH."),
        click.option(
            "--state",
            type=click.Path(path_type=Path),
            help="Folder for an emulated device's flash.  [default: the cache]",
        ),
    ):
        command = option(command)
    return command


def _connected(
    app: Path, board: str, port: str | None, state: Path | None
) -> AbstractContextManager[tuple[DeviceClient, AppModel]]:
    from fieldwren.learn.device import connected

    return connected(app, board=board, port=port, state=state)


@learn.command()
@_app
@click.option("--label", help="What the samples are; a new name is a new class.")
@click.option("--shots", default=5, show_default=True, type=click.IntRange(1, 1000), help="Samples to teach.")
@click.option(
    "--wav", multiple=True, type=click.Path(path_type=Path), help="Recordings, or folders; more than SHOTS test."
)
@click.option("--csv", type=click.Path(path_type=Path), help="Sensor rows during which the label holds.")
@click.option("--image", multiple=True, type=click.Path(path_type=Path), help="Drawings (.png), or folders of them.")
@click.option("--passes", type=click.IntRange(1, 1000), help="Passes over what was taught.  [default: the app's]")
@click.option("--feedback", type=click.Choice(["right", "wrong"]), help="On the device's newest detection, instead.")
@_device
@json_option
def teach(
    app: Path,
    label: str | None,
    shots: int,
    wav: tuple[Path, ...],
    csv: Path | None,
    image: tuple[Path, ...],
    passes: int | None,
    feedback: str | None,
    board: str,
    port: str | None,
    state: Path | None,
    json: bool,
) -> None:
    """Teach APP a class on its device, and measure before and after."""
    from fieldwren.app import load_app
    from fieldwren.errors import BadInputError
    from fieldwren.learn import device
    from fieldwren.learn.settings import VALUE_KINDS

    if feedback is None and load_app(app).kind in VALUE_KINDS:
        _teach_values(app, label, shots, csv, board, port, state, json=json)
        return
    if (label is None) == (feedback is None):
        raise BadInputError("learn: give --label with samples, or --feedback right|wrong")
    if feedback is not None:
        with _connected(app, board, port, state) as (client, _):
            output.emit(
                device.feedback(client, "right" if feedback == "right" else "wrong"), json=json, show=_show_status
            )
        return
    assert label is not None
    with output.progress(f"teaching {app.name}"):
        result = device.teach(
            app, label, shots=shots, wav=wav, csv=csv, image=image, passes=passes, board=board, port=port, state=state
        )
    output.emit(result, json=json, show=_show_teach)


def _teach_values(
    app: Path,
    label: str | None,
    shots: int,
    csv: Path | None,
    board: str,
    port: str | None,
    state: Path | None,
    *,
    json: bool,
) -> None:
    from fieldwren.errors import BadInputError
    from fieldwren.learn.device_values import teach_values

    if csv is None:
        raise BadInputError(f"learn: {app.name} learns from rows: give --csv")
    with output.progress(f"teaching {app.name}"):
        result = teach_values(app, csv, shots=shots, label=label, board=board, port=port, state=state)
    output.emit(result, json=json, show=_show_teach_values)


def _show_teach_values(console: Console, result: TeachValuesResult) -> None:
    console.print(f"{result.device}: {result.taught} rows taught, {result.updates} updates")
    console.print(
        f"  {result.metric}: {result.before:.4f} before, {result.after:.4f} after "
        f"({'other' if result.measured_on == 'others' else 'taught'} rows)"
    )
    console.print("  saved; `learn undo` goes back" if result.saved else "  not saved: this board has no flash for it")


def _show_teach(console: Console, result: TeachResult) -> None:
    what = "a new class" if result.is_new else "a class that it knew"
    console.print(f"{result.device}: {result.label}, {what}: {result.taught} samples, {result.updates} updates")
    console.print(
        f"  recognised {100 * result.accuracy_before:.0f} % before, {100 * result.accuracy_after:.0f} % after "
        f"(of the {'other' if result.measured_on == 'others' else 'taught'} samples)"
    )
    if result.rolled_back:
        console.print(f"  {result.rolled_back} lessons made the guard samples worse and were taken back")
    console.print("  saved; `learn undo` goes back" if result.saved else "  not saved: this board has no flash for it")


def _show_status(console: Console, result: LearnStatus) -> None:
    from rich.table import Table

    console.print(
        f"{result.device}: {len(result.classes)} of {result.classes_most} classes, {result.updates:,} updates, "
        f"{result.rollbacks} rolled back, {result.guard} guard samples, {result.saves} saves"
        + (f", nothing under a confidence of {result.reject_below:.3f}" if result.reject_below else "")
        + (", not saved" if result.unsaved else "")
    )
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("class", "taught", "added"):
        table.add_column(title)
    for item in result.classes:
        table.add_row(item.label, str(item.taught), "yes" if item.added else "")
    console.print(table)


def _on_device(name: str, help_text: str) -> None:
    """A command without arguments of its own: a function of learn.device that takes the client and gives its status."""

    @learn.command(name, help=help_text)
    @_app
    @_device
    @json_option
    def command(app: Path, board: str, port: str | None, state: Path | None, json: bool) -> None:
        from fieldwren.learn import device

        with _connected(app, board, port, state) as (client, _):
            output.emit(getattr(device, name)(client), json=json, show=_show_status)


_on_device("status", "Show what APP's device has learned.")
_on_device("undo", "Go back to what was saved before; twice is no change.")
_on_device("reset", "Go back to the model as it was trained, and erase all that was learned.")


@learn.command()
@_app
@click.option(
    "--accepted", default=0, show_default=True, type=click.IntRange(0, 4096), help="Of those, still taken for one."
)
@_device
@json_option
def calibrate(app: Path, accepted: int, board: str, port: str | None, state: Path | None, json: bool) -> None:
    """Set the confidence under which APP's device answers nothing, from its guard samples of no class."""
    from fieldwren.learn import device

    with _connected(app, board, port, state) as (client, _):
        output.emit(device.calibrate(client, accepted), json=json, show=_show_status)


@learn.command()
@_app
@click.argument("file", type=click.Path(path_type=Path))
@_device
@json_option
def export(app: Path, file: Path, board: str, port: str | None, state: Path | None, json: bool) -> None:
    """Write what APP's device has learned to FILE."""
    from fieldwren.learn import device

    with _connected(app, board, port, state) as (client, _):
        written = device.export(client, file)
    output.emit({"file": str(file), "bytes": written}, json=json, show=lambda c, r: c.print(f"{file}: {written} bytes"))


@learn.command("import")
@_app
@click.argument("file", type=click.Path(path_type=Path))
@_device
@json_option
def import_(app: Path, file: Path, board: str, port: str | None, state: Path | None, json: bool) -> None:
    """Take over what another device with the same model has learned."""
    from fieldwren.learn import device

    with _connected(app, board, port, state) as (client, _):
        output.emit(device.import_head(client, file), json=json, show=_show_status)


@learn.command()
@click.argument("app", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Recordings or tables, see the docs.")
@click.option("--only", multiple=True, help="A group (speaker, room) to teach.  [default: every one, separately]")
@click.option("--shots", required=True, type=click.IntRange(1, 1000), help="Samples taught of each class.")
@click.option(
    "--passes", type=click.IntRange(1, 1000), help="Passes over them.  [default: 20; of an app with values 1]"
)
@click.option("--new-classes", default="", help="Comma-separated classes to take out of the model and teach as new.")
@click.option("--teach", type=click.Choice(["all", "new"]), default="all", show_default=True, help="Classes to teach.")
@click.option("--repeats", default=1, show_default=True, type=click.IntRange(1, 1000), help="Draws of the shots.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed of the draws.")
@click.option("--board", default="host", show_default=True, help="host, or an emulated board to run the learner on.")
@click.option(
    "--ways", default=5, show_default=True, type=click.IntRange(2, 64), help="Characters drawn of an unknown alphabet."
)
@click.option("--curve", type=click.Path(path_type=Path), help="SVG to write: accuracy after 1, 2, 3 … shots.")
@json_option
def simulate(
    app: Path,
    data: Path,
    only: tuple[str, ...],
    shots: int,
    passes: int | None,
    new_classes: str,
    teach: Taught,
    repeats: int,
    seed: int,
    board: str,
    ways: int,
    curve: Path | None,
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
            with_curve=curve is not None,
            ways=ways,
        )
    if curve is not None:
        from fieldwren.learn.picture import write_curve

        write_curve(result, curve)
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
    for name, value in result.figures.items():
        console.print(f"{name.replace('_', ' ')}: {value:.4g}")
    if result.instructions_per_update is not None:
        console.print(f"{result.instructions_per_update:,.0f} instructions an update")
