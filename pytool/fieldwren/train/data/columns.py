"""Signs that a column of a table was not measured but knows the label.

A strong sensor is not a leak: light says almost everything about an office being occupied, with values that vary as
light does. A leak has the shape of bookkeeping: one value for one label, a filler where the label made the reading
impossible, changes where the label changes, a count of the rows. The rules look for those shapes; predicting well
alone is only remarked, and suspected where it is perfect and everything else in the table is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fieldwren.train.data.predict import Int, Real, Skill, column_skill, table_skill, time_folds

Severity = Literal["leak", "suspect", "note"]

ENOUGH_ROWS = 10  # of a class, to say anything about it
ALWAYS = 0.99  # a value stands for a label: shares of the label's rows with it, and of its rows with the label
FILLER = 0.98  # of a filler's rows with one label
FAR = 3.0  # a filler lies so many ranges of the other values away from them
CHANCE = 1e-6  # a filler's rows falling on one label by chance
TOGETHER = 0.9  # of the changes of column and label that coincide
NEAR_ROWS = (2, 8, 32)  # changes so near coincide: copies, late copies, averages of the label
RARE = 0.2  # share of the rows that may be so near a change of the label, else coinciding says nothing
CLUSTER = 5.0  # label plus noise: gap between classes over the range within the widest
PERFECT = 0.998
EASY = 0.98  # if the rest does so well without the column, the task is easy
STRONG, AHEAD = 0.9, 0.05


@dataclass(frozen=True)
class Finding:
    """Something about the data that a user should know before believing a figure.

    `severity`: a `leak` stops a training unless it is allowed, a `suspect` is warned about, a `note` is said. `where`
    is the column, or the files or groups.
    """

    severity: Severity
    kind: str
    where: str
    message: str


@dataclass(frozen=True)
class Columns:
    """A labelled table: rows [n, columns] (NaN: missing), labels [n] as 0, 1, … of `classes`, and each row's file [n]."""

    names: Sequence[str]
    rows: Real
    labels: Int
    classes: Sequence[str]
    file: Int


def check_columns(table: Columns) -> list[Finding]:
    """What single columns give away, the worst first; at most one finding a column."""
    counts = np.bincount(table.labels, minlength=len(table.classes))
    if np.count_nonzero(counts >= ENOUGH_ROWS) < 2:
        return []
    folds = time_folds(table.labels)
    skills = [column_skill(column, table.labels, len(table.classes), folds) for column in table.rows.T]
    perfect = [_best(skill, counts)[1].balanced >= PERFECT for skill in skills]
    found = []
    for place, name in enumerate(table.names):
        column = table.rows[:, place]
        finding = (
            _code(table, name, column, "")
            or _code(table, name, _change(table, column), "the change of ")
            or _filler(table, name, column)
            or _steps(table, name, column)
            or _clock(table, name, column)
            or _skilful(table, place, skills, perfect, folds)
        )
        if finding is not None:
            found.append(finding)
    order = {"leak": 0, "suspect": 1, "note": 2}
    return sorted(found, key=lambda finding: order[finding.severity])


def _number(value: float) -> str:
    return "missing" if math.isnan(value) else f"{value:g}"


def _percent(share: float) -> str:
    """Rounded down, so that only all is 100 %."""
    return f"{math.floor(1000 * share) / 10:g} %"


def _value_counts(table: Columns, column: Real) -> tuple[Real, Int, Int]:
    """Distinct values [v] (missing is one of them), counts of labels [v, classes], and each row's value [n]."""
    values, index = np.unique(column, return_inverse=True, equal_nan=True)
    counts = np.zeros((len(values), len(table.classes)), np.int64)
    np.add.at(counts, (index, table.labels), 1)
    return values, counts, index


def _change(table: Columns, column: Real) -> Real:
    """Each row minus the one before it in its file; missing at the beginning of a file."""
    change = np.full(len(column), np.nan)
    change[1:] = np.where(table.file[1:] == table.file[:-1], column[1:] - column[:-1], np.nan)
    # Sums of numbers that are no binary fractions: 0.30000000000000004 - 0.2 is 0.1.
    return np.round(change, 9)


def _code(table: Columns, name: str, column: Real, what: str) -> Finding | None:
    """One value for one label, and that label for the value."""
    values, counts, _ = _value_counts(table, column)
    if len(values) > len(column) / 2:
        return None
    of_class, of_value = counts.sum(axis=0), counts.sum(axis=1, keepdims=True)
    recall = counts / np.maximum(1, of_class)
    both = np.where(of_class >= ENOUGH_ROWS, np.minimum(recall, counts / of_value), 0.0)
    value, k = divmod(int(np.argmax(both)), len(table.classes))
    if both[value, k] < ALWAYS:
        return None
    return Finding(
        "leak",
        "code",
        name,
        f"{what}{name} is {_number(values[value])} in {_percent(recall[value, k])} of the rows labelled {table.classes[k]} "
        f"and in {_percent((of_value[value, 0] - counts[value, k]) / (len(column) - of_class[k]))} of the others",
    )


def _filler(table: Columns, name: str, column: Real) -> Finding | None:
    """A value far from all others (or none) that comes with one label."""
    values, counts, index = _value_counts(table, column)
    if len(values) < 3:
        return None
    runs, run_count = _runs(table)
    share = counts.sum(axis=0) / counts.sum()
    for value in (0, len(values) - 2, len(values) - 1):
        rows = int(counts[value].sum())
        k = int(np.argmax(counts[value]))
        if counts[value, k] < FILLER * rows or not _is_apart(values, value, column):
            continue
        if rows * math.log(share[k]) > math.log(CHANCE):
            continue
        # One failure of a sensor while nobody was there says nothing; one in every absence does.
        if len(np.unique(runs[(index == value) & (table.labels == k)])) < min(3, run_count[k]):
            continue
        return Finding(
            "leak",
            "filler",
            name,
            f"{name} is {_number(values[value])}, far from any reading, in {rows} rows, and "
            f"{_percent(counts[value, k] / rows)} of them are labelled {table.classes[k]}",
        )
    return None


