"""`fieldwren catalog deploy`: which image for which device, what must be built, then the building and flashing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pyoxigraph import NamedNode

from fieldwren.boards import load_board
from fieldwren.boards.definition import board_ids
from fieldwren.catalog.catalog import Catalog
from fieldwren.catalog.index import Index, Target
from fieldwren.catalog.match import constraints
from fieldwren.catalog.names import find_model, find_target
from fieldwren.catalog.store import rows
from fieldwren.errors import BadInputError, FieldwrenError

Action = Literal["build", "keep", "refused"]


@dataclass(frozen=True)
class DeployStep:
    """What is to happen with one device or board.

    `keep`: it runs this model's app already. `refused`: `reasons` say why it cannot. `image_sha256` and `elf` are set once
    the image was built; `flashed` once the firmware is on the device and answered as the host does. An image that could not
    be flashed has the reason in `reasons`.
    """

    target: str
    board: str
    model: str
    app: str | None
    action: Action
    reasons: tuple[str, ...] = ()
    elf: str | None = None
    image_sha256: str | None = None
    flashed: bool = False


@dataclass(frozen=True)
class DeployPlan:
    """All steps; `can_flash` says whether every board among them can be flashed from here."""

    steps: tuple[DeployStep, ...]
    can_flash: bool

    @property
    def refused(self) -> tuple[DeployStep, ...]:
        """Steps that are impossible."""
        return tuple(step for step in self.steps if step.action == "refused")


def deploy(
    catalog: Catalog,
    *,
    model: str | None = None,
    query: str | None = None,
    to: Sequence[str] = (),
    execute: bool = False,
    show: Callable[[DeployPlan], None] | None = None,
) -> DeployPlan:
    """Plans (and with `execute` builds, and flashes where the board can be flashed) which app goes to which device.

    `to` names devices or boards; `devices` and `boards` stand for all of them. `query` is a SPARQL SELECT: models among
    what it finds are candidates (after `model`, in the order of its rows), devices and boards are targets. A target gets the
    first candidate that fits it. Everything is checked before anything is built; with a step that is impossible nothing
    is built. `show` gets the plan before the work begins. Raises BadInputError when there is no model or no target.
    """
    index = catalog.index
    rows_of = {entry.id: row for row, entry in enumerate(index.models)}
    targets_of = {target.id: target for target in index.targets}
    found = _asked(catalog, query) if query else []
    candidates = [*([find_model(index, model)] if model else []), *(rows_of[iri] for iri in found if iri in rows_of)]
    targets = [target for name in to for target in _named(index, name)]
    targets += [targets_of[iri] for iri in found if iri in targets_of]
    if not candidates:
        raise BadInputError("there is no model to deploy: name one with --model, or find some with --query")
    if not targets:
        raise BadInputError("there is nothing to deploy to: name devices with --to, or find some with --query")
    running = _running(catalog)
    unique = {target.id: target for target in targets}.values()
    steps = tuple(_best(index, candidates, target, running.get(target.id)) for target in unique)
    plan = DeployPlan(steps, all(_can_flash(step.board) for step in steps))
    if show is not None:
        show(plan)
    if not execute or plan.refused:
        return plan
    return replace(plan, steps=tuple(_carry_out(step) if step.action == "build" else step for step in plan.steps))


def _asked(catalog: Catalog, query: str) -> list[str]:
    """Every IRI that a SELECT finds, row by row."""
    return [value.value for row in rows(catalog.store, query) for value in row if isinstance(value, NamedNode)]


def _named(index: Index, name: str) -> list[Target]:
    kind = {"devices": "device", "boards": "board"}.get(name)
    return [find_target(index, name)] if kind is None else [t for t in index.targets if t.kind == kind]


def _best(index: Index, candidates: Sequence[int], target: Target, running: str | None) -> DeployStep:
    """The first candidate that can go to the target; where none can, why the first cannot."""
    steps = [_step(index, row, target, running) for row in dict.fromkeys(candidates)]
    return next((step for step in steps if step.action != "refused"), steps[0])


def _running(catalog: Catalog) -> dict[str, str]:
    """{device: the model seen on it}."""
    query = "SELECT ?d ?m WHERE { GRAPH ?g { ?d a fw:Device ; fw:runsModel ?m } }"
    return {device.value: model.value for device, model in rows(catalog.store, query)}


def _step(index: Index, row: int, target: Target, running: str | None) -> DeployStep:
    model = index.models[row]
    board = target.name if target.kind == "board" else target.board
    reasons = [found.message for found in constraints(index, row, target)]
    source = model.app or model.location
    if board is None:
        reasons.append(f"of what board {target.name} is, is not known")
    elif not target.buildable:
        reasons.append(
            f"no image is built here for {board}: generate a project, which a framework of PlatformIO builds"
        )
    if source is None:
        reasons.append(f"the file of {model.name} is not known: add it")
    elif model.app is None and not target.emulated:
        reasons.append(f"{model.name} is a bare model, which hears nothing on {target.name}: make an app for it")
    step = DeployStep(target.name, board or "", model.name, source, "build", tuple(reasons))
    if reasons:
        return replace(step, action="refused")
    return replace(step, action="keep") if running == model.id else step


def _can_flash(board: str) -> bool:
    return board in board_ids() and load_board(board).upload is not None


def _carry_out(step: DeployStep) -> DeployStep:
    from fieldwren.flash import flash
    from fieldwren.generate import build

    assert step.app is not None
    built = build(step.app, step.board)
    done = replace(step, elf=built.elf, image_sha256=built.sha256)
    if not _can_flash(step.board):
        return done
    try:
        return replace(done, flashed=flash(step.app, step.board).verified)
    except FieldwrenError as error:
        return replace(done, reasons=(f"built, not flashed: {error}",))
