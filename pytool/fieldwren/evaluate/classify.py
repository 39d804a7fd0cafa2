"""Right and wrong answers on labelled samples: accuracy, per class, confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.app_model import AppModel
from fieldwren.datasets import UNKNOWN, Labelled
from fieldwren.detector import Q15_ONE, posteriors
from fieldwren.evaluate.roc import Roc, roc
from fieldwren.plan import Plan
from fieldwren.runtime import Interpreter
from fieldwren.steps import Steps


@dataclass(frozen=True)
class ClassFigures:
    """Of one class: shares of right answers among those that were given (`precision`) and wanted (`recall`).

    None where there is nothing to divide by.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    count: int


@dataclass(frozen=True)
class Confusion:
    """`counts[wanted][answered]`, both in the order of `labels`."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Classification:
    """Figures over all samples; `macro_f1` is the mean F1 of the classes that occur, `ignored` samples have no class here."""

    accuracy: float
    macro_f1: float
    per_class: Mapping[str, ClassFigures]
    confusion: Confusion
    per_group: Mapping[str, float]
    count: int
    ignored: int
    roc: Mapping[str, Roc] = field(default_factory=dict)  # of the classes that occur, each against the rest


def scores(
    model: AppModel, interpreter: Interpreter, inputs: NDArray[Any], steps: Steps | None = None
) -> NDArray[np.float64]:
    """Posteriors [n, classes] of each input [n, *any], from a fresh state each; with `steps` of each window."""
    program = interpreter.plan.program
    source, target = program.inputs[0], program.outputs[0]
    made = np.empty((len(inputs), len(model.labels)))
    for number, value in enumerate(inputs):
        interpreter.reset()
        outputs = [
            posteriors(
                interpreter.invoke([part.reshape(source.shape)])[0],
                target.scale,
                target.zero_point,
                kind=model.app.detector.output,
                class_count=len(model.labels),
            )
            for part in (value.reshape(steps.count, -1) if steps is not None else [value])
        ]
        made[number] = outputs[0] / Q15_ONE if steps is None else steps.answered(np.array(outputs) / Q15_ONE)
    return made


def wanted(model: AppModel, labels: NDArray[np.str_]) -> NDArray[np.int64]:
    """Class numbers of `labels`; a word that is none of the app's counts as its background, or as -1 if it has none."""
    background = model.detector.background if model.detector is not None else ()
    unreported = [number for number, is_background in enumerate(background) if is_background]
    other = next((number for number in unreported if model.labels[number] == UNKNOWN), min(unreported, default=-1))
    number = {label: index for index, label in enumerate(model.labels)}
    return np.array([number.get(str(label), other) for label in labels], np.int64)


def classify(model: AppModel, planned: Plan, parts: Sequence[Labelled]) -> Classification:
    """Runs the model over every sample of every group."""
    interpreter = Interpreter(planned)
    count = len(model.labels)
    counts = np.zeros((count, count), np.int64)
    per_group: dict[str, float] = {}
    ignored = 0
    truths, posteriors_of = [np.zeros(0, np.int64)], [np.zeros((0, count))]
    for part in parts:
        truth = wanted(model, part.labels)
        kept = truth >= 0
        ignored += int((~kept).sum())
        made = scores(model, interpreter, part.inputs[kept], part.steps)
        given = np.argmax(made, axis=1)
        truths.append(truth[kept])
        posteriors_of.append(made)
        np.add.at(counts, (truth[kept], given), 1)
        if kept.any():
            per_group[part.group] = float(np.mean(truth[kept] == given))
    truth, made = np.concatenate(truths), np.concatenate(posteriors_of)
    curves = {label: roc(made[:, k], truth == k) for k, label in enumerate(model.labels)}
    return replace(
        figures(model.labels, counts, per_group, ignored),
        roc={label: curve for label, curve in curves.items() if curve is not None},
    )


def figures(
    labels: Sequence[str], counts: NDArray[np.int64], per_group: Mapping[str, float], ignored: int
) -> Classification:
    """What follows from a confusion matrix [wanted, answered]."""
    right = np.diag(counts)
    per_class = {
        label: _class_figures(int(right[i]), int(counts[:, i].sum()), int(counts[i].sum()))
        for i, label in enumerate(labels)
    }
    scores = [part.f1 or 0.0 for part in per_class.values() if part.count]
    total = int(counts.sum())
    return Classification(
        accuracy=float(right.sum() / total) if total else 0.0,
        macro_f1=float(np.mean(scores)) if scores else 0.0,
        per_class=per_class,
        confusion=Confusion(tuple(labels), tuple(tuple(int(n) for n in row) for row in counts)),
        per_group=per_group,
        count=total,
        ignored=ignored,
    )


def _class_figures(right: int, given: int, count: int) -> ClassFigures:
    precision = right / given if given else None
    recall = right / count if count else None
    f1 = 2 * right / (given + count) if given + count else None
    return ClassFigures(precision, recall, f1, count)