def _is_apart(values: Real, value: int, column: Real) -> bool:
    if math.isnan(values[value]):
        return True
    others = column[np.isfinite(column) & (column != values[value])]
    if len(others) < 2 or not math.isfinite(values[value]):
        return not math.isfinite(values[value])
    low, high = np.quantile(others, (0.01, 0.99))
    return bool(np.min(np.abs(others - values[value])) > FAR * (high - low) > 0)


def _runs(table: Columns) -> tuple[Int, Int]:
    """The number [n] of the run of equal labels that a row is in, and how many runs each class has."""
    starts = np.ones(len(table.labels), bool)
    starts[1:] = (table.labels[1:] != table.labels[:-1]) | (table.file[1:] != table.file[:-1])
    return np.cumsum(starts), np.bincount(table.labels[starts], minlength=len(table.classes))


def _steps(table: Columns, name: str, column: Real) -> Finding | None:
    """Values that change where the label changes, and only there: a session's number, a late copy of the label."""
    inside = table.file[1:] == table.file[:-1]
    both_missing = np.isnan(column[1:]) & np.isnan(column[:-1])
    column_steps = (column[1:] != column[:-1]) & ~both_missing & inside
    label_steps = (table.labels[1:] != table.labels[:-1]) & inside
    if label_steps.sum() < 5 or not column_steps.any():
        return None
    for rows in NEAR_ROWS:
        around = np.ones(2 * rows + 1)
        near_label = np.convolve(label_steps, around)[rows:-rows] > 0
        near_column = np.convolve(column_steps, around)[rows:-rows] > 0
        share = near_label[column_steps].mean()
        if near_label.mean() <= RARE and share >= TOGETHER and near_column[label_steps].mean() >= TOGETHER:
            return Finding(
                "leak",
                "steps",
                name,
                f"{name} changes {int(column_steps.sum())} times, {_percent(share)} of them within {rows} rows of a change of "
                f"the label, which changes {int(label_steps.sum())} times",
            )
    return None


def _clock(table: Columns, name: str, column: Real) -> Finding | None:
    """A row number or a time: it only ever grows, so a model can learn when what was the case."""
    finite = np.isfinite(column).all()
    if not finite or len(column) < 50 or len(np.unique(column)) < 0.9 * len(column) / len(np.unique(table.file)):
        return None
    steps = np.diff(column)[table.file[1:] == table.file[:-1]]
    if not len(steps) or not ((steps >= 0).all() or (steps <= 0).all()) or np.count_nonzero(steps) < 0.9 * len(steps):
        return None
    return Finding("leak", "clock", name, f"{name} counts the rows: it only tells when a row was taken")


def _best(skills: Sequence[Skill], counts: Int) -> tuple[int, Skill]:
    """The class that is told best among those with enough rows."""
    enough = [k for k in range(len(skills)) if counts[k] >= ENOUGH_ROWS]
    k = max(enough, key=lambda k: min(skills[k].recall, skills[k].specificity))
    return k, skills[k]


def _skilful(
    table: Columns, place: int, skills: Sequence[Sequence[Skill]], perfect: Sequence[bool], folds: Int
) -> Finding | None:
    """A column that predicts well, beside what the others predict; those that are perfect themselves do not count."""
    k, skill = _best(skills[place], np.bincount(table.labels, minlength=len(table.classes)))
    if skill.balanced < STRONG:
        return None
    name = table.names[place]
    # Two copies of a label are no evidence for each other; that most columns are perfect makes the task an easy one.
    is_easy = sum(perfect) >= 3 and sum(perfect) > len(perfect) / 2
    others = [i for i in range(len(table.names)) if i != place and (is_easy or not perfect[i])]
    rest = max((skills[i][k].balanced for i in others), default=0.5)
    if rest + AHEAD < skill.balanced or skill.balanced >= PERFECT:
        together = table_skill(table.rows[:, others], table.labels, len(table.classes), folds)
        rest = max(rest, together[k].balanced)
    said = (
        f"{name} alone tells {table.classes[k]} from the rest {_percent(skill.balanced)} of the time, the other columns "
        f"{_percent(rest)}"
    )
    if skill.balanced >= PERFECT and _cluster(table, table.rows[:, place], k) >= CLUSTER:
        return Finding("leak", "noisy code", name, f"{name} is the label with a little noise: {said}")
    if skill.balanced >= PERFECT and rest < EASY:
        return Finding("suspect", "perfect", name, said)
    if skill.balanced > rest + AHEAD:
        return Finding("note", "strong", name, said)
    return None


def _cluster(table: Columns, column: Real, k: int) -> float:
    """The gap between class k and the others over the widest range of a class, the outermost 0.5 % left out."""
    ranges = []
    for label in range(len(table.classes)):
        values = column[(table.labels == label) & np.isfinite(column)]
        if len(values):
            ranges.append((label, *np.quantile(values, (0.005, 0.995))))
    own = next(((low, high) for label, low, high in ranges if label == k), None)
    if own is None or len(ranges) < 2:
        return 0.0
    gap = min(max(low - own[1], own[0] - high) for label, low, high in ranges if label != k)
    widest = max(high - low for _, low, high in ranges)
    return float(gap / widest) if widest > 0 else (math.inf if gap > 0 else 0.0)
