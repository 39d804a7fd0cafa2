"""`fieldwren learn simulate` for apps that learn values: a regression that drifts, and an autoencoder in a new place."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.app_model import AppModel
from fieldwren.app_rows import regression_windows, tables_in
from fieldwren.boards import load_board
from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError
from fieldwren.evaluate.values import anomaly_figures, error_figures, judge, tolerance_of
from fieldwren.features import SensorFrontEnd, row_windows
from fieldwren.graph import Graph
from fieldwren.learn.factory import Embeddings, Factory
from fieldwren.learn.script import Script, ScriptResult, run_script
from fieldwren.learn.settings import app_factory
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.program import Port
from fieldwren.rows import read_rows
from fieldwren.runtime import Interpreter


@dataclass(frozen=True)
class ValuesTrial:
    """One repeat with one table. `accuracy_*` and `figures` as in evaluate.values; `_before` and `_after` teaching.

    `embeddings`: [n, features], of the whole table.
    """

    group: str
    accuracy_before: float
    accuracy_after: float
    figures: dict[str, float]
    ran: ScriptResult
    embeddings: Embeddings


@dataclass(frozen=True)
class _Subject:
    model: AppModel
    graph: Graph
    factory: Factory
    interpreter: Interpreter
    shots: int
    passes: int
    repeats: int
    seed: int
    board: str

    @property
    def port(self) -> Port:
        return self.interpreter.plan.program.inputs[0]

    def embeddings(self, windows: NDArray[Any]) -> Embeddings:
        """[n, features] of int8 windows."""
        rows = [self.interpreter.invoke([window.reshape(self.port.shape)])[0].ravel() for window in windows]
        return np.array(rows, np.int8).reshape(len(windows), -1)

    def outputs(self, head: NDArray[np.float32], embeddings: Embeddings) -> NDArray[np.float32]:
        """What a head makes of them, [n, outputs]."""
        features, count = self.factory.features, len(self.factory.labels)
        z = (embeddings.astype(np.float32) - self.factory.stored.mean) * self.factory.stored.gain
        weights = head[: count * features].reshape(count, features)
        return (z @ weights.T + head[count * features :]).astype(np.float32)

    def teach(self, embeddings: Embeddings, wanted: NDArray[np.float32]) -> ScriptResult:
        """A learner that starts as the factory and is taught all of them, `passes` times."""
        script = Script(self.factory.features)
        script.reset()
        for _ in range(self.passes):
            for row, values in zip(embeddings, wanted, strict=True):
                script.teach_values(row, values)
        ran = run_script(self.factory, script, load_board(self.board))
        if (ran.replies["status"] != 0).any():
            raise BadInputError(f"{self.model.app.name}: the learner refused what it was taught: values must be finite")
        return ran

    def rng(self, group: str, repeat: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, repeat, zlib.crc32(group.encode())])


def simulate_values(
    model: AppModel,
    graph: Graph,
    data: Path,
    *,
    only: Sequence[str],
    shots: int,
    passes: int,
    repeats: int,
    seed: int,
    board: str,
) -> tuple[Factory, str, list[ValuesTrial]]:
    """(the learner, what its accuracies are, trials): every table by itself, each from the factory head.

    A regression is taught `shots` random rows in the order of the table and measured on the others. An autoencoder is
    taught so many rows in a run, as normal, and measured on faults put into the others.
    """
    if model.app.learn is None:
        raise BadInputError(f"{model.app.manifest_path}: the app does not learn: add a section [learn]")
    if model.app.learn.running_statistics:
        raise BadInputError(
            f"{model.app.where('learn', 'running_statistics')}: is not simulated for kind {model.app.kind}"
        )
    backbone, factory = app_factory(model.app, graph, model.labels)
    interpreter = Interpreter(plan(lower(backbone, PORTABLE)))
    subject = _Subject(model, graph, factory, interpreter, shots, passes, repeats, seed, board)
    if model.anomaly is None:
        return factory, "fraction of answers within a tolerance", _regression(subject, data, only)
    return factory, "AUROC, mean over the kinds of injected faults", _anomaly(subject, data, only)


def _regression(subject: _Subject, data: Path, only: Sequence[str]) -> list[ValuesTrial]:
    trials = []
    for part in regression_windows(subject.model, subject.port, data, only):
        if len(part.wanted) <= subject.shots:
            raise BadInputError(f"{part.path}: has {len(part.wanted)} rows: {subject.shots} shots leave none to test")
        embeddings = subject.embeddings(part.inputs)
        near = tolerance_of(subject.graph, part.wanted)
        for repeat in range(subject.repeats):
            order = subject.rng(part.group, repeat).permutation(len(embeddings))
            shown, tested = np.sort(order[: subject.shots]), np.sort(order[subject.shots :])
            ran = subject.teach(embeddings[shown], part.wanted[shown])
            accuracies: list[float] = []
            figures: dict[str, float] = {}
            for name, head in (("before", subject.factory.head), ("after", ran.head)):
                values, wanted = subject.outputs(head, embeddings[tested]), part.wanted[tested]
                accuracies.append(float(np.mean(np.abs(values - wanted).max(axis=1) <= near)))
                figures |= {f"{key}_{name}": value for key, value in error_figures(values, wanted).items()}
            trials.append(ValuesTrial(part.group, accuracies[0], accuracies[1], figures, ran, embeddings))
    return trials


def _anomaly(subject: _Subject, data: Path, only: Sequence[str]) -> list[ValuesTrial]:
    front_end = subject.model.front_end
    assert isinstance(front_end, SensorFrontEnd)
    port, trials = subject.port, []
    for path in tables_in(data, only):
        rows = read_rows(path, front_end.channels)
        if len(rows) <= subject.shots + front_end.first_window_rows:
            raise BadInputError(f"{path}: has {len(rows)} rows: {subject.shots} shots leave none to test")
        windows = row_windows(front_end, rows, np.dtype(port.dtype), port.scale, port.zero_point).inputs
        embeddings = subject.embeddings(windows)
        wanted = (windows.reshape(len(windows), -1).astype(np.float32) - port.zero_point) * np.float32(port.scale)
        for repeat in range(subject.repeats):
            first = int(subject.rng(path.stem, repeat).integers(max(1, len(windows) - subject.shots)))
            shown = slice(first, first + subject.shots)
            ran = subject.teach(embeddings[shown], wanted[shown])
            found = {
                name: anomaly_figures(
                    subject.model, str(data), judge(subject.model, port, _head_copies(subject, head), data, [path.stem])
                )
                for name, head in (("before", subject.factory.head), ("after", ran.head))
            }
            figures = {f"{key}_{name}": value for name, part in found.items() for key, value in part.figures.items()}
            accuracies = found["before"].accuracy, found["after"].accuracy
            trials.append(ValuesTrial(path.stem, *accuracies, figures, ran, embeddings))
    return trials


def _head_copies(subject: _Subject, head: NDArray[np.float32]) -> Any:
    def copies(windows: NDArray[Any]) -> tuple[NDArray[np.float32], None]:
        return subject.outputs(head, subject.embeddings(windows)), None

    return copies
