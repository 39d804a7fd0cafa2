"""`fieldwren eval` of models whose outputs are no classes: regressions, and autoencoders that tell what is not normal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.anomaly import posteriors_of, scores_of
from fieldwren.app_model import AppModel
from fieldwren.app_rows import header_of, regression_windows, tables_in
from fieldwren.errors import BadInputError
from fieldwren.faults import auroc, faulty_tables
from fieldwren.features import SensorFrontEnd, row_windows
from fieldwren.graph import Graph
from fieldwren.plan import Plan
from fieldwren.program import Port
from fieldwren.rows import read_rows
from fieldwren.runtime import Interpreter

FAULT_COLUMNS = ("anomaly", "fault", "is_fault", "faulty", "is_anomaly", "label")
"""Columns that say which rows have a fault, 0 or 1, whatever the case of their letters; the first that is there."""
_TOLERANCE_SHARE = 0.1


@dataclass(frozen=True)
class ValuesEvaluation:
    """What was measured. `metric` says what `accuracy` is; `figures` are the other measures, by name.

    A regression: the fraction of answers within a tolerance, and RMSE and R² over all. Anomalies: the area under the ROC
    curve, of labelled rows or of injected faults (then `per_class` has each kind's).
    """

    app: str
    data: str
    metric: str
    accuracy: float
    count: int
    per_group: Mapping[str, float]
    per_class: Mapping[str, float] | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    confusion: None = None
    macro_f1: None = None


@dataclass(frozen=True)
class Judged:
    """Windows of one table with what is known of them: scores [n] (errors), and whether each is faulty, of one kind."""

    group: str
    kind: str
    confidences: NDArray[np.float64]
    scores: NDArray[np.float64]
    is_faulty: NDArray[np.bool_]


Copies = Any
"""A function: int8 windows [n, frames, values] -> (what the model makes of them [n, values], its output port or None)."""


def evaluate_values(
    model: AppModel, graph: Graph, planned: Plan, data: Path, only: Sequence[str] = ()
) -> ValuesEvaluation:
    """Measures a regression or an autoencoder on the tables below `data`."""
    if model.anomaly is None:
        return _regression(model, graph, planned, data, only)
    judged = judge(model, planned.program.inputs[0], copies_by(planned), data, only)
    return anomaly_figures(model, str(data), judged)


def tolerance_of(graph: Graph, wanted: NDArray[np.float32]) -> float:
    """How near an answer must be to count as right: as the model's training says, or a tenth of the values' deviation."""
    try:
        return float(json.loads(graph.metadata["fieldwren.training"])["recipe"]["tolerance"])
    except (KeyError, ValueError, TypeError):
        return max(1e-9, _TOLERANCE_SHARE * float(wanted.std()))


def _regression(model: AppModel, graph: Graph, planned: Plan, data: Path, only: Sequence[str]) -> ValuesEvaluation:
    interpreter = Interpreter(planned)
    port, target = planned.program.inputs[0], planned.program.outputs[0]
    parts = regression_windows(model, port, data, only)
    everything = np.concatenate([part.wanted for part in parts])
    if not len(everything):
        raise BadInputError(f"{data}: no row says what {', '.join(model.outputs)} should be")
    near, answers, per_group = tolerance_of(graph, everything), [], {}
    for part in parts:
        given = np.array([interpreter.invoke([row.reshape(port.shape)])[0].ravel() for row in part.inputs])
        values = (given.astype(np.float32).reshape(len(part.inputs), -1) - target.zero_point) * (target.scale or 1.0)
        answers.append(values)
        if len(values):
            per_group[part.group] = float(np.mean(np.abs(values - part.wanted).max(axis=1) <= near))
    values = np.concatenate(answers)
    return ValuesEvaluation(
        app=model.app.name,
        data=str(data),
        metric=f"fraction of answers within {near:g}",
        accuracy=float(np.mean(np.abs(values - everything).max(axis=1) <= near)),
        count=len(values),
        per_group=per_group,
        figures=error_figures(values, everything),
    )


def error_figures(values: NDArray[Any], wanted: NDArray[Any]) -> dict[str, float]:
    """Root mean squared error and R²."""
    squares = np.square(wanted.astype(np.float64) - values)
    spread = np.square(wanted - wanted.mean(axis=0), dtype=np.float64).sum()
    return {"rmse": float(np.sqrt(squares.mean())), "r2": float(1 - squares.sum() / spread) if spread else 0.0}


def copies_by(planned: Plan) -> Copies:
    """The whole model as it stands in the file."""
    interpreter, port = Interpreter(planned), planned.program.inputs[0]

    def copies(windows: NDArray[Any]) -> tuple[NDArray[Any], Port]:
        made = [interpreter.invoke([row.reshape(port.shape)])[0].ravel() for row in windows]
        return np.array(made), planned.program.outputs[0]

    return copies


def fault_column(path: Path) -> str | None:
    """The column of a table that says which rows have a fault; None where there is none."""
    header = header_of(path)
    folded = {name.strip('"').lower(): name for name in header}
    return next((folded[name] for name in FAULT_COLUMNS if name in folded), None)


def judge(
    model: AppModel, port: Port, copies: Copies, data: Path, only: Sequence[str] = (), transform: Any = None
) -> list[Judged]:
    """Scores of all tables below `data`: labelled ones as they are, others with faults put in (fieldwren.faults).

    `transform` changes rows [n, channels] first.
    """
    front_end = model.front_end
    assert isinstance(front_end, SensorFrontEnd) and model.anomaly is not None
    found = []
    for path in tables_in(data, only):
        column = fault_column(path)
        values = read_rows(path, [*front_end.channels, *([column] if column else [])])
        rows = values[:, : len(front_end.channels)]
        rows = rows if transform is None else transform(rows)
        if column is not None:
            tables = [("labelled", rows, values[:, -1] > 0)]
        else:
            tables = [(faulty.kind, faulty.rows, faulty.is_faulty) for faulty in faulty_tables(rows)]
        for kind, table, is_faulty in tables:
            windows = row_windows(front_end, table, np.dtype(port.dtype), port.scale, port.zero_point)
            made, output = copies(windows.inputs)
            confidences = posteriors_of(model.anomaly, port, windows.inputs, made, output)
            found.append(
                Judged(path.stem, kind, confidences, scores_of(confidences, model.anomaly), is_faulty[windows.last_row])
            )
    return found


def anomaly_figures(model: AppModel, data: str, judged: Sequence[Judged]) -> ValuesEvaluation:
    """AUROC: of labelled rows over all, else the mean over the kinds of fault."""

    def area(parts: Sequence[Judged]) -> float | None:
        is_faulty = np.concatenate([part.is_faulty for part in parts])
        if is_faulty.all() or not is_faulty.any():
            return None
        return auroc(np.concatenate([part.scores for part in parts]), is_faulty)

    def by_kind(parts: Sequence[Judged]) -> dict[str, float]:
        areas = {kind: area([p for p in parts if p.kind == kind]) for kind in dict.fromkeys(p.kind for p in parts)}
        return {kind: value for kind, value in areas.items() if value is not None}

    kinds = by_kind(judged)
    if not kinds:
        raise BadInputError(f"{data}: its column of labels must have rows of both, 0 for normal and 1 for a fault")
    groups = {
        group: by_kind([p for p in judged if p.group == group]) for group in dict.fromkeys(p.group for p in judged)
    }
    threshold = 0.5 if model.detector is None else model.detector.thresholds[1]
    is_faulty = np.concatenate([part.is_faulty for part in judged])
    alarms = np.concatenate([part.confidences for part in judged]) >= threshold
    injected = "labelled" not in kinds
    return ValuesEvaluation(
        app=model.app.name,
        data=data,
        metric="AUROC" + (", mean over the kinds of injected faults" if injected else " of labelled rows"),
        accuracy=float(np.mean(list(kinds.values()))),
        count=len(is_faulty),
        per_group={group: float(np.mean(list(found.values()))) for group, found in groups.items() if found},
        per_class=kinds if injected else None,
        figures={
            "auroc": float(np.mean(list(kinds.values()))),
            "faulty_rows": float(is_faulty.mean()),
            "alarms_on_faulty": float(alarms[is_faulty].mean()),
            "alarms_on_normal": float(alarms[~is_faulty].mean()),
        },
    )
