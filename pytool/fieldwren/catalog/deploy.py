"""`fieldwren catalog deploy`: which image for which device, what must be built, and then the building."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fieldwren.catalog.ask import find_model, find_target
from fieldwren.catalog.catalog import Catalog
from fieldwren.catalog.index import Index, Target
from fieldwren.catalog.match import constraints
from fieldwren.catalog.store import rows
from fieldwren.errors import BadInputError

Action = Literal["build", "keep", "refused"]


@dataclass(frozen=True)
class DeployStep:
    """What is to happen with one device or board.

    `keep`: it runs this model's app already. `refused`: `reasons` say why it cannot. `image_sha256` and `elf` are set once
    the image was built; `flashed` is False until the firmware is on the device.
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
    """All steps; `can_flash` says whether this version writes images to devices."""

    steps: tuple[DeployStep, ...]
    can_flash: bool

    @property
    def refused(self) -> tuple[DeployStep, ...]:
        """Steps that are impossible."""
        return tuple(step for step in self.steps if step.action == "refused")


def deploy(
    catalog: Catalog,
    *,
    model: str,
    query: str | None = None,
    to: Sequence[str] = (),
    execute: bool = False,
    show: Callable[[DeployPlan], None] | None = None,
) -> DeployPlan:
    """Plans (and with `execute` builds) the app of `model` for devices: those named in `to`, or found by `query`.

    `query` is a SPARQL SELECT whose first variable gives devices or boards. Everything is checked before anything is
    built; with a step that is impossible nothing is built. `show` gets the plan before the work begins. Raises
    BadInputError when there is nothing to deploy to.
    """
    index = catalog.index
    row = find_model(index, model)
    names = [*to, *(_asked(catalog, query) if query else ())]
    targets = [find_target(index, name) for name in dict.fromkeys(names)]
    if not targets:
        raise BadInputError("there is nothing to deploy to: name devices with --to, or find some with --query")
    running = _running(catalog)
    steps = tuple(_step(index, row, target, running.get(target.id)) for target in targets)
    plan = DeployPlan(steps, importlib.util.find_spec("fieldwren.flash") is not None)
    if show is not None:
        show(plan)
    if not execute or plan.refused:
        return plan
    return replace(plan, steps=tuple(_build(step) if step.action == "build" else step for step in plan.steps))


def _asked(catalog: Catalog, query: str) -> list[str]:
    """What the first variable of a SELECT holds."""
    return [row[0].value for row in rows(catalog.store, query) if row and row[0] is not None]


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
        reasons.append(f"this fieldwren has no port for {board}: it cannot build an image for it")
    if source is None:
        reasons.append(f"the file of {model.name} is not known: add it")
    elif model.app is None and not target.emulated:
        reasons.append(f"{model.name} is a bare model, which hears nothing on {target.name}: make an app for it")
    step = DeployStep(target.name, board or "", model.name, source, "build", tuple(reasons))
    if reasons:
        return replace(step, action="refused")
    return replace(step, action="keep") if running == model.id else step


def _build(step: DeployStep) -> DeployStep:
    from fieldwren.generate import build

    assert step.app is not None
    built = build(step.app, step.board)
    return replace(step, elf=built.elf, image_sha256=built.sha256)
