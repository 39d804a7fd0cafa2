"""`fieldwren learn simulate`: what teaching an app would do, measured on recordings of people or rooms."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fieldwren.app import load_app
from fieldwren.app_model import app_model
from fieldwren.boards import load_board
from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError, UnsupportedError
from fieldwren.learn.adapters import AdaptedLayer
from fieldwren.learn.agreement import agreement
from fieldwren.learn.cut import cut
from fieldwren.learn.factory import Factory, LearnerConfig, factory_of
from fieldwren.learn.samples import Samples, load_samples
from fieldwren.learn.script import Script, ScriptResult, run_script
from fieldwren.learn.settings import learner_config
from fieldwren.ops.lowering import lower
from fieldwren.tflite import read_model

Taught = Literal["all", "new"]
_CURVE_SHOTS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50)
BOARDS = ("host", "mps2-an386", "mps2-an385", "riscv32-virt")


@dataclass(frozen=True)
class Accuracy:
    """Shares of right answers, means over repeats; `new` and `old` are of new classes and of all others."""

    accuracy_before: float
    accuracy_after: float
    accuracy_new: float | None
    accuracy_old_before: float
    accuracy_old_after: float


@dataclass(frozen=True)
class CurvePoint:
    """Means over groups and repeats after so many shots a class; with 0 shots nothing was taught."""

    shots: int
    accuracy: float
    worst_group: float


@dataclass(frozen=True)
class SimulateResult:
    """`accuracy_*` as in Accuracy, means over groups; `head_sha256` of the head after the last group's last repeat.

    `instructions_per_update` is the mean, None on the host. `ignored` counts samples of classes that the app does not have.
    `agreement` is the share of samples on which the head, before it learns anything, says what the int8 model says.
    `forgotten` is the accuracy lost on classes that were there before; below 0 it was gained. `ram_bytes` is the learner's
    memory block. `curve` is empty unless it was asked for.
    """

    app: str
    board: str
    shots: int
    passes: int
    repeats: int
    seed: int
    accuracy_before: float
    accuracy_after: float
    accuracy_new: float | None
    accuracy_old_before: float
    accuracy_old_after: float
    per_group: Mapping[str, Accuracy]
    updates: int
    rollbacks: int
    instructions_per_update: float | None
    ram_bytes: int
    ignored: int
    head_sha256: str
    agreement: float
    forgotten: float
    curve: tuple[CurvePoint, ...] = ()


@dataclass(frozen=True)
class _Trial:
    """One repeat with one group: where its answers are, and what they should be."""

    group: str
    before: slice
    after: slice
    wanted: NDArray[np.int64]


def simulate(
    app: str | Path,
    data: str | Path,
    *,
    shots: int,
    only: Sequence[str] = (),
    passes: int = 20,
    new_classes: Sequence[str] = (),
    taught: Taught = "all",
    repeats: int = 1,
    seed: int = 0,
    board: str = "host",
    config: LearnerConfig | None = None,
    with_curve: bool = False,
) -> SimulateResult:
    """Teaches `shots` samples a class of each group to the app's head, `passes` times over, and tests on all others.

    Every group and repeat starts with the factory head. Classes in `new_classes` are taken out of it and added by name;
    with `taught` "new" only they are taught. `with_curve` also teaches fewer shots, on this
    machine, for the learning curve. Raises BadInputError when a class has too few samples.
    """
    if board not in BOARDS:
        raise BadInputError(f"{board}: learning is simulated on {', '.join(BOARDS)}")
    loaded = load_app(app)
    graph = read_model(loaded.model_path)
    model = app_model(loaded, graph, lower(graph, PORTABLE))
    config = config or (learner_config(loaded.learn) if loaded.learn else LearnerConfig())
    made = cut(graph, is_regression=not model.labels, adapters=config.adapters)
    if len(made.weights) != len(model.labels):
        raise UnsupportedError(f"{loaded.model_path}: its outputs are no classes: learning is simulated for classes")
    if len(set(new_classes)) != len(new_classes):
        raise BadInputError(f"new classes: {', '.join(new_classes)}: one stands there twice")
    groups = load_samples(model, made, Path(data), graph.metadata, only)
    layer = None if made.site is None else AdaptedLayer(made.backbone, made.site)
    config = replace(config, classes_spare=max(config.classes_spare, len(new_classes)))
    factory = factory_of(graph, made, model.labels, config, new_classes)
    whole = factory_of(graph, made, model.labels, config)
    agreed = agreement(graph, made, whole, [samples.embeddings for samples in groups])
    script, trials, ignored = _write(factory, layer, groups, shots, passes, tuple(new_classes), taught, repeats, seed)
    ran = run_script(factory, script, load_board(board))

    def measured(ran: ScriptResult, trials: Sequence[_Trial], shots: int) -> SimulateResult:
        return _measured(factory, ran, trials, new_classes, ignored, app=loaded.name, board=board, shots=shots,
                         passes=passes, repeats=repeats, seed=seed, agreed=agreed)  # fmt: skip

    result = measured(ran, trials, shots)
    if not with_curve:
        return result
    results = []
    for fewer in (k for k in _CURVE_SHOTS if k < shots):
        script, trials, _ = _write(factory, layer, groups, fewer, passes, tuple(new_classes), taught, repeats, seed)
        results.append(measured(run_script(factory, script), trials, fewer))
    return replace(result, curve=_curve([*results, result]))


def _curve(results: Sequence[SimulateResult]) -> tuple[CurvePoint, ...]:
    before = results[-1]
    untaught = min(part.accuracy_before for part in before.per_group.values())
    points = [CurvePoint(0, before.accuracy_before, untaught)]
    for result in results:
        worst = min(part.accuracy_after for part in result.per_group.values())
        points.append(CurvePoint(result.shots, result.accuracy_after, worst))
    return tuple(points)


def _write(
    factory: Factory,
    layer: AdaptedLayer | None,
    groups: Sequence[Samples],
    shots: int,
    passes: int,
    new_classes: tuple[str, ...],
    taught: Taught,
    repeats: int,
    seed: int,
) -> tuple[Script, list[_Trial], int]:
    """The script of all repeats with all groups, its trials, and how many samples are of other classes."""
    script, trials, ignored = Script(factory.row_bytes), [], 0
    names = [*factory.labels, *new_classes]
    for samples in groups:
        numbers = np.array([names.index(label) if label in names else -1 for label in samples.labels], np.int64)
        ignored += int((numbers < 0).sum())
        for name in new_classes:
            if name not in samples.labels:
                raise BadInputError(f"group {samples.group!r} has no samples of the new class {name!r}")
        for repeat in range(repeats):
            rng = np.random.default_rng([seed, repeat, zlib.crc32(samples.group.encode())])
            shown, tested = _split(samples, numbers, shots, rng)
            lesson = Script(factory.row_bytes)
            for name in new_classes:
                lesson.add_class(name)
            for i in shown:
                if taught == "all" or numbers[i] >= len(factory.labels):
                    lesson.teach(samples.rows[i], int(numbers[i]))
            if passes > 1:
                lesson.practise(passes - 1)
            script.reset()
            before = [script.classify(row) for row in samples.embeddings[tested]]
            script.records += lesson.records
            learned = samples.embeddings[tested]
            if layer is not None and samples.layer_inputs is not None:
                layer.fold(factory.adapter_config(), run_script(factory, lesson).adapters)
                learned, _ = layer.run(samples.layer_inputs[tested])
            after = [script.classify(row) for row in learned]
            trials.append(
                _Trial(
                    samples.group,
                    slice(before[0], before[-1] + 1),
                    slice(after[0], after[-1] + 1),
                    numbers[tested],
                )
            )
    return script, trials, ignored


def _split(
    samples: Samples, numbers: NDArray[np.int64], shots: int, rng: np.random.Generator
) -> tuple[list[int], list[int]]:
    """(`shots` samples of every class, one class after the other in random order, round by round; all others)."""
    by_class = []
    for number in sorted(set(numbers.tolist()) - {-1}):
        places = np.flatnonzero(numbers == number)
        if len(places) <= shots:
            raise BadInputError(
                f"group {samples.group!r} has {len(places)} samples of {samples.labels[places[0]]!r}: {shots} shots leave none to test"
            )
        by_class.append(rng.permutation(places))
    shown = [
        int(places[turn]) for turn in range(shots) for places in (by_class[k] for k in rng.permutation(len(by_class)))
    ]
    chosen = set(shown)
    return shown, [i for i in range(len(numbers)) if numbers[i] >= 0 and i not in chosen]


def _measured(
    factory: Factory,
    ran: ScriptResult,
    trials: Sequence[_Trial],
    new_classes: Sequence[str],
    ignored: int,
    *,
    app: str,
    board: str,
    shots: int,
    passes: int,
    repeats: int,
    seed: int,
    agreed: float,
) -> SimulateResult:
    refused = int((ran.replies["status"] != 0).sum())
    if refused:
        raise BadInputError(f"the learner refused {refused} records: check the names of the new classes")
    per_group: dict[str, Accuracy] = {}
    for group in dict.fromkeys(trial.group for trial in trials):
        parts = [_accuracy(factory, ran, trial) for trial in trials if trial.group == group]
        per_group[group] = _mean(parts)
    total = _mean(list(per_group.values()))
    return SimulateResult(
        app=app,
        board=board,
        shots=shots,
        passes=passes,
        repeats=repeats,
        seed=seed,
        accuracy_before=total.accuracy_before,
        accuracy_after=total.accuracy_after,
        accuracy_new=total.accuracy_new if new_classes else None,
        accuracy_old_before=total.accuracy_old_before,
        accuracy_old_after=total.accuracy_old_after,
        per_group=per_group,
        updates=ran.updates,
        rollbacks=ran.rollbacks,
        instructions_per_update=ran.instructions / ran.updates if ran.instructions and ran.updates else None,
        ram_bytes=factory.memory_bytes,
        ignored=ignored,
        head_sha256=ran.head_sha256,
        agreement=agreed,
        forgotten=total.accuracy_old_before - total.accuracy_old_after,
    )


def _accuracy(factory: Factory, ran: ScriptResult, trial: _Trial) -> Accuracy:
    before = ran.replies["label"][trial.before] == trial.wanted
    after = ran.replies["label"][trial.after] == trial.wanted
    is_new = trial.wanted >= len(factory.labels)
    return Accuracy(
        float(before.mean()),
        float(after.mean()),
        float(after[is_new].mean()) if is_new.any() else None,
        float(before[~is_new].mean()),
        float(after[~is_new].mean()),
    )


def _mean(parts: Sequence[Accuracy]) -> Accuracy:
    new = [part.accuracy_new for part in parts if part.accuracy_new is not None]
    return Accuracy(
        float(np.mean([part.accuracy_before for part in parts])),
        float(np.mean([part.accuracy_after for part in parts])),
        float(np.mean(new)) if new else None,
        float(np.mean([part.accuracy_old_before for part in parts])),
        float(np.mean([part.accuracy_old_after for part in parts])),
    )
