"""Verbs of the catalogue: catalog add, find, why-not, deployments, search, sparql, export, deploy, serve."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fieldwren.cli import output
from fieldwren.cli.options import json_option

if TYPE_CHECKING:
    from rich.console import Console

    from fieldwren.catalog import Added, Catalog, Constraint, Deployment, DeployPlan, Found, Hit
    from fieldwren.catalog.ask import Sort


@dataclass(frozen=True)
class _Place:
    store: Path | None
    endpoint: str | None
    endpoint_update: str | None


@click.group()
@click.option("--store", type=click.Path(path_type=Path), help="Folder of the catalogue.  [default: the user's own]")
@click.option("--endpoint", metavar="URL", help="A SPARQL 1.1 endpoint instead of a folder.")
@click.option("--endpoint-update", metavar="URL", help="Where it takes updates, if that differs.")
@click.pass_context
def catalog(ctx: click.Context, store: Path | None, endpoint: str | None, endpoint_update: str | None) -> None:
    """Know which model fits which device, and why."""
    if store is not None and endpoint is not None:
        raise click.UsageError("Give either --store or --endpoint.")
    ctx.obj = _Place(store, endpoint, endpoint_update)


@contextmanager
def _opened(place: _Place) -> Iterator[Catalog]:
    from fieldwren.catalog import Catalog

    with Catalog.open(place.store, endpoint=place.endpoint, endpoint_update=place.endpoint_update) as opened:
        for note in opened.notes:
            output.note(note)
        yield opened


def _sizes(*values: str | None) -> list[int | None]:
    from fieldwren.catalog.names import parse_bytes

    return [None if value is None else parse_bytes(value) for value in values]


@catalog.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--task", help="Of models: what they do, e.g. keyword.")
@click.option("--sensor", "sensors", multiple=True, help="Of models: a kind of sensor they listen to.")
@click.option(
    "--rate", "rate_hz", type=click.FloatRange(min=0, min_open=True), help="Samples a second they need of it."
)
@click.option("--label", "labels", multiple=True, help="Of models: a class they know.")
@click.option("--licence", help="Of models, e.g. Apache-2.0.")
@click.option("--accuracy", type=click.FloatRange(0, 1), help="Of models: measured elsewhere, a fraction.")
@click.option("--dataset", help="What --accuracy was measured on.")
@json_option
@click.pass_obj
def add(
    place: _Place,
    files: Sequence[Path],
    task: str | None,
    sensors: Sequence[str],
    rate_hz: float | None,
    labels: Sequence[str],
    licence: str | None,
    accuracy: float | None,
    dataset: str | None,
    json: bool,
) -> None:
    """Take in FILES: .tflite, app folders, board TOML, Turtle, N-Quads, Thing Descriptions (JSON-LD)."""
    from fieldwren.catalog.add import add
    from fieldwren.catalog.models import Hints

    hints = Hints(task, tuple(sensors), rate_hz, tuple(labels), licence, None, accuracy, dataset)
    with _opened(place) as opened, output.progress("taking in"):
        made = add(opened, files, hints)
    for one in made:
        for fault in one.faults:
            output.note(str(fault))
    output.emit(made, json=json, show=_show_added)


def _show_added(console: Console, made: list[Added]) -> None:
    for one in made:
        faults = f", {len(one.faults)} faults" if one.faults else ""
        console.print(f"{one.file}: {one.kind}, {one.triples:,} triples{faults}")


@catalog.group()
def find() -> None:
    """Find models for a board, or boards for a model."""


_LIMIT = click.option("--limit", type=click.IntRange(1), help="At most so many.")
_SORT = click.option(
    "--sort", type=click.Choice(["accuracy", "latency", "flash", "ram", "name"]), help="Best first, unknown last."
)


@find.command()
@click.option("--board", help="Board or device they are for.")
@click.option("--task", help="e.g. keyword, presence.")
@click.option("--sensor", "sensors", multiple=True, help="A kind of sensor they listen to.")
@click.option("--label", "labels", multiple=True, help="A class they must know.")
@click.option("--licence", help="Part of its name.")
@click.option("--dataset", help="Part of the name of a data set they were measured on.")
@click.option("--front-end", help="Kind of front end, e.g. mel, sensor.")
@click.option("--text", help="Words in name or description.")
@click.option("--max-latency", type=click.FloatRange(min=0), metavar="MS", help="Of one inference, in milliseconds.")
@click.option("--min-accuracy", type=click.FloatRange(0, 1), help="A fraction.")
@click.option("--max-ram", metavar="SIZE", help="Bytes, or with kB, KiB, MB, MiB.")
@click.option("--max-flash", metavar="SIZE", help="As --max-ram.")
@click.option("--fits", "only_fitting", is_flag=True, help="Leave out what does not fit.")
@_SORT
@_LIMIT
@json_option
@click.pass_obj
def models(
    place: _Place,
    board: str | None,
    task: str | None,
    sensors: Sequence[str],
    labels: Sequence[str],
    licence: str | None,
    dataset: str | None,
    front_end: str | None,
    text: str | None,
    max_latency: float | None,
    min_accuracy: float | None,
    max_ram: str | None,
    max_flash: str | None,
    only_fitting: bool,
    sort: Sort | None,
    limit: int | None,
    json: bool,
) -> None:
    """Models, those that fit the board first."""
    from fieldwren.catalog import find_models

    max_ram_bytes, max_flash_bytes = _sizes(max_ram, max_flash)
    with _opened(place) as opened:
        found = find_models(
            opened,
            board=board,
            task=task,
            sensors=sensors,
            labels=labels,
            licence=licence,
            dataset=dataset,
            front_end=front_end,
            text=text,
            max_latency_ms=max_latency,
            min_accuracy=min_accuracy,
            max_ram_bytes=max_ram_bytes,
            max_flash_bytes=max_flash_bytes,
            only_fitting=only_fitting,
            sort=sort or "accuracy",
            limit=limit,
        )
    output.emit(found, json=json, show=_show_found)


@find.command()
@click.option("--model", help="Name or hash of the model they are for.")
@click.option("--sensor", "sensors", multiple=True, help="A kind of sensor that is on the board.")
@click.option("--min-ram", metavar="SIZE", help="Bytes, or with kB, KiB, MB, MiB.")
@click.option("--min-flash", metavar="SIZE", help="As --min-ram.")
@click.option("--max-latency", type=click.FloatRange(min=0), metavar="MS", help="Of the model, in milliseconds.")
@click.option("--text", help="Words in name or description.")
@click.option("--fits", "only_fitting", is_flag=True, help="Leave out what does not fit.")
@_SORT
@_LIMIT
@json_option
@click.pass_obj
def boards(
    place: _Place,
    model: str | None,
    sensors: Sequence[str],
    min_ram: str | None,
    min_flash: str | None,
    max_latency: float | None,
    text: str | None,
    only_fitting: bool,
    sort: Sort | None,
    limit: int | None,
    json: bool,
) -> None:
    """Boards and devices, those that fit the model first."""
    from fieldwren.catalog import find_boards

    min_ram_bytes, min_flash_bytes = _sizes(min_ram, min_flash)
    with _opened(place) as opened:
        found = find_boards(
            opened,
            model=model,
            sensors=sensors,
            min_ram_bytes=min_ram_bytes,
            min_flash_bytes=min_flash_bytes,
            max_latency_ms=max_latency,
            text=text,
            only_fitting=only_fitting,
            sort=sort or "name",
            limit=limit,
        )
    output.emit(found, json=json, show=_show_found)


def _table(console: Console, titles: Sequence[str], lines: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, justify="right" if title in right else "left")
    for line in lines:
        table.add_row(*line)
    console.print(table)


def _number(value: float | None, form: str = ",") -> str:
    return "" if value is None else format(value, form)


def _show_found(console: Console, found: list[Found]) -> None:
    fits = {True: "yes", False: "no", None: ""}
    lines = [
        (
            f.name,
            f.kind,
            fits[f.fits],
            _number(f.flash_bytes),
            _number(f.ram_bytes),
            _number(f.latency_ms, ",.2f"),
            f.latency_source or "",
            _number(f.accuracy, ".4f"),
            f.task or "",
        )
        for f in found
    ]
    titles = ("name", "kind", "fits", "flash", "RAM", "ms", "from", "accuracy", "task")
    _table(console, titles, lines, ("flash", "RAM", "ms", "accuracy"))


@catalog.command("why-not")
@click.argument("model")
@click.argument("board")
@json_option
@click.pass_obj
def why_not(place: _Place, model: str, board: str, json: bool) -> None:
    """Say what keeps MODEL from BOARD (or from a device)."""
    from fieldwren.catalog import why_not

    with _opened(place) as opened:
        reasons = why_not(opened, model, board)

    def show(console: Console, found: list[Constraint]) -> None:
        for reason in found:
            console.print(f"{reason.constraint}: {reason.message}", markup=False)
        if not found:
            console.print(f"{model} fits {board}", markup=False)

    output.emit(reasons, json=json, show=show)


@catalog.command()
@click.option("--board", help="Only devices of this board.")
@click.option("--model", help="Only devices that run this model.")
@json_option
@click.pass_obj
def deployments(place: _Place, board: str | None, model: str | None, json: bool) -> None:
    """Show what was seen running on which device."""
    from fieldwren.catalog import deployments

    with _opened(place) as opened:
        found = deployments(opened, board=board, model=model)

    def show(console: Console, listed: list[Deployment]) -> None:
        titles = ("device", "board", "model", "app", "image", "learned", "seen")
        lines = [
            (
                d.device,
                d.board or "",
                d.model or "",
                d.app or "",
                (d.image_sha256 or "")[:12],
                ", ".join(d.labels),
                d.seen_at or "",
            )
            for d in listed
        ]
        _table(console, titles, lines)

    output.emit(found, json=json, show=show)


@catalog.command()
@click.argument("text")
@click.option("--sensor", "sensors", multiple=True, help="A kind of sensor a model listens to, or a board has.")
@click.option("--kind", type=click.Choice(["model", "board", "device"]), help="Only these.")
@json_option
@click.pass_obj
def search(place: _Place, text: str, sensors: Sequence[str], kind: str | None, json: bool) -> None:
    """Find models, boards and devices by the words of TEXT."""
    from fieldwren.catalog import search

    with _opened(place) as opened:
        hits = search(opened, text, sensors=sensors, kind=kind)

    def show(console: Console, found: list[Hit]) -> None:
        _table(console, ("name", "kind", "about"), [(hit.name, hit.kind, hit.text[:100]) for hit in found])

    output.emit(hits, json=json, show=show)


@catalog.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def sparql(place: _Place, file: Path, json: bool) -> None:
    """Ask the SPARQL query in FILE; usual prefixes need no declaration."""
    from fieldwren.catalog import sparql

    with _opened(place) as opened:
        answer = sparql(opened, file)
    output.emit(answer, json=json, show=_show_sparql)


def _show_sparql(console: Console, answer: dict[str, Any]) -> None:
    if "boolean" in answer:
        console.print("yes" if answer["boolean"] else "no")
    elif "triples" in answer:
        for triple in answer["triples"]:
            console.print(triple, markup=False)
    else:
        names = answer["head"]["vars"]
        lines = [[row.get(name, {}).get("value", "") for name in names] for row in answer["results"]["bindings"]]
        _table(console, names, lines)


@catalog.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@click.pass_obj
def export(place: _Place, file: Path, json: bool) -> None:
    """Write everything to FILE: .ttl, .nt, .nq, or the devices as Thing Descriptions to .jsonld."""
    from fieldwren.catalog import export

    with _opened(place) as opened:
        count = export(opened, file)
    result = {"file": str(file), "count": count}
    output.emit(result, json=json, show=lambda console, made: console.print(f"{made['file']}: {made['count']:,}"))


@catalog.command()
@click.option("--model", help="Name or hash of the model to deploy.")
@click.option("--query", help="SPARQL SELECT that finds models, devices, or both.")
@click.option("--to", multiple=True, help="A device or board by name; `devices` or `boards`: all of them.")
@click.option("--yes", "execute", is_flag=True, help="Do it, instead of only showing the plan.")
@json_option
@click.pass_obj
def deploy(place: _Place, model: str | None, query: str | None, to: Sequence[str], execute: bool, json: bool) -> int:
    """Plan which image goes to which device; with --yes build them. A device gets the first model found that fits."""
    from fieldwren.catalog import deploy

    before: Callable[[DeployPlan], None] | None = None
    if execute and not json:
        before = lambda plan: _show_plan(output.console(stderr=True), plan)  # noqa: E731 - only here
    with _opened(place) as opened:
        plan = deploy(opened, model=model, query=query, to=to, execute=execute, show=before)
    output.emit(plan, json=json, show=_show_plan)
    if plan.refused:
        return output.no("; ".join(f"{step.target}: {'; '.join(step.reasons)}" for step in plan.refused))
    return 0


def _show_plan(console: Console, plan: DeployPlan) -> None:
    lines = [
        (
            step.target,
            step.board,
            step.model,
            step.action,
            "; ".join([*([step.elf] if step.elf else []), *step.reasons]),
        )
        for step in plan.steps
    ]
    _table(console, ("device", "board", "model", "what", "image or reason"), lines)
    if not plan.can_flash:
        console.print("Not all of these boards can be flashed from here: their images are only built.")


@catalog.command()
@click.argument("device")
@json_option
@click.pass_obj
def td(place: _Place, device: str, json: bool) -> None:
    """Write the W3C Thing Description of a device (or of an app kind: its Thing Model)."""
    from typing import get_args

    from fieldwren.app import Kind
    from fieldwren.catalog import thing_description, thing_model

    if device in get_args(Kind):
        made = thing_model(device)
    else:
        with _opened(place) as opened:
            made = thing_description(opened, device)

    def show(console: Console, described: dict[str, Any]) -> None:
        console.print_json(data=described)

    output.emit(made, json=json, show=show)


@catalog.command()
@click.option("--port", default=8009, show_default=True, type=click.IntRange(0, 65535), help="0: any free one.")
@click.pass_obj
def serve(place: _Place, port: int) -> None:
    """Show the catalogue in a browser, on this computer only."""
    from fieldwren.catalog.serve import serve

    serve(
        place.store,
        endpoint=place.endpoint,
        endpoint_update=place.endpoint_update,
        port=port,
        started=lambda address: output.note(f"{address} (Ctrl-C ends it)"),
    )
