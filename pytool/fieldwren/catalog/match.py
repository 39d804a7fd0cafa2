"""Does a model fit a target, and if not why: memory, operators, front end, sensors and their rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fieldwren.catalog.index import Index, ModelText, Target, bits

LatencySource = Literal["measured", "estimated"]


@dataclass(frozen=True)
class Constraint:
    """Something a model needs and a target has not. Memory is in bytes, rates in Hz, sensors and operators are names."""

    constraint: str
    needs: int | float | str | None
    has: int | float | str | None
    message: str


@dataclass(frozen=True)
class Match:
    """Columns over all models for one target. Sizes in bytes (-1 unknown), latency in ms (NaN unknown)."""

    fits: NDArray[np.bool_]
    flash: NDArray[np.int64]
    ram: NDArray[np.int64]
    latency_ms: NDArray[np.float64]
    is_measured: NDArray[np.bool_]


def match(index: Index, target: Target) -> Match:
    """All models against one target at once."""
    flash, ram, cycles = footprints(index, target)
    fits = (flash >= 0) & (ram >= 0)
    if target.flash_bytes is not None:
        fits &= flash <= target.flash_bytes
    if target.ram_bytes is not None:
        fits &= ram <= target.ram_bytes
    fits &= ~missing(index.operators, target.operators, index.operator_names)
    fits &= ~missing(index.sensors, None if target.sensors is None else tuple(target.sensors), index.sensor_kinds)
    if target.sensors is not None:
        has = np.array([_rate(target, kind) for kind in index.sensor_kinds])
        fits &= (index.rates <= has).all(axis=1)
    if target.front_ends is not None:
        allowed = {None, *target.front_ends}
        fits &= np.array([model.front_end in allowed for model in index.models], bool)
    latency = np.full(len(index.models), np.nan)
    if target.clock_hz:
        latency = np.where(cycles >= 0, cycles * (1000.0 / target.clock_hz), np.nan)
    is_measured = np.zeros(len(index.models), bool)
    _put_measured(index, target, latency, is_measured)
    return Match(fits, flash, ram, latency, is_measured)


def footprints(index: Index, target: Target) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Flash, RAM and cycles of every model on the target's core, or of any core where that one is not known."""
    anywhere = index.portable()
    own = index.cores.index(target.core) if target.core in index.cores else anywhere
    known = (index.flash[:, own] >= 0) | (index.ram[:, own] >= 0)
    flash = np.where(known, index.flash[:, own], index.flash[:, anywhere])
    ram = np.where(known, index.ram[:, own], index.ram[:, anywhere])
    return flash, ram, index.cycles[:, own]


def missing(wanted: NDArray[np.uint64], has: tuple[str, ...] | None, names: list[str]) -> NDArray[np.bool_]:
    """Rows of `wanted` with a bit whose name is not in `has` (None: everything is there)."""
    if has is None:
        return np.zeros(len(wanted), bool)
    numbers = {name: i for i, name in enumerate(names)}
    there = bits([[name for name in has if name in numbers]], numbers)[0]
    lacking: NDArray[np.bool_] = ((wanted & ~there) != 0).any(axis=1)
    return lacking


def _rate(target: Target, kind: str) -> float:
    """The highest rate of a sensor of the target in Hz; infinite where it is not known, or not there at all."""
    assert target.sensors is not None
    rate = target.sensors.get(kind)
    return np.inf if rate is None else rate


def board_id(target: Target) -> str:
    """The IRI under which benchmarks of a target are recorded: its own, or its board's."""
    from fieldwren.catalog.namespaces import BOARD

    return target.id if target.kind == "board" or target.board is None else BOARD + target.board


def _put_measured(index: Index, target: Target, latency: NDArray[np.float64], is_measured: NDArray[np.bool_]) -> None:
    if not index.measured:
        return
    board = board_id(target)
    numbers = {model.id: i for i, model in enumerate(index.models)}
    for (model, on), found in index.measured.items():
        if on == board and found.latency_ms is not None and model in numbers:
            latency[numbers[model]] = found.latency_ms
            is_measured[numbers[model]] = True


def constraints(index: Index, number: int, target: Target, limit: dict[str, str] | None = None) -> list[Constraint]:
    """Why model `number` does not fit the target; empty when it does. `limit` gives check's messages of limits."""
    model = index.models[number]
    found: list[Constraint] = []
    if model.unsupported is not None:
        found.append(Constraint("operator", model.unsupported_operator, None, model.unsupported))
    flash, ram, _ = (int(column[number]) for column in footprints(index, target))
    for name, needs, has in (("flash", flash, target.flash_bytes), ("ram", ram, target.ram_bytes)):
        if needs < 0 and model.unsupported is None:
            what = f"how much {name} {model.name} needs on {target.name} is not known: add its model file"
            found.append(Constraint(name, None, has, what))
        elif has is not None and needs > has:
            default = f"{model.name} needs {needs} bytes of {name} and {target.name} has {has}"
            found.append(Constraint(name, needs, has, (limit or {}).get(name, default)))
    found += _operator_constraints(index, number, model, target)
    found += _sensor_constraints(index, number, model, target)
    if target.front_ends is not None and model.front_end not in {None, *target.front_ends}:
        has_text = ", ".join(target.front_ends) or "none"
        what = f"{model.name} needs the front end {model.front_end} and the firmware of {target.name} has {has_text}"
        found.append(Constraint("front_end", model.front_end, has_text, what))
    return found


def _names(row: NDArray[np.uint64], names: list[str]) -> list[str]:
    return [name for i, name in enumerate(names) if int(row[i // 64]) >> (i % 64) & 1]


def _operator_constraints(index: Index, number: int, model: ModelText, target: Target) -> list[Constraint]:
    if target.operators is None:
        return []
    has = set(target.operators)
    return [
        Constraint(
            "operator",
            name,
            None,
            f"{model.name} uses {name}, which the firmware of {target.name} does not have; it has {_variants(name, has)}",
        )
        for name in _names(index.operators[number], index.operator_names)
        if name not in has
    ]


def _variants(name: str, has: set[str]) -> str:
    """Other variants of the same operator, which is what one would look for next."""
    others = sorted(other for other in has if other.partition("/")[0] == name.partition("/")[0])
    return ", ".join(others) if others else "no variant of it"


def _sensor_constraints(index: Index, number: int, model: ModelText, target: Target) -> list[Constraint]:
    if target.sensors is None:
        return []
    found = []
    has_text = ", ".join(sorted(target.sensors)) or "none"
    for kind in _names(index.sensors[number], index.sensor_kinds):
        needs = float(index.rates[number, index.sensor_kinds.index(kind)])
        if kind not in target.sensors:
            what = f"{model.name} listens to a sensor of kind {kind} and {target.name} has {has_text}"
            found.append(Constraint("sensor", kind, has_text, what))
        elif needs > _rate(target, kind):
            has = _rate(target, kind)
            what = (
                f"{model.name} needs {needs:g} samples a second of the {kind} and that of {target.name} gives {has:g}"
            )
            found.append(Constraint("rate", needs, has, what))
    return found
