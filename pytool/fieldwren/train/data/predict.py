"""How well single columns, and all of them together, predict a label in parts of a table that were not looked at.

Folds are blocks of time: neighbouring rows of a slow sensor are nearly equal, and a fold of random rows would only ask
whether the neighbour is remembered. Every class has its rows cut into as many consecutive blocks, so that tables whose
rows are sorted by class work too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]

FOLDS = 5
_DISTINCT_MOST = 256  # distinct values that get a bin each
_CUTS = 32  # quantiles a class otherwise


@dataclass(frozen=True)
class Skill:
    """One class against the rest: shares of its rows and of the others' that are told right."""

    recall: float
    specificity: float

    @property
    def balanced(self) -> float:
        """Their mean: 0.5 is chance."""
        return (self.recall + self.specificity) / 2


def time_folds(labels: Int, count: int = FOLDS) -> Int:
    """The fold [n] of each row: consecutive blocks of each class's rows."""
    folds = np.zeros(len(labels), np.int64)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        folds[places] = np.arange(len(places)) * count // len(places)
    return folds


def _edges(values: Real, labels: Int, classes: int) -> Real:
    """Ascending cut points for `values` (no NaN): between distinct values, or at quantiles and best thresholds of classes."""
    distinct = np.unique(values)
    if len(distinct) <= _DISTINCT_MOST:
        return (distinct[1:] + distinct[:-1]) / 2
    steps = np.linspace(0, 1, _CUTS + 2)[1:-1]
    present = [k for k in range(classes) if (labels == k).any()]
    cuts = [np.quantile(values[labels == k], steps) for k in present]
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    places = np.flatnonzero(np.diff(ascending))  # a cut can only be between different values
    middles = (ascending[places] + ascending[places + 1]) / 2
    for k in present:
        is_k = labels[order] == k
        ahead = np.cumsum(is_k / max(1, is_k.sum()) - ~is_k / max(1, (~is_k).sum()))[places]
        cuts.append(middles[[int(np.argmax(ahead)), int(np.argmin(ahead))]])
    return np.unique(np.concatenate(cuts))


def column_skill(values: Real, labels: Int, classes: int, folds: Int) -> list[Skill]:
    """Each class against the rest from one column [n] (NaN: missing) with a histogram classifier, class priors equal."""
    given = np.zeros((len(values), classes), bool)
    missing = np.isnan(values)
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        known = train & ~missing
        edges = _edges(values[known], labels[known], classes) if known.any() else np.zeros(0)
        bins = np.where(missing, len(edges) + 1, np.searchsorted(edges, np.where(missing, 0.0, values)))
        counts = np.zeros((len(edges) + 2, classes))
        np.add.at(counts, (bins[train], labels[train]), 1)
        rest = counts.sum(axis=1, keepdims=True) - counts
        smooth = 0.1
        inside = (counts + smooth) / (counts.sum(axis=0) + smooth * len(counts))
        outside = (rest + smooth) / (rest.sum(axis=0) + smooth * len(counts))
        given[test] = (inside > outside)[bins[test]]
    return _skills(given, labels, classes)


def table_skill(rows: Real, labels: Int, classes: int, folds: Int) -> list[Skill]:
    """Each class against the rest from all columns [n, columns]: class-balanced ridge regression on values and squares."""
    if rows.shape[1] == 0:
        return [Skill(0.5, 0.5)] * classes
    scores = np.zeros((len(rows), classes))
    for fold in np.unique(folds):
        train, test = folds != fold, folds == fold
        design = _design(rows, train)
        for k in range(classes):
            positive = labels == k
            weight = np.where(positive, 0.5 / max(1, (positive & train).sum()), 0.5 / max(1, (~positive & train).sum()))
            weighted = design[train] * weight[train, None]
            gram = weighted.T @ design[train]
            gram[np.diag_indices_from(gram)] += 1e-3
            solved = np.linalg.solve(gram, weighted.T @ np.where(positive[train], 1.0, -1.0))
            scores[test, k] = design[test] @ solved
    return _skills(scores > 0, labels, classes)


def _design(rows: Real, train: npt.NDArray[np.bool_]) -> Real:
    known = np.where(np.isfinite(rows), rows, np.nan)
    middle = np.array([np.nanmedian(c[train]) if np.isfinite(c[train]).any() else 0.0 for c in known.T])
    filled = np.where(np.isnan(known), middle, known)
    low, high = np.quantile(filled[train], (0.01, 0.99), axis=0)
    clipped = np.clip(filled, low, high)
    deviation = clipped[train].std(axis=0)
    z = (clipped - clipped[train].mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
    return np.concatenate([np.ones((len(z), 1)), z, z * z], axis=1)


def _skills(given: npt.NDArray[np.bool_], labels: Int, classes: int) -> list[Skill]:
    made = []
    for k in range(classes):
        is_k = labels == k
        recall = float(given[is_k, k].mean()) if is_k.any() else 0.0
        specificity = float((~given[~is_k, k]).mean()) if (~is_k).any() else 0.0
        made.append(Skill(recall, specificity))
    return made
