"""Accuracy and area under the ROC curve, as the public runner scores them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def top1(scores: NDArray[Any], labels: NDArray[Any]) -> float:
    """The fraction of rows of `scores` [files, classes] whose largest value is that of the label."""
    return float(np.mean(np.argmax(scores, axis=1) == labels))


def area_under_curve(scores: NDArray[Any], labels: NDArray[Any]) -> float | None:
    """The probability that a positive scores above a negative, ties counting half (Mann and Whitney 1947).

    `scores` [files, 1] are scores of class 1; [files, 2] are judged by the second column; with more columns each class
    is judged against the rest, its values normalised over the row, and the areas are averaged. None where a class that
    would be judged has no file, or all.
    """
    width = scores.shape[1]
    if width <= 2:
        return _binary(scores[:, -1], labels == 1)
    total = scores.sum(axis=1, keepdims=True)
    shares = np.divide(scores, total, out=np.zeros_like(scores), where=total != 0)
    areas = [_binary(shares[:, index], labels == index) for index in range(width)]
    known = [area for area in areas if area is not None]
    return float(np.mean(known)) if len(known) == width else None


def _binary(scores: NDArray[Any], positive: NDArray[Any]) -> float | None:
    wins = int(positive.sum())
    losses = len(positive) - wins
    if wins == 0 or losses == 0:
        return None
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[positive].sum() - wins * (wins + 1) / 2) / (wins * losses))
