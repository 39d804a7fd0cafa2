"""The steps that every classifier goes through: network, budget, teacher, training, quantisation, measuring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError
from fieldwren.features import FrontEndParameters, SensorFrontEnd
from fieldwren.steps import STEPS_KEY
from fieldwren.train import recipe
from fieldwren.train.budget import Budget, check_budget
from fieldwren.train.clips import Clip
from fieldwren.train.run_folder import RunFolder, data_hash
from fieldwren.train.vary import Variation

CALIBRATION_EXAMPLES = 1000

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """Everything that fitting needs, whatever the example. Inputs are [n, frames, values, 1] or [n, values]."""

    front_end: FrontEndParameters
    labels: list[str]
    train: tuple[Float, Int]
    test: tuple[Float, Int]
    measured_on: str
    weights: Float | None  # of the training examples in the loss
    recorded: Sequence[Clip] = ()  # what people said in training
    words: tuple[Int, int] | None = None  # the word in each training example, and how many words there are


@dataclass(frozen=True)
class Plans:
    """What is asked for besides the recipe's network. `run` is the run folder."""

    run: Path
    seed: int
    budget: Budget | None = None
    teacher: recipe.Teacher | None = None
    resume: bool = False
    recipe_folder: Path | None = None  # where a teacher's file may lie


@dataclass(frozen=True)
class Fitted:
    """A quantised classifier and its figures. `macs` are of one window, `front_end` is what the model is fed by."""

    content: bytes
    front_end: FrontEndParameters
    float_accuracy: float
    int8_accuracy: float
    params: int
    macs: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, object] = field(default_factory=dict)


def fit_classifier(
    settings: recipe.KeywordRecipe | recipe.PresenceRecipe,
    prepared: Prepared,
    plans: Plans,
    say: Say,
    tick: Callable[[float], None] | None = None,
) -> Fitted:
    """Trains the recipe's network on `prepared` and quantises it. TensorFlow is imported here.

    Raises OverBudgetError before training, BadInputError for a network, teacher or checkpoint that does not fit.
    """
    from fieldwren.train import fit, models, whiten
    from fieldwren.train.all_words import AllWords
    from fieldwren.train.zoo import build

    fit.prepare(plans.seed)
    (inputs, labels), classes = prepared.train, len(prepared.labels)
    table = settings.model
    front_end = prepared.front_end
    steps = build.steps_of(table, inputs.shape[1])
    if steps is not None:
        front_end = _stepwise(front_end, table.kind, steps.frames)
    rows = front_end.window_frames if isinstance(front_end, SensorFrontEnd) else 1
    model = build.build(table, inputs.shape[1:], classes, rows=rows)
    embedding = settings.embedding if isinstance(settings, recipe.KeywordRecipe) else recipe.Embedding()
    is_whitened = embedding.whiten and steps is None and prepared.words is not None
    deployed = whiten.untrained(model) if is_whitened else model
    params = models.parameters(deployed)
    period_ms = front_end.hop_ms * (front_end.window_frames if not isinstance(front_end, SensorFrontEnd) else 1)
    noise = np.random.default_rng(0).normal(0, 3, (8, *inputs.shape[1:])).astype(np.float32)
    figures: dict[str, object] = {}
    if plans.budget is not None:
        say("checking the budget")
        needs = check_budget(plans.budget, table.kind, build.to_int8(table, deployed, noise), params, period_ms)
        figures["needs"] = asdict(needs)
        say(", ".join(f"{name} {value:,}" for name, value in asdict(needs).items() if value is not None))
    facts = {"seed": plans.seed, "data_sha256": data_hash(*prepared.train, *prepared.test, prepared.weights)}
    run = RunFolder(plans.run, recipe.to_toml(settings), facts, resume=plans.resume)

    def report(text: str) -> None:
        run.line(text)
        say(text)

    report(f"{params:,} parameters in {table.kind}, {len(inputs):,} training examples, data {facts['data_sha256']}")
    optimise = settings.optimise
    options = fit.Optimisation(**optimise.model_dump())
    lesson = None
    if plans.teacher is not None:
        lesson, teacher_accuracy = _lesson(plans.teacher, prepared, plans, run, report)
        figures |= {"teacher": plans.teacher.model, "teacher_accuracy": teacher_accuracy}
    words = None
    if prepared.words is not None and embedding.word_loss > 0:
        words = AllWords(*prepared.words, embedding.word_loss)
    history = fit.fit(
        model,
        inputs,
        labels,
        classes,
        options,
        weights=prepared.weights,
        lesson=lesson,
        words=words,
        checkpoint=run.checkpoint(),
        seed=plans.seed,
        vary=_variation(settings),
        progress=report,
        tick=tick,
    )
    if is_whitened and prepared.words is not None:
        model = whiten.whitened(model, inputs, prepared.words[0], plans.seed)
    chosen = np.random.default_rng([plans.seed, 2]).permutation(len(inputs))[:CALIBRATION_EXAMPLES]
    content = build.to_int8(table, model, inputs[np.sort(chosen)])
    test_inputs, test_labels = prepared.test
    float_probabilities = fit.predict(model, test_inputs)
    int8_probabilities = build.run_int8(table, content, test_inputs)
    float_accuracy, int8_accuracy = (accuracy(p, test_labels) for p in (float_probabilities, int8_probabilities))
    metadata = {} if steps is None else {STEPS_KEY: steps.to_json()}
    macs = build.macs(content) * (1 if steps is None else steps.count)
    figures = {
        "float_macro_f1": round(macro_f1(float_probabilities, test_labels), 4),
        "int8_macro_f1": round(macro_f1(int8_probabilities, test_labels), 4),
        "data_sha256": facts["data_sha256"],
        **figures,
    }
    measured = {
        "float_accuracy": float_accuracy,
        "int8_accuracy": int8_accuracy,
        "measured_on": prepared.measured_on,
        "test_count": len(test_labels),
        "params": params,
        "macs": macs,
        **figures,
    }
    run.finish(history, measured)
    return Fitted(content, front_end, float_accuracy, int8_accuracy, params, macs, metadata, figures)


