"""Events with a beginning and an end: F1 with collars, and the polyphonic sound detection score.

Event-based F1 as sed_eval counts it (Mesaros, Heittola and Virtanen, Metrics for polyphonic sound event detection, 2016):
a detection is right if its onset lies within a collar of the event's and its offset within a collar or a share of the
event's length; every event and detection is used once, in the matching that uses most. PSDS as Bilen et al. define it
(arXiv 1910.08440): detections are judged by how much of them intersects events, over many thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fieldwren.datasets import Event

Real = npt.NDArray[np.float64]
Files = Mapping[str, Sequence[Event]]
"""Events by recording."""

ONSET_COLLAR_S = 0.2
OFFSET_SHARE = 0.5


@dataclass(frozen=True)
class EventFigures:
    """Counts over all recordings; `f1` is None where there is neither an event nor a detection."""

    matched: int
    expected: int
    found: int

    @property
    def f1(self) -> float | None:
        """2 · matched / (expected + found)."""
        total = self.expected + self.found
        return 2 * self.matched / total if total else None


@dataclass(frozen=True)
class PsdsSettings:
    """Tolerance criteria and weights. Defaults are scenario 1 of DCASE task 4: detections must be well timed."""

    detection: float = 0.7  # of a detection that must lie in events of its class
    truth: float = 0.7  # of an event that must be covered by such detections
    cross_trigger: float = 0.3  # of a false detection that lies in events of another class
    cross_weight: float = 0.0
    spread_weight: float = 1.0  # of the deviation over the classes
    most_per_hour: float = 100.0


def event_figures(
    expected: Files, found: Files, *, collar_s: float = ONSET_COLLAR_S, offset_share: float = OFFSET_SHARE
) -> EventFigures:
    """Events of `expected` that `found` has, too, of the same recording and label."""
    matched = 0
    for name in {*expected, *found}:
        truth, given = expected.get(name, ()), found.get(name, ())
        fits = [
            [
                number
                for number, one in enumerate(given)
                if one.label == event.label
                and abs(one.start_s - event.start_s) <= collar_s
                and abs(one.end_s - event.end_s) <= max(collar_s, offset_share * (event.end_s - event.start_s))
            ]
            for event in truth
        ]
        matched += _matching(fits, len(given))
    return EventFigures(matched, sum(map(len, expected.values())), sum(map(len, found.values())))


def _matching(fits: Sequence[Sequence[int]], count: int) -> int:
    """Size of the largest matching: fits[i] are the partners (below `count`) that i may have. Augmenting paths."""
    owner = [-1] * count

    def place(one: int, tried: set[int]) -> bool:
        for partner in fits[one]:
            if partner in tried:
                continue
            tried.add(partner)
            if owner[partner] < 0 or place(owner[partner], tried):
                owner[partner] = one
                return True
        return False

    return sum(place(one, set()) for one in range(len(fits)))


def runs_above(scores: Real, times_s: Real, threshold: float, step_s: float, label: str) -> list[Event]:
    """The stretches of time where frame-wise `scores` [n] reach `threshold`; frame i ends at times_s[i]."""
    above = np.concatenate([[False], scores >= threshold, [False]])
    starts, ends = np.flatnonzero(~above[:-1] & above[1:]), np.flatnonzero(above[:-1] & ~above[1:])
    return [
        Event(label, float(max(0.0, times_s[a] - step_s)), float(times_s[b - 1]))
        for a, b in zip(starts, ends, strict=True)
    ]


def psds(
    expected: Files,
    operating_points: Sequence[Files],
    labels: Sequence[str],
    seconds: float,
    settings: PsdsSettings | None = None,
) -> float:
    """The score, 0 to 1, of detections at several thresholds over recordings that last `seconds` together."""
    settings = settings or PsdsSettings()
    counted = [_rates(expected, found, labels, seconds, settings) for found in operating_points]
    true_rate = np.array([rates[0] for rates in counted]).reshape(len(counted), len(labels))
    false_rate = np.array([rates[1] for rates in counted]).reshape(len(counted), len(labels))
    grid = np.unique(np.concatenate([[0.0], false_rate.ravel(), [settings.most_per_hour]]))
    grid = grid[grid <= settings.most_per_hour]
    curves = np.zeros((len(labels), len(grid)))
    for k in range(len(labels)):
        order = np.argsort(false_rate[:, k], kind="stable")
        best = np.maximum.accumulate(true_rate[order, k])
        place = np.searchsorted(false_rate[order, k], grid, side="right") - 1
        curves[k] = np.where(place >= 0, best[np.maximum(place, 0)], 0.0)
    effective = np.maximum(0.0, curves.mean(axis=0) - settings.spread_weight * curves.std(axis=0))
    return float(np.sum(effective[:-1] * np.diff(grid)) / settings.most_per_hour)


def _rates(
    expected: Files, found: Files, labels: Sequence[str], seconds: float, settings: PsdsSettings
) -> tuple[Real, Real]:
    """True positive rate and effective false positives an hour of each class."""
    count = len(labels)
    truth_seconds, truths, right, false = np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count)
    crossed = np.zeros((count, count))
    place = {label: number for number, label in enumerate(labels)}
    for name in {*expected, *found}:
        events = [event for event in expected.get(name, ()) if event.label in place]
        covered = np.zeros(len(events))
        for event in events:
            truths[place[event.label]] += 1
            truth_seconds[place[event.label]] += event.end_s - event.start_s
        for one in found.get(name, ()):
            if one.label not in place:
                continue
            k = place[one.label]
            shared = np.array([_shared(one, event) for event in events])
            own = np.array([event.label == one.label for event in events], bool)
            length = max(one.end_s - one.start_s, 1e-12)
            if shared[own].sum() / length >= settings.detection:
                covered[own] += shared[own]
                continue
            false[k] += 1
            for other, label in enumerate(labels):
                of_other = np.array([event.label == label for event in events], bool)
                if other != k and shared[of_other].sum() / length >= settings.cross_trigger:
                    crossed[k, other] += 1
        for event, amount in zip(events, covered, strict=True):
            right[place[event.label]] += amount / max(event.end_s - event.start_s, 1e-12) >= settings.truth
    hours = seconds / 3600
    cross_rates = np.divide(crossed, truth_seconds / 3600, out=np.zeros_like(crossed), where=truth_seconds > 0)
    effective = false / hours + settings.cross_weight * cross_rates.sum(axis=1) / max(1, count - 1)
    return np.divide(right, truths, out=np.zeros(count), where=truths > 0), effective


def _shared(one: Event, other: Event) -> float:
    return max(0.0, min(one.end_s, other.end_s) - max(one.start_s, other.start_s))
