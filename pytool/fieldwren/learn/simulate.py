"""`fieldwren learn simulate`: what teaching an app would do, measured on recordings of people or rooms."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from fieldwren.app import load_app
from fieldwren.app_model import AppModel, app_model
from fieldwren.boards import load_board
from fieldwren.core import PORTABLE
from fieldwren.drawings import label_of
from fieldwren.errors import BadInputError, UnsupportedError
from fieldwren.graph import Graph
from fieldwren.learn.adapters import AdaptedLayer
from fieldwren.learn.agreement import agreement
from fieldwren.learn.cut import cut
from fieldwren.learn.factory import Factory, LearnerConfig, factory_of
from fieldwren.learn.samples import Samples, load_samples
from fieldwren.learn.script import Script, ScriptResult, run_script
from fieldwren.learn.settings import VALUE_KINDS, learner_config
from fieldwren.ops.lowering import lower
from fieldwren.tflite import read_model

if TYPE_CHECKING:
    from fieldwren.learn.simulate_values import ValuesTrial

Taught = Literal["all", "new"]
PASSES = 20
"""Over what was taught, where nobody says how many; values are taught once."""
_CURVE_SHOTS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50)
BOARDS = ("host", "mps2-an386", "mps2-an385", "riscv32-virt")


@dataclass(frozen=True)
class Accuracy:
    """Shares of right answers, means over repeats; `new` and `old` are of new classes and of all others."""

    accuracy_before: float
    accuracy_after: float
    accuracy_new: float | None
    accuracy_old_before: float | None
    accuracy_old_after: float | None


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
    `agreement` is the share of samples on which the head, before it learns anything, says what the int8 model says: of
    values, all outputs within one step of the int8 output (which rounds; the head does not).
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
    accuracy_old_before: float | None
    accuracy_old_after: float | None
    per_group: Mapping[str, Accuracy]
    updates: int
    rollbacks: int
    instructions_per_update: float | None
    ram_bytes: int
    ignored: int
    head_sha256: str
    agreement: float | None = None
    forgotten: float | None = None
    curve: tuple[CurvePoint, ...] = ()
    metric: str = "fraction of right answers"
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Trial:
    """One repeat with one group: where its answers are, and what they should be.

    `old` is how many classes the factory has that stay; with none, nothing taught could be known before.
    """

    group: str
    before: slice
    after: slice
    wanted: NDArray[np.int64]
    old: int


def simulate(
    app: str | Path,
    data: str | Path,
    *,
    shots: int,
    only: Sequence[str] = (),
    passes: int | None = None,
    new_classes: Sequence[str] = (),
    taught: Taught = "all",
    repeats: int = 1,
    seed: int = 0,
    board: str = "host",
    config: LearnerConfig | None = None,
    with_curve: bool = False,
    ways: int = 5,
) -> SimulateResult:
    """Teaches `shots` samples a class of each group to the app's head, `passes` times over, and tests on all others.

    An alphabet that the app knows no character of is a task of its own: its classes take the place of the app's, those
    of `new_classes` or else `ways` that are drawn anew for every repeat. Apps with values: see simulate_values.

    Every group and repeat starts with the factory head. Classes in `new_classes` are taken out of it and added by name;
    with `taught` "new" only they are taught. `with_curve` also teaches fewer shots, on this
    machine, for the learning curve. Raises BadInputError when a class has too few samples.
    """
    if board not in BOARDS:
        raise BadInputError(f"{board}: learning is simulated on {', '.join(BOARDS)}")
    loaded = load_app(app)
    graph = read_model(loaded.model_path)
    model = app_model(loaded, graph, lower(graph, PORTABLE))
    if loaded.kind in VALUE_KINDS:
        if new_classes:
            raise BadInputError(f"new classes: {loaded.name} is of kind {loaded.kind}, whose outputs are values")
        return _simulated_values(model, graph, data, only=only, shots=shots, passes=passes or 1, repeats=repeats,
                                 seed=seed, board=board)  # fmt: skip
    passes = passes or PASSES
    config = config or (learner_config(loaded.learn) if loaded.learn else LearnerConfig())
    made = cut(graph, is_regression=not model.labels, adapters=config.adapters)
    if len(made.weights) != len(model.labels):
        raise UnsupportedError(f"{loaded.model_path}: its outputs are no classes: learning is simulated for classes")
    if len(set(new_classes)) != len(new_classes):
        raise BadInputError(f"new classes: {', '.join(new_classes)}: one stands there twice")
    groups = load_samples(model, made, Path(data), graph.metadata, only)
    layer = None if made.site is None else AdaptedLayer(made.backbone, made.site)
    config = replace(config, classes_spare=max(config.classes_spare, len(new_classes), ways))
    factory = factory_of(graph, made, model.labels, config, new_classes)
    whole = factory_of(graph, made, model.labels, config)
    agreed = agreement(graph, made, whole, [samples.embeddings for samples in groups])
    draws = ways if loaded.kind == "characters" else 0

    def written(shots: int) -> tuple[Script, list[_Trial], int]:
        return _write(factory, layer, groups, shots, passes, tuple(new_classes), taught, repeats, seed, draws)

    script, trials, ignored = written(shots)
    ran = run_script(factory, script, load_board(board))

    def measured(ran: ScriptResult, trials: Sequence[_Trial], shots: int) -> SimulateResult:
        return _measured(factory, ran, trials, new_classes, ignored, app=loaded.name, board=board, shots=shots,
                         passes=passes, repeats=repeats, seed=seed, agreed=agreed)  # fmt: skip

    result = measured(ran, trials, shots)
    if not with_curve:
        return result
    results = []
    for fewer in (k for k in _CURVE_SHOTS if k < shots):
        script, trials, _ = written(fewer)
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
    draws: int,
) -> tuple[Script, list[_Trial], int]:
    """The script of all repeats with all groups, its trials, and how many samples are of other classes.

    `draws`: so many classes are drawn of a group that has none of the factory's, where none are named; 0: never.
    """
    script, trials, ignored = Script(factory.row_bytes), [], 0
    for samples in groups:
        named = tuple(_name_in(samples, name, is_character=draws > 0) for name in new_classes)
        replaces = draws > 0 and not np.isin(samples.labels, factory.labels).any()
        old = () if replaces else factory.labels
        for repeat in range(repeats):
            rng = np.random.default_rng([seed, repeat, zlib.crc32(samples.group.encode())])
            new = named
            if replaces and not named:
                new = tuple(str(name) for name in rng.permutation(np.unique(samples.labels))[:draws])
            names = [*old, *new]
            numbers = np.array([names.index(label) if label in names else -1 for label in samples.labels], np.int64)
            ignored += int((numbers < 0).sum()) if repeat == 0 else 0
            if not (numbers >= 0).any():
                raise BadInputError(f"group {samples.group!r} has no sample of the app's classes")
            shown, tested = _split(samples, numbers, shots, rng, first=0 if taught == "all" else len(old))
            lesson = Script(factory.row_bytes)
            for name in new:
                lesson.add_class(name)
            for _ in factory.labels if replaces else ():
                lesson.remove_class(0)
            for i in shown:
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
                    len(old),
                )
            )
    return script, trials, ignored


def _name_in(samples: Samples, name: str, *, is_character: bool) -> str:
    """The label that people call `name`: of a character also `character07`, or `Greek/character07`."""
    for candidate in (name, label_of(samples.group, name)) if is_character else (name,):
        if candidate in samples.labels:
            return candidate
    known = ", ".join(sorted(set(samples.labels.tolist()))[:8])
    raise BadInputError(f"group {samples.group!r} has no samples of the new class {name!r}: it has {known} …")


def _simulated_values(
    model: AppModel,
    graph: Graph,
    data: str | Path,
    *,
    only: Sequence[str],
    shots: int,
    passes: int,
    repeats: int,
    seed: int,
    board: str,
) -> SimulateResult:
    from fieldwren.learn.simulate_values import simulate_values

    factory, metric, trials = simulate_values(
        model, graph, Path(data), only=only, shots=shots, passes=passes, repeats=repeats, seed=seed, board=board
    )

    def accuracy(parts: Sequence[ValuesTrial]) -> Accuracy:
        before = float(np.mean([part.accuracy_before for part in parts]))
        after = float(np.mean([part.accuracy_after for part in parts]))
        return Accuracy(before, after, None, before, after)

    per_group = {
        name: accuracy([t for t in trials if t.group == name]) for name in dict.fromkeys(t.group for t in trials)
    }
    before = float(np.mean([part.accuracy_before for part in per_group.values()]))
    after = float(np.mean([part.accuracy_after for part in per_group.values()]))
    made = cut(graph, is_regression=True, adapters=factory.config.adapters)
    tables = {trial.group: trial.embeddings for trial in trials}
    updates = sum(trial.ran.updates for trial in trials)
    instructions = sum(trial.ran.instructions for trial in trials)
    return SimulateResult(
        app=model.app.name,
        board=board,
        shots=shots,
        passes=passes,
        repeats=repeats,
        seed=seed,
        accuracy_before=before,
        accuracy_after=after,
        accuracy_new=None,
        accuracy_old_before=before,
        accuracy_old_after=after,
        per_group=per_group,
        updates=updates,
        rollbacks=sum(trial.ran.rollbacks for trial in trials),
        agreement=agreement(graph, made, factory, list(tables.values())),
        instructions_per_update=instructions / updates if instructions and updates else None,
        ram_bytes=factory.memory_bytes,
        ignored=0,
        head_sha256=trials[-1].ran.head_sha256,
        metric=metric,
        figures={key: float(np.mean([trial.figures[key] for trial in trials])) for key in trials[0].figures},
    )


def _split(
    samples: Samples, numbers: NDArray[np.int64], shots: int, rng: np.random.Generator, *, first: int
) -> tuple[list[int], list[int]]:
    """(`shots` samples of every class from `first` on, class after class in random order, round by round; all others)."""
    by_class = []
    for number in sorted(set(numbers[numbers >= first].tolist())):
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
        parts = [_accuracy(ran, trial) for trial in trials if trial.group == group]
        per_group[group] = _mean(parts)
    total = _mean(list(per_group.values()))
    old_before, old_after = total.accuracy_old_before, total.accuracy_old_after
    return SimulateResult(
        app=app,
        board=board,
        shots=shots,
        passes=passes,
        repeats=repeats,
        seed=seed,
        accuracy_before=total.accuracy_before,
        accuracy_after=total.accuracy_after,
        accuracy_new=total.accuracy_new,
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
        forgotten=None if old_before is None or old_after is None else old_before - old_after,
    )


def _accuracy(ran: ScriptResult, trial: _Trial) -> Accuracy:
    is_new = trial.wanted >= trial.old
    before = (ran.replies["label"][trial.before] == trial.wanted) & ~is_new
    after = ran.replies["label"][trial.after] == trial.wanted
    return Accuracy(
        float(before.mean()),
        float(after.mean()),
        float(after[is_new].mean()) if is_new.any() else None,
        None if is_new.all() else float(before[~is_new].mean()),
        None if is_new.all() else float(after[~is_new].mean()),
    )


def _mean(parts: Sequence[Accuracy]) -> Accuracy:
    def known(values: Iterable[float | None]) -> float | None:
        kept = [value for value in values if value is not None]
        return float(np.mean(kept)) if kept else None

    return Accuracy(
        float(np.mean([part.accuracy_before for part in parts])),
        float(np.mean([part.accuracy_after for part in parts])),
        known(part.accuracy_new for part in parts),
        known(part.accuracy_old_before for part in parts),
        known(part.accuracy_old_after for part in parts),
    )
