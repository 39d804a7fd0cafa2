"""Faults of sensors, put into tables of normal rows: what an anomaly detector is measured with where nobody labelled any.

Eight kinds, each on one channel (two for `swapped`, three for `implausible`) for a while, `deviation` being that of the
channel in the table:

- `stuck`: the channel keeps the value it had when the fault began;
- `spike`: a single reading is 4 to 8 deviations off;
- `offset`: all readings are 2 to 4 deviations off, one way;
- `drift`: an offset that grows from nothing to 3 to 5 deviations;
- `dropout`: the channel reads 0;
- `swapped`: two channels' readings stand in each other's place;
- `noise`: white noise of 1.5 deviations on top;
- `implausible`: three channels at values that each occur, but never together: the table's highest or lowest percentile,
  whichever is farther from where the channel is.

A row is faulty if its readings are not what they were: a channel that was 0 anyway does not drop out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import BadInputError

Rows = NDArray[np.float64]
ROWS_LEAST = 200
_EVERY_ROWS = 400
_LENGTHS = (20, 60)
_QUIET_ROWS = 60


@dataclass(frozen=True)
class Faulty:
    """A table with faults of one kind; `is_faulty` [n] says which rows have them."""

    kind: str
    rows: Rows
    is_faulty: NDArray[np.bool_]


def faulty_tables(rows: Rows, seed: int = 0, repeats: int = 3) -> list[Faulty]:
    """`repeats` copies of `rows` [n, channels] with faults of each kind, about one in 400 rows, none in the first 60.

    Raises BadInputError for a table of fewer than ROWS_LEAST rows.
    """
    if len(rows) < ROWS_LEAST:
        raise BadInputError(f"faults are put into tables of at least {ROWS_LEAST} rows; this one has {len(rows)}")
    known = np.where(np.isfinite(rows), rows, np.nanmean(rows, axis=0))
    rng = np.random.default_rng([seed, len(rows)])
    made = []
    for kind, change in _KINDS.items():
        for _ in range(repeats):
            changed = known.copy()
            for _ in range(max(1, len(rows) // _EVERY_ROWS)):
                length = 1 if kind == "spike" else int(rng.integers(*_LENGTHS))
                start = int(rng.integers(_QUIET_ROWS, len(rows) - length))
                change(changed, known, slice(start, start + length), rng)
            is_faulty = (changed != known).any(axis=1)
            if is_faulty.any():
                made.append(Faulty(kind, changed, is_faulty))
    return made


def auroc(scores: NDArray[np.float64], is_faulty: NDArray[np.bool_]) -> float:
    """Chance that a faulty row scores higher than a normal one, ties counted half: the area under the ROC curve."""
    _, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    faulty, normal = int(is_faulty.sum()), int((~is_faulty).sum())
    if not faulty or not normal:
        raise BadInputError("AUROC needs normal rows and faulty ones")
    return float((ranks[is_faulty].sum() - faulty * (faulty + 1) / 2) / (faulty * normal))


def _channel(rows: Rows, rng: np.random.Generator) -> tuple[int, float]:
    """A random one, and plus or minus its deviation."""
    channel = int(rng.integers(rows.shape[1]))
    return channel, float(rows[:, channel].std() * rng.choice([-1, 1]))


def _stuck(changed: Rows, known: Rows, where: slice, rng: np.random.Generator) -> None:
    channel, _ = _channel(known, rng)
    changed[where, channel] = known[where.start - 1, channel]


def _off(low: float, high: float) -> Callable[[Rows, Rows, slice, np.random.Generator], None]:
    def change(changed: Rows, known: Rows, where: slice, rng: np.random.Generator) -> None:
        channel, deviation = _channel(known, rng)
        changed[where, channel] += rng.uniform(low, high) * deviation

    return change


def _drift(changed: Rows, known: Rows, where: slice, rng: np.random.Generator) -> None:
    channel, deviation = _channel(known, rng)
    steps = np.linspace(0, 1, where.stop - where.start + 1)[1:]
    changed[where, channel] += steps * rng.uniform(3, 5) * deviation


def _dropout(changed: Rows, known: Rows, where: slice, rng: np.random.Generator) -> None:
    channel, _ = _channel(known, rng)
    changed[where, channel] = 0


def _swapped(changed: Rows, known: Rows, where: slice, rng: np.random.Generator) -> None:
    if known.shape[1] < 2:
        return
    one, other = rng.permutation(known.shape[1])[:2]
    changed[where, one], changed[where, other] = known[where, other], known[where, one]


def _noise(changed: Rows, known: Rows, where: slice, rng: np.random.Generator) -> None:
    channel, deviation = _channel(known, rng)
    changed[where, channel] += rng.normal(0, 1.5 * abs(deviation), where.stop - where.start)


def _implausible(changed: Rows, known: Rows, where: slice, rng: np.random.Generator) -> None:
    for channel in rng.permutation(known.shape[1])[:3]:
        low, high = np.quantile(known[:, channel], (0.01, 0.99))
        now = known[where, channel].mean()
        changed[where, channel] = high if high - now > now - low else low


_KINDS: dict[str, Callable[[Rows, Rows, slice, np.random.Generator], None]] = {
    "stuck": _stuck,
    "spike": _off(4, 8),
    "offset": _off(2, 4),
    "drift": _drift,
    "dropout": _dropout,
    "swapped": _swapped,
    "noise": _noise,
    "implausible": _implausible,
}
KINDS = tuple(_KINDS)