def accuracy(probabilities: Float, labels: Int) -> float:
    """Share of right answers."""
    return float(np.mean(np.argmax(probabilities, axis=1) == labels))


def _variation(settings: recipe.KeywordRecipe | recipe.PresenceRecipe) -> Variation | None:
    if not isinstance(settings, recipe.KeywordRecipe):
        return None
    made = Variation(settings.augment.spec_augment, settings.augment.freq_mixstyle)
    return made if made.does_something else None


def macro_f1(probabilities: Float, labels: Int) -> float:
    """The mean F1 of the classes that occur in `labels` [n]."""
    answers = np.argmax(probabilities, axis=1)
    scores = [
        2 * np.sum((answers == k) & (labels == k)) / (np.sum(answers == k) + np.sum(labels == k))
        for k in np.unique(labels)
    ]
    return float(np.mean(scores))


def class_weights(labels: Int, classes: int) -> Float:
    """A weight [n] for every example, so that all classes that occur weigh the same; their mean is 1."""
    counts = np.bincount(labels, minlength=classes)
    weights: Float = (len(labels) / np.count_nonzero(counts) / np.maximum(1, counts))[labels].astype(np.float32)
    return weights


def _stepwise(front_end: FrontEndParameters, kind: str, frames: int) -> FrontEndParameters:
    """`front_end` giving the frames of one step; what looks at a whole window cannot."""
    if isinstance(front_end, SensorFrontEnd):
        raise BadInputError(f"{kind} is a network for audio: choose another [model] kind for rows")
    if getattr(front_end, "is_window_normalised", False):
        raise BadInputError(
            f"front_end.normalisation: {kind} sees each frame once and never the whole window: use running-mean or none"
        )
    return replace(front_end, window_frames=frames)


def _lesson(teacher: recipe.Teacher, prepared: Prepared, plans: Plans, run: RunFolder, say: Say) -> tuple[Any, float]:
    """What the teacher says of the training inputs, and its accuracy on what is measured on."""
    from fieldwren.train import distil

    inputs, _ = prepared.train
    model = (
        _transformer(teacher, prepared, plans, run, say)
        if teacher.model == "transformer"
        else distil.load_teacher(_teacher_file(teacher, plans), inputs.shape[1:], len(prepared.labels))
    )
    reached = accuracy(distil.probabilities(model, prepared.test[0]), prepared.test[1])
    say(f"teacher {teacher.model}: {model.count_params():,} parameters, accuracy {reached:.4f}")
    return distil.Lesson(distil.probabilities(model, inputs), teacher.temperature, teacher.weight), reached


def _teacher_file(teacher: recipe.Teacher, plans: Plans) -> Path:
    beside = None if plans.recipe_folder is None else plans.recipe_folder / teacher.model
    return beside if beside is not None and beside.is_file() else Path(teacher.model)


def _transformer(teacher: recipe.Teacher, prepared: Prepared, plans: Plans, run: RunFolder, say: Say) -> Any:
    """The spectrogram transformer, pre-trained on the inputs alone and then trained with the labels.

    Kept in the run folder, where a resumed run finds it.
    """
    from fieldwren.train import distil
    from fieldwren.train.teacher import taught_transformer

    (inputs, labels), classes = prepared.train, len(prepared.labels)
    if inputs.ndim != 4:
        raise BadInputError(
            "the transformer is a teacher for audio: name a .keras file as the teacher of a network for rows"
        )
    kept = run.path / "teacher.keras"
    if plans.resume and kept.is_file():
        return distil.load_teacher(kept, inputs.shape[1:], classes)
    model = taught_transformer(
        teacher,
        inputs,
        labels,
        classes,
        weights=prepared.weights,
        checkpoint=run.checkpoint("teacher"),
        seed=plans.seed,
        progress=say,
    )
    part = run.path / "part.keras"
    model.save(part)
    part.replace(kept)
    return model
