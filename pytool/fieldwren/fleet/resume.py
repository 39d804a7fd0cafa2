"""`fieldwren fleet resume`: goes on with a federation whose server was stopped, or killed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fieldwren.errors import BadInputError
from fieldwren.fleet.run import ENGINE, run
from fieldwren.fleet.server import Round
from fieldwren.fleet.simulate import FleetResult, simulate
from fieldwren.fleet.store import resumable


def resume(state: Path, *, progress: Callable[[Round, int], None] | None = None) -> FleetResult:
    """Runs the rounds that are left; the result is that of a run which was never stopped, to the bit.

    Raises MissingToolError when there is no such file, BadInputError when it holds another federation by now.
    """
    federation, engine = resumable(state)
    if engine == ENGINE:
        return run(federation, state=state, progress=progress)
    if engine != "simulate":
        raise BadInputError(f"{state}: was written by {engine}, which this fieldwren cannot go on with")
    return simulate(federation, state=state, progress=progress)
