"""`train`: one example, one folder of data, one app folder with a trained int8 model."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren import paths
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.features import FrontEndParameters
from fieldwren.train import anomaly, characters, digits, presence, recipe, regression, windowset
from fieldwren.train.trained import Request, Trained

CALIBRATION_EXAMPLES = 1000
EXAMPLES = ("digits", "presence", "characters", "sine", "anomaly")
_GENERATED = ("sine",)
"""Examples whose data are computed."""
_TRAINERS: Mapping[str, Callable[[Any, Request], Trained]] = {
    "anomaly": anomaly.train,
    "characters": characters.train,
    "regression": regression.train,
}
"""Kinds that are trained as something else than a classifier of what they were shown."""

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TrainResult:
    """What a training gave: `metric` says what the accuracies are, on `test_count` examples that training never saw.

    `figures` are what else was measured, by name.
    """

    float_accuracy: float
    int8_accuracy: float
    params: int
    macs: int
    seconds: float
    measured_on: str  # what was held out
    test_count: int
    metric: str = "fraction of right answers"
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class _Prepared:
    """Everything that fitting needs, whatever the example."""

    front_end: FrontEndParameters
    labels: list[str]
    train: tuple[Float, Int]
    test: tuple[Float, Int]
    measured_on: str
    weights: Float | None  # of the training examples in the loss


def train(
    example: str,
    data: Path,
    out: Path,
    *,
    hold_out: str | None = None,
    without_classes: Sequence[str] = (),
    seed: int | None = None,
    recipe_file: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> TrainResult:
    """Trains `example` on the files below `data` and makes `out` an app folder with the model.

    `hold_out` (a speaker or corpus; a file stem) is what the model is measured on and never sees. The hyper-parameters
    are in `recipe_file` (default: the example's train.toml), `seed` overrides its seed; the same seed, data and machine
    give the same bytes. Raises BadInputError for unknown names and unusable data, MissingToolError when the `train`
    extra, espeak-ng or the data are not there.
    """
    started = time.monotonic()
    say = progress or (lambda line: None)
    if example not in EXAMPLES:
        raise BadInputError(f"there is no example {example!r} to train: choose one of {', '.join(EXAMPLES)}")
    if util.find_spec("tensorflow") is None:
        raise MissingToolError("training needs TensorFlow: pip install 'fieldwren[train]'")
    if not data.is_dir() and data.suffix != ".zip" and example not in _GENERATED:
        raise MissingToolError(f"{data} is not a folder: point --data at the recordings or tables")
    source = paths.examples() / example
    settings = recipe.load(recipe_file or source / "train.toml")
    seed = settings.seed if seed is None else seed
    request = Request(data, hold_out, tuple(without_classes), seed, say)
    if settings.kind in _TRAINERS:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        trained = _TRAINERS[settings.kind](settings, request)
        _write_app(out, source, recipe_file, _described(trained, settings, seed))
        return _result(trained, time.monotonic() - started)
    if isinstance(settings, recipe.KeywordRecipe):
        prepared = _keyword(settings, data, say, hold_out=hold_out, without_classes=without_classes, seed=seed)
    else:
        assert isinstance(settings, recipe.PresenceRecipe)
        if without_classes:
            raise BadInputError(f"{example} has no classes to leave out")
        prepared = _presence(settings, data, hold_out)

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read when TensorFlow is imported
    from fieldwren.train import export, fit, models, quantise

    fit.prepare(seed)
    model = _build(settings, prepared)
    inputs, labels = prepared.train
    say(f"{models.parameters(model)} parameters, {models.multiply_accumulates(model)} multiply-accumulates")
    optimise = settings.optimise
    options = fit.Optimisation(optimise.epochs, optimise.batch_size, optimise.learning_rate, optimise.weight_decay)
    fit.fit(model, inputs, labels, len(prepared.labels), options, weights=prepared.weights, seed=seed, progress=say)
    chosen = np.random.default_rng([seed, 2]).permutation(len(inputs))[:CALIBRATION_EXAMPLES]
    content = quantise.to_int8(model, inputs[np.sort(chosen)])
    test_inputs, test_labels = prepared.test
    float_accuracy = _accuracy(fit.predict(model, test_inputs), test_labels)
    int8_accuracy = _accuracy(quantise.run_int8(content, test_inputs), test_labels)
    training = {
        "recipe": settings.model_dump(mode="json"),
        "seed": seed,
        "measured_on": prepared.measured_on,
        "float_accuracy": round(float_accuracy, 4),
        "int8_accuracy": round(int8_accuracy, 4),
        "test_count": len(test_labels),
    }
    content = export.describe(content, prepared.front_end, prepared.labels, training)
    result = TrainResult(
        float_accuracy,
        int8_accuracy,
        models.parameters(model),
        models.multiply_accumulates(model),
        round(time.monotonic() - started, 1),
        prepared.measured_on,
        len(test_labels),
    )
    _write_app(out, source, recipe_file, content)
    return result


def _described(trained: Trained, settings: recipe.Recipe, seed: int) -> bytes:
    from fieldwren.train import export

    training = {
        "recipe": settings.model_dump(mode="json"),
        "seed": seed,
        "measured_on": trained.measured_on,
        "metric": trained.metric,
        "float_accuracy": round(trained.float_accuracy, 4),
        "int8_accuracy": round(trained.int8_accuracy, 4),
        "test_count": trained.test_count,
        **trained.figures,
    }
    content = export.describe(trained.content, trained.front_end, trained.labels, training)
    return export.with_metadata(content, trained.metadata) if trained.metadata else content


def _result(trained: Trained, seconds: float) -> TrainResult:
    return TrainResult(
        trained.float_accuracy,
        trained.int8_accuracy,
        trained.params,
        trained.macs,
        round(seconds, 1),
        trained.measured_on,
        trained.test_count,
        trained.metric,
        trained.figures,
    )


def _accuracy(probabilities: Float, labels: Int) -> float:
    return float(np.mean(np.argmax(probabilities, axis=1) == labels))


def _keyword(
    settings: recipe.KeywordRecipe,
    folder: Path,
    say: Callable[[str], None],
    *,
    hold_out: str | None,
    without_classes: Sequence[str],
    seed: int,
) -> _Prepared:
    data = digits.load(settings, folder, hold_out=hold_out, without_classes=without_classes, seed=seed, progress=say)
    test = windowset.of_clips(data.front_end, data.held_out, data.classes)
    return _Prepared(
        data.front_end,
        data.labels,
        (data.train.features[..., np.newaxis], data.train.labels),
        (test.features[..., np.newaxis], test.labels),
        data.measured_on,
        np.where(data.train.labels == 0, settings.windows.background_weight, 1.0).astype(np.float32),
    )


def _presence(settings: recipe.PresenceRecipe, folder: Path, hold_out: str | None) -> _Prepared:
    data = presence.load(settings, folder, hold_out=hold_out)
    return _Prepared(data.front_end, list(presence.LABELS), data.train, data.test, data.measured_on, None)


def _build(settings: recipe.Recipe, prepared: _Prepared) -> Any:
    from fieldwren.train import models

    shape = prepared.train[0].shape[1:]
    classes = len(prepared.labels)
    network = settings.model
    assert not isinstance(network, recipe.SineMlp | recipe.Conv4 | recipe.Autoencoder)
    if isinstance(network, recipe.Mlp):
        return models.mlp(shape[0], classes, hidden=network.hidden, l2=network.l2)
    if isinstance(network, recipe.DsCnnStream):
        return models.ds_cnn_stream(
            shape[0],
            shape[1],
            classes,
            channels=network.channels,
            blocks=network.blocks,
            kernel=network.kernel,
            strides=network.strides,
            dropout=network.dropout,
        )
    return models.ds_cnn(
        shape[0], shape[1], classes, channels=network.channels, blocks=network.blocks, dropout=network.dropout
    )


def _write_app(out: Path, source: Path, recipe_file: Path | None, model: bytes) -> None:
    """Puts the model, its recipe and the example's manifest into `out`; other files there stay."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".train-") as scratch:
        made = Path(scratch)
        (made / "model.tflite").write_bytes(model)
        shutil.copyfile(recipe_file or source / "train.toml", made / "train.toml")
        if not (out / "fieldwren.toml").exists():
            shutil.copyfile(source / "fieldwren.toml", made / "fieldwren.toml")
        for file in sorted(made.iterdir()):
            file.replace(out / file.name)
