"""The steps that every classifier goes through: network, budget, teacher, training, quantisation, measuring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError
from fieldwren.features import FrontEndParameters, SensorFrontEnd
from fieldwren.steps import STEPS_KEY
from fieldwren.train import recipe
from fieldwren.train.clips import Clip
from fieldwren.train.session import Network, Session, begin
from fieldwren.train.trained import Request, Trained
from fieldwren.train.vary import Variation

CALIBRATION_EXAMPLES = 1000

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]


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


def fit_classifier(
    settings: recipe.KeywordRecipe | recipe.PresenceRecipe, prepared: Prepared, request: Request
) -> Trained:
    """Trains the recipe's network on `prepared` and quantises it. TensorFlow is imported here.

    Raises OverBudgetError before training, BadInputError for a network, teacher or checkpoint that does not fit.
    """
    from fieldwren.train import fit, models, whiten
    from fieldwren.train.all_words import AllWords
    from fieldwren.train.zoo import build

    fit.prepare(request.seed)
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
    network = Network(
        table.kind, params, front_end, inputs.shape[1:], lambda values: build.to_int8(table, deployed, values)
    )
    arrays = (*prepared.train, *prepared.test, prepared.weights)
    session = begin(settings, request, network, arrays, len(inputs))
    figures = session.figures
    lesson = None
    if settings.teacher is not None:
        lesson, teacher_accuracy = _lesson(settings.teacher, prepared, request, session)
        figures |= {"teacher": settings.teacher.model, "teacher_accuracy": teacher_accuracy}
    words = None
    if prepared.words is not None and embedding.word_loss > 0:
        words = AllWords(*prepared.words, embedding.word_loss)
    history = fit.fit(
        model,
        inputs,
        labels,
        classes,
        fit.Optimisation(**settings.optimise.model_dump()),
        weights=prepared.weights,
        lesson=lesson,
        words=words,
        checkpoint=session.run.checkpoint(),
        seed=request.seed,
        vary=_variation(settings),
        progress=session.say,
        tick=request.tick,
    )
    if is_whitened and prepared.words is not None:
        model = whiten.whitened(model, inputs, prepared.words[0], request.seed)
    chosen = np.random.default_rng([request.seed, 2]).permutation(len(inputs))[:CALIBRATION_EXAMPLES]
    content = build.to_int8(table, model, inputs[np.sort(chosen)])
    test_inputs, test_labels = prepared.test
    float_probabilities = fit.predict(model, test_inputs)
    int8_probabilities = build.run_int8(table, content, test_inputs)
    float_accuracy, int8_accuracy = (accuracy(p, test_labels) for p in (float_probabilities, int8_probabilities))
    return Trained(
        content=content,
        front_end=front_end,
        labels=prepared.labels,
        params=params,
        macs=build.macs(content) * (1 if steps is None else steps.count),
        measured_on=prepared.measured_on,
        test_count=len(test_labels),
        float_accuracy=float_accuracy,
        int8_accuracy=int8_accuracy,
        figures={
            "float_macro_f1": round(macro_f1(float_probabilities, test_labels), 4),
            "int8_macro_f1": round(macro_f1(int8_probabilities, test_labels), 4),
            **figures,
        },
        metadata={} if steps is None else {STEPS_KEY: steps.to_json()},
        history=history,
        recorded=prepared.recorded,
    )


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


def _lesson(teacher: recipe.Teacher, prepared: Prepared, request: Request, session: Session) -> tuple[Any, float]:
    """What the teacher says of the training inputs, and its accuracy on what is measured on."""
    from fieldwren.train import distil

    inputs, _ = prepared.train
    model = (
        _transformer(teacher, prepared, request, session)
        if teacher.model == "transformer"
        else distil.load_teacher(_teacher_file(teacher, request), inputs.shape[1:], len(prepared.labels))
    )
    reached = accuracy(distil.probabilities(model, prepared.test[0]), prepared.test[1])
    session.say(f"teacher {teacher.model}: {model.count_params():,} parameters, accuracy {reached:.4f}")
    return distil.Lesson(distil.probabilities(model, inputs), teacher.temperature, teacher.weight), reached


def _teacher_file(teacher: recipe.Teacher, request: Request) -> Path:
    beside = None if request.recipe_folder is None else request.recipe_folder / teacher.model
    return beside if beside is not None and beside.is_file() else Path(teacher.model)


def _transformer(teacher: recipe.Teacher, prepared: Prepared, request: Request, session: Session) -> Any:
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
    kept = session.run.path / "teacher.keras"
    if request.resume and kept.is_file():
        return distil.load_teacher(kept, inputs.shape[1:], classes)
    model = taught_transformer(
        teacher,
        inputs,
        labels,
        classes,
        weights=prepared.weights,
        checkpoint=session.run.checkpoint("teacher"),
        seed=request.seed,
        progress=session.say,
    )
    part = session.run.path / "part.keras"
    model.save(part)
    part.replace(kept)
    return model
