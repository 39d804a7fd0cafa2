"""`train`: one example, one folder of data, one app folder with a trained int8 model."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np

from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.errors import BadInputError, MissingToolError, UnsupportedError
from fieldwren.features import FrontEndParameters, SensorFrontEnd
from fieldwren.train import anomaly, characters, digits, head, keyword, presence, recipe, regression, windowset
from fieldwren.train.budget import merged, preset
from fieldwren.train.classifier import Fitted, Plans, Prepared, Say, class_weights, fit_classifier
from fieldwren.train.data import leaks
from fieldwren.train.trained import Request, Trained

EXAMPLES = ("digits", "keyword", "presence", "characters", "sine", "anomaly")
LOADERS = {"digits": digits.load, "keyword": keyword.load}
_GENERATED = ("sine",)
"""Examples whose data are computed."""
_TRAINERS: Mapping[str, Callable[[Any, Request], Trained]] = {
    "anomaly": anomaly.train,
    "characters": characters.train,
    "regression": regression.train,
}
"""Kinds that are trained as something else than a classifier of what they were shown."""


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
    figures: Mapping[str, object] = field(default_factory=dict)  # what else was measured, by name
    metric: str = "fraction of right answers"


def train(
    example: str,
    data: Path,
    out: Path,
    *,
    hold_out: str | None = None,
    without_classes: Sequence[str] = (),
    seed: int | None = None,
    recipe_file: Path | None = None,
    allow_leaks: Sequence[str] = (),
    model: str | None = None,
    budget: str | None = None,
    board: str | None = None,
    teacher: str | None = None,
    run: Path | None = None,
    resume: bool = False,
    progress: Callable[[str], None] | None = None,
    tick: Callable[[float], None] | None = None,
) -> TrainResult:
    """Trains `example` on the files below `data` and makes `out` an app folder with the model.

    `hold_out` (a speaker or corpus; a file stem) is what the model is measured on and never sees. The hyper-parameters
    are in `recipe_file` (default: the example's train.toml), `seed` overrides its seed; the same seed, data and machine
    give the same bytes. `model` is the name of another network than the recipe's, `teacher` a .keras file or "transformer".
    A table's column that gives the label away is refused unless `allow_leaks` names it.

    A `budget` (a preset of train.budget) and the memory of `board` are checked before training, and what the recipe's own
    [budget] says. The run folder `run` (default: `out`/run) has everything about the training; after an interruption,
    `resume` goes on there with the last whole epoch, to the same bytes. `tick` is told the share of the training that is done.

    Raises BadInputError for unknown names and unusable data, OverBudgetError for a network over its budget, MissingToolError
    when the `train` extra, espeak-ng or the data are not there.
    """
    started = time.monotonic()
    say = progress or (lambda line: None)
    if example not in EXAMPLES:
        raise BadInputError(f"there is no example {example!r} to train: choose one of {', '.join(EXAMPLES)}")
    if util.find_spec("tensorflow") is None:
        raise MissingToolError("training needs TensorFlow: pip install 'fieldwren[train]'")
    if not data.is_dir() and data.suffix != ".zip" and example not in _GENERATED:
        raise MissingToolError(f"{data} is not a folder: point --data at the recordings or tables")
    # A model of anybody's own words has no example, only a recipe to begin with.
    source = paths.templates() / "train" / example if example == "keyword" else paths.examples() / example
    given = recipe.load(recipe_file or source / "train.toml")
    seed = given.seed if seed is None else seed
    request = Request(data, hold_out, tuple(without_classes), seed, say)
    if given.kind in _TRAINERS:
        if any(option is not None for option in (model, budget, board, teacher, run)) or resume:
            raise BadInputError(
                f"{example}: its recipe alone says how it is trained: no --model, --budget, --board, --teacher, --run"
            )
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        trained = _TRAINERS[given.kind](given, request)
        _write_app(out, source, None, recipe_file, _described(trained, given, seed), None)
        return _result(trained, time.monotonic() - started)
    assert isinstance(given, recipe.KeywordRecipe | recipe.PresenceRecipe)
    settings = _changed(given, seed, model, budget, board, teacher)
    if isinstance(settings, recipe.KeywordRecipe):
        prepared = _keyword(example, settings, data, say, hold_out=hold_out, without_classes=without_classes, seed=seed)
    else:
        assert isinstance(settings, recipe.PresenceRecipe)
        if without_classes:
            raise BadInputError(f"{example} has no classes to leave out")
        for line in leaks.refuse_leaks(presence.leaks_in(settings, data), allow_leaks, data):
            say(line)
        prepared = _presence(settings, data, hold_out)

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # read when TensorFlow is imported
    from fieldwren.train import export

    plans = Plans(
        run or out / "run", seed, settings.budget, settings.teacher, resume, recipe_file and recipe_file.parent
    )
    fitted = fit_classifier(settings, prepared, plans, say, tick)
    training = {
        "recipe": settings.model_dump(mode="json", exclude_none=True),
        "seed": seed,
        "measured_on": prepared.measured_on,
        "float_accuracy": round(fitted.float_accuracy, 4),
        "int8_accuracy": round(fitted.int8_accuracy, 4),
        "test_count": len(prepared.test[1]),
        **fitted.figures,
    }
    content = export.describe(fitted.content, fitted.front_end, prepared.labels, training)
    if fitted.metadata:
        content = export.with_metadata(content, fitted.metadata)
    _write_app(out, source, None if settings == given else recipe.to_toml(settings), recipe_file, content, fitted)
    _store_head(out, data, hold_out, prepared, seed, say)
    return TrainResult(
        fitted.float_accuracy,
        fitted.int8_accuracy,
        fitted.params,
        fitted.macs,
        round(time.monotonic() - started, 1),
        prepared.measured_on,
        len(prepared.test[1]),
        fitted.figures,
    )


def _described(trained: Trained, settings: recipe.AnyRecipe, seed: int) -> bytes:
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
        trained.figures,
        trained.metric,
    )


def _changed(
    settings: recipe.Recipe,
    seed: int,
    model: str | None,
    budget: str | None,
    board: str | None,
    teacher: str | None,
) -> recipe.Recipe:
    """The recipe that the options make of `settings`."""
    if model is not None:
        settings = recipe.with_model(settings, model)
    limits = merged(settings.budget, None if budget is None else preset(budget), board)
    taught_by = settings.teacher
    if teacher is not None:
        taught_by = (
            recipe.Teacher(model=teacher) if taught_by is None else taught_by.model_copy(update={"model": teacher})
        )
    return settings.model_copy(update={"seed": seed, "budget": limits, "teacher": taught_by})


def _keyword(
    example: str,
    settings: recipe.KeywordRecipe,
    folder: Path,
    say: Callable[[str], None],
    *,
    hold_out: str | None,
    without_classes: Sequence[str],
    seed: int,
) -> Prepared:
    data = LOADERS[example](
        settings, folder, hold_out=hold_out, without_classes=without_classes, seed=seed, progress=say
    )
    test = windowset.of_clips(data.front_end, data.held_out, data.classes)
    return Prepared(
        data.front_end,
        data.labels,
        (data.train.features[..., np.newaxis], data.train.labels),
        (test.features[..., np.newaxis], test.labels),
        data.measured_on,
        np.where(data.train.labels == 0, settings.windows.background_weight, 1.0).astype(np.float32),
        data.recorded,
        (data.words, data.word_count),
    )


def _presence(settings: recipe.PresenceRecipe, folder: Path, hold_out: str | None) -> Prepared:
    data = presence.load(settings, folder, hold_out=hold_out)
    classes = list(dict.fromkeys(settings.labels.values()))
    weights = class_weights(data.train[1], len(classes)) if settings.balanced else None
    return Prepared(data.front_end, classes, data.train, data.test, data.measured_on, weights)


def _write_app(
    out: Path, source: Path, changed: str | None, recipe_file: Path | None, model: bytes, fitted: Fitted | None
) -> None:
    """Puts the model, its recipe and the example's manifest into `out`; other files there stay."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".train-") as scratch:
        made = Path(scratch)
        (made / "model.tflite").write_bytes(model)
        if changed is None:
            shutil.copyfile(recipe_file or source / "train.toml", made / "train.toml")
        else:
            (made / "train.toml").write_text(changed, encoding="utf-8")
        if not (out / "fieldwren.toml").exists():
            manifest = (source / "fieldwren.toml").read_text(encoding="utf-8")
            if fitted is not None and fitted.metadata:
                manifest = _stepping(manifest, fitted.front_end)
            (made / "fieldwren.toml").write_text(manifest, encoding="utf-8")
        for file in sorted(made.iterdir()):
            file.replace(out / file.name)


def _store_head(out: Path, data: Path, hold_out: str | None, prepared: Prepared, seed: int, say: Say) -> None:
    """What a learner on the device rehearses with: embeddings of what was trained with, where files tell that."""
    if load_app(out).learn is None:
        return
    try:
        if prepared.recorded:
            with tempfile.TemporaryDirectory() as folder:
                head.link_recordings(prepared.recorded, Path(folder))
                stored = head.stored_head(out, Path(folder), (), seed)
        elif hold_out is not None and isinstance(prepared.front_end, SensorFrontEnd):
            stored = head.stored_head(out, data, (hold_out,), seed)
        else:
            return
    except (UnsupportedError, BadInputError) as error:
        say(f"nothing is stored for learning on the device: {error}")
        return
    head.store(out, stored)


def _stepping(manifest: str, front_end: FrontEndParameters) -> str:
    """`manifest` for a model with a state, which must see each frame once: its stride is one step."""
    stride_ms = front_end.hop_ms * front_end.window_frames
    return re.sub(r"(?m)^stride_ms\s*=.*$", f"stride_ms = {stride_ms:g}  # one step of the model's state", manifest)
