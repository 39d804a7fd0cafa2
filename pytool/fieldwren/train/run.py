"""`train`: one example, one folder of data, one app folder with a trained int8 model."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path

from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.datasets import SILENCE, UNKNOWN
from fieldwren.errors import BadInputError, MissingToolError, UnsupportedError
from fieldwren.features import FrontEndParameters, SensorFrontEnd
from fieldwren.learn.factory import HEAD_KEY
from fieldwren.steps import STEPS_KEY
from fieldwren.train import head, recipe, run_folder
from fieldwren.train.budget import merged, preset
from fieldwren.train.kinds import TRAINERS
from fieldwren.train.trained import RIGHT_ANSWERS, Request, Trained

EXAMPLES = ("digits", "keyword", "presence", "characters", "sine", "anomaly")
_GENERATED = ("sine",)
"""Examples whose data are computed."""


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
    metric: str = RIGHT_ANSWERS


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
    if example not in EXAMPLES:
        raise BadInputError(f"there is no example {example!r} to train: choose one of {', '.join(EXAMPLES)}")
    if util.find_spec("tensorflow") is None:
        raise MissingToolError("training needs TensorFlow: pip install 'fieldwren[train]'")
    if not data.is_dir() and data.suffix != ".zip" and example not in _GENERATED:
        raise MissingToolError(f"{data} is not a folder: point --data at the recordings or tables")
    # A model of anybody's own words has no example, only a recipe to begin with.
    source = paths.templates() / "train" / example if example == "keyword" else paths.examples() / example
    given = recipe.load(recipe_file or source / "train.toml")
    settings = _changed(given, given.seed if seed is None else seed, model, budget, board, teacher)
    request = Request(
        example,
        data,
        run or out / "run",
        settings.seed,
        progress or (lambda line: None),
        hold_out,
        tuple(without_classes),
        tuple(allow_leaks),
        resume,
        recipe_file and recipe_file.parent,
        tick,
    )
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read when TensorFlow is imported
    trained = TRAINERS[settings.kind](settings, request)
    figures = {
        "measured_on": trained.measured_on,
        **({} if trained.metric == RIGHT_ANSWERS else {"metric": trained.metric}),
        "float_accuracy": round(trained.float_accuracy, 4),
        "int8_accuracy": round(trained.int8_accuracy, 4),
        "test_count": trained.test_count,
        **trained.figures,
    }
    plain = settings.model_dump(mode="json", exclude_none=True)
    content = _described(trained, {"recipe": plain, "seed": settings.seed, **figures})
    changed = None if settings == given else recipe.to_toml(settings)
    _write_app(out, source, changed, recipe_file, content, trained)
    _store_head(out, request, trained)
    run_folder.finish(request.run, trained.history, {**figures, "params": trained.params, "macs": trained.macs})
    return TrainResult(
        trained.float_accuracy,
        trained.int8_accuracy,
        trained.params,
        trained.macs,
        round(time.monotonic() - started, 1),
        trained.measured_on,
        trained.test_count,
        trained.figures,
        trained.metric,
    )


def _described(trained: Trained, training: Mapping[str, object]) -> bytes:
    from fieldwren.train import export

    content = export.describe(trained.content, trained.front_end, trained.labels, training)
    return export.with_metadata(content, trained.metadata) if trained.metadata else content


def _changed(
    settings: recipe.AnyRecipe,
    seed: int,
    model: str | None,
    budget: str | None,
    board: str | None,
    teacher: str | None,
) -> recipe.AnyRecipe:
    """The recipe that the options make of `settings`."""
    if model is not None:
        settings = recipe.with_model(settings, model)
    limits = merged(settings.budget, None if budget is None else preset(budget), board)
    changes: dict[str, object] = {"seed": seed, "budget": limits}
    if teacher is not None:
        if not isinstance(settings, recipe.KeywordRecipe | recipe.PresenceRecipe):
            raise BadInputError(f"--teacher: only classifiers of words or rows learn from one, not {settings.kind}")
        known = settings.teacher or recipe.Teacher(model=teacher)
        changes["teacher"] = known.model_copy(update={"model": teacher})
    return settings.model_copy(update=changes)


def _write_app(
    out: Path, source: Path, changed: str | None, recipe_file: Path | None, model: bytes, trained: Trained
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
            if STEPS_KEY in trained.metadata:
                manifest = _stepping(manifest, trained.front_end)
            if SILENCE in trained.labels:
                listed = json.dumps([SILENCE, UNKNOWN])
                manifest = re.sub(r"(?m)^background\s*=.*$", f"background = {listed}", manifest)
            (made / "fieldwren.toml").write_text(manifest, encoding="utf-8")
        for file in sorted(made.iterdir()):
            file.replace(out / file.name)


def _store_head(out: Path, request: Request, trained: Trained) -> None:
    """What a learner on the device rehearses with: embeddings of what was trained with, where files tell that."""
    if HEAD_KEY in trained.metadata or load_app(out).learn is None:
        return
    try:
        if trained.recorded:
            with tempfile.TemporaryDirectory() as folder:
                head.link_recordings(trained.recorded, Path(folder))
                stored = head.stored_head(out, Path(folder), (), request.seed)
        elif request.hold_out is not None and isinstance(trained.front_end, SensorFrontEnd):
            stored = head.stored_head(out, request.data, (request.hold_out,), request.seed)
        else:
            return
    except (UnsupportedError, BadInputError) as error:
        request.say(f"nothing is stored for learning on the device: {error}")
        return
    head.store(out, stored)


def _stepping(manifest: str, front_end: FrontEndParameters) -> str:
    """`manifest` for a model with a state, which must see each frame once: its stride is one step."""
    stride_ms = front_end.hop_ms * front_end.window_frames
    return re.sub(r"(?m)^stride_ms\s*=.*$", f"stride_ms = {stride_ms:g}  # one step of the model's state", manifest)
