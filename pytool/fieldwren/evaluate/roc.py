"""One class against the rest as the threshold moves: receiver operating characteristic, its area, the equal error rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_POINTS = 60


@dataclass(frozen=True)
class Roc:
    """Shares at thresholds from high to low, from (0, 0) to (1, 1); `area` and `equal_error` are of all points."""

    area: float
    equal_error: float  # where as many are missed as are accepted falsely
    false_positive: Sequence[float]
    true_positive: Sequence[float]


def roc(scores: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]) -> Roc | None:
    """Of `scores` [n], higher for what is more likely `positive` [n]; None where either kind is missing."""
    if not positive.any() or positive.all():
        return None
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # equal scores are accepted together
    hits, alarms = np.cumsum(positive[order])[last], np.cumsum(~positive[order])[last]
    true = np.concatenate([[0.0], hits / positive.sum()])
    false = np.concatenate([[0.0], alarms / (~positive).sum()])
    area = float(np.sum(np.diff(false) * (true[1:] + true[:-1]) / 2))
    return Roc(area, _equal_error(false, true), *_thinned(false, true))


def _equal_error(false: npt.NDArray[np.float64], true: npt.NDArray[np.float64]) -> float:
    """Where the line between the two points around it crosses misses = false alarms."""
    gap = false - (1 - true)  # rises from -1 to 1
    i = int(np.searchsorted(gap, 0.0))
    if gap[i] == 0 or i == 0:
        return float(false[i])
    share = -gap[i - 1] / (gap[i] - gap[i - 1])
    return float(false[i - 1] + share * (false[i] - false[i - 1]))


def _thinned(false: npt.NDArray[np.float64], true: npt.NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """At most about _POINTS of the points, the first and the last among them; corners stay."""
    corners = np.ones(len(false), bool)
    corners[1:-1] = ~(
        ((false[1:-1] == false[:-2]) & (false[1:-1] == false[2:]))
        | ((true[1:-1] == true[:-2]) & (true[1:-1] == true[2:]))
    )
    places = np.flatnonzero(corners)
    if len(places) > _POINTS:
        places = places[np.unique(np.linspace(0, len(places) - 1, _POINTS).round().astype(int))]
    return [round(float(v), 6) for v in false[places]], [round(float(v), 6) for v in true[places]]
