"""One way of training against another, in pairs: the same speakers held out, seeds, windows and order.

python -m fieldwren.train.compare distillation --data DIR --out FILE
python -m fieldwren.train.compare models ds_cnn ds_cnn_stream --data DIR --out FILE

Each pair of runs differs in one thing only, so that the interval of the differences is that thing's. `--keep DIR` holds
the runs that are done: an interrupted comparison goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fieldwren import paths
from fieldwren.errors import BadInputError, FieldwrenError
from fieldwren.evaluate.intervals import mean_95
from fieldwren.files import write_figures, written_whole
from fieldwren.train import digits, recipe, windowset
from fieldwren.train.classifier import Float, Int, accuracy

Say = Callable[[str], None]
Result = dict[str, object]

TEACHER_SEED = 100  # its weights are no student's


@dataclass(frozen=True)
class Setting:
    """What all runs of a comparison share. `examples` windows are drawn from all of a training's."""

    data: Path
    names: tuple[str, ...]  # held out, one at a time
    seeds: tuple[int, ...]
    examples: int
    epochs: int
    keep: Path | None = None


@dataclass(frozen=True)
class Fold:
    """Windows to train on and clips to measure with, of one held-out speaker and seed."""

    name: str
    seed: int
    train: tuple[Float, Int]
    weights: Float
    test: tuple[Float, Int]
    classes: int
    optimise: recipe.Optimise  # of the recipe, with the comparison's epochs


def fold(setting: Setting, settings: recipe.KeywordRecipe, name: str, say: Say) -> Fold:
    """`setting.examples` of the recipe's windows without `name`; the recipe's seed makes and draws them.

    Nothing is done for the embedding: what is compared are answers.
    """
    settings = settings.model_copy(update={"embedding": recipe.Embedding()})
    data = digits.load(
        settings, setting.data, hold_out=name, without_classes=(), seed=settings.seed, progress=lambda line: None
    )
    drawn = np.sort(np.random.default_rng([settings.seed, 4]).permutation(len(data.train.labels))[: setting.examples])
    labels = data.train.labels[drawn]
    test = windowset.of_clips(data.front_end, data.held_out, data.classes)
    weights = np.where(labels == 0, settings.windows.background_weight, 1.0).astype(np.float32)
    say(f"without {name}: {len(labels)} windows, {len(test.labels)} clips")
    inputs = data.train.features[drawn][..., np.newaxis]
    optimise = settings.optimise.model_copy(update={"epochs": setting.epochs})
    measured = test.features[..., np.newaxis], test.labels
    return Fold(name, 0, (inputs, labels), weights, measured, len(data.classes) + 1, optimise)


def trained(table: Any, given: Fold, lesson: Any = None) -> tuple[Any, dict[str, float]]:
    """The network of `table` fitted to `given`, and its float and int8 accuracy on the held-out clips."""
    from fieldwren.train import fit
    from fieldwren.train.zoo import build

    fit.prepare(given.seed)
    inputs, labels = given.train
    model = build.build(table, inputs.shape[1:], given.classes)
    options = fit.Optimisation(**given.optimise.model_dump())
    fit.fit(model, inputs, labels, given.classes, options, weights=given.weights, lesson=lesson, seed=given.seed)
    content = build.to_int8(table, model, inputs[:: max(1, len(inputs) // 500)])
    return model, {
        "float": round(accuracy(fit.predict(model, given.test[0]), given.test[1]), 4),
        "int8": round(accuracy(build.run_int8(table, content, given.test[0]), given.test[1]), 4),
    }


def distillation(
    setting: Setting, student: Any, teacher: recipe.Teacher, teacher_table: Any, teachers: int, say: Say
) -> Result:
    """A student with and without a teacher. The teacher is the mean of `teachers` networks of `teacher_table`, trained on

    the same windows, or, where `teacher.model` is "transformer", one transformer, pre-trained on masked patches.
    """
    from fieldwren.train import distil, fit
    from fieldwren.train.teacher import taught_transformer

    taught_by: dict[str, tuple[Any, float]] = {}

    def lesson_of(given: Fold) -> tuple[Any, float]:
        """One for each held-out speaker: all students of a fold have the same teacher."""
        if given.name not in taught_by:
            answers, reached = [], []
            for number in range(1 if teacher.model == "transformer" else teachers):
                other = replace(given, seed=TEACHER_SEED + number)
                if teacher.model == "transformer":
                    fit.prepare(other.seed)
                    model = taught_transformer(
                        teacher, *given.train, given.classes, weights=given.weights, seed=other.seed, progress=say
                    )
                else:
                    model, _ = trained(teacher_table, other)
                answers.append(distil.probabilities(model, given.train[0]))
                reached.append(distil.probabilities(model, given.test[0]))
            lesson = distil.Lesson(np.mean(answers, axis=0), teacher.temperature, teacher.weight)
            taught_by[given.name] = lesson, accuracy(np.mean(reached, axis=0), given.test[1])
        return taught_by[given.name]

    def run(given: Fold) -> Result:
        lesson, reached = lesson_of(given)
        _, alone = trained(student, given)
        _, taught = trained(student, given, lesson)
        return {"teacher": round(reached, 4), "alone": alone, "taught": taught}

    runs = _runs(setting, "distillation", run, say)
    return {"runs": runs, **paired(runs, "taught", "alone")}


def models(setting: Setting, first: Any, second: Any, say: Say) -> Result:
    """Two networks; `difference` is of the second from the first."""

    def run(given: Fold) -> Result:
        return {table.kind: trained(table, given)[1] for table in (first, second)}

    runs = _runs(setting, f"{first.kind}-{second.kind}", run, say)
    return {"runs": runs, **paired(runs, second.kind, first.kind)}


def _runs(setting: Setting, what: str, run: Callable[[Fold], Result], say: Say) -> list[Result]:
    settings = recipe.load(paths.examples() / "digits" / "train.toml")
    assert isinstance(settings, recipe.KeywordRecipe)
    made: list[Result] = []
    for name in setting.names:
        given: Fold | None = None
        for seed in setting.seeds:
            kept = None if setting.keep is None else setting.keep / f"{what}-{name}-{seed}.json"
            if kept is not None and kept.is_file():
                made.append(json.loads(kept.read_text(encoding="utf-8")))
                continue
            given = given or fold(setting, settings, name, say)
            made.append({"without": name, "seed": seed, **run(replace(given, seed=seed))})
            say(json.dumps(made[-1]))
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                with written_whole(kept) as temporary:
                    temporary.write_text(json.dumps(made[-1]) + "\n", encoding="utf-8")
    return made


def paired(runs: Sequence[Mapping[str, Any]], better: str, base: str) -> Result:
    """Means of both and the mean of the differences with its 95 % interval, in int8 and float."""
    figures: Result = {}
    for kind in ("int8", "float"):
        both = [(run[better][kind], run[base][kind]) for run in runs]
        difference = mean_95([a - b for a, b in both])
        figures[kind] = {
            better: round(float(np.mean([a for a, _ in both])), 4),
            base: round(float(np.mean([b for _, b in both])), 4),
            "difference": round(difference.mean, 4),
            "difference_95": None
            if difference.low is None or difference.high is None
            else [round(difference.low, 4), round(difference.high, 4)],
            "excludes_zero": difference.excludes_zero,
        }
    return figures


def _table(name: str, channels: int | None) -> Any:
    base = recipe.load(paths.examples() / "digits" / "train.toml")
    assert isinstance(base, recipe.KeywordRecipe)  # the example hears words
    network = recipe.with_model(base, name).model
    if channels is None:
        return network
    if not hasattr(network, "channels") or not isinstance(network.channels, int):
        raise BadInputError(f"{name} has no number of channels: leave --channels away")
    return network.model_copy(update={"channels": channels})


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses the command line, compares, writes the JSON."""
    parser = argparse.ArgumentParser(prog="python -m fieldwren.train.compare", description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    taught = verbs.add_parser("distillation", help="a student with and without a teacher")
    taught.add_argument("--student", default="ds_cnn")
    taught.add_argument("--channels", type=int, default=16, help="of the student")
    taught.add_argument("--teacher", default="ds_cnn", help="a model's name, or transformer")
    taught.add_argument("--teachers", type=int, default=1, help="networks whose answers are averaged")
    taught.add_argument("--temperature", type=float, default=2.0)
    taught.add_argument("--weight", type=float, default=0.7)
    two = verbs.add_parser("models", help="two networks")
    two.add_argument("first")
    two.add_argument("second")
    two.add_argument("--channels", type=int, default=None, help="of both")
    for verb in (taught, two):
        verb.add_argument("--hold-out", nargs="+", default=["jackson", "nicolas", "theo", "yweweler"], metavar="NAME")
        verb.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
        verb.add_argument("--examples", type=int, default=16_000)
        verb.add_argument("--epochs", type=int, default=15)
        verb.add_argument("--keep", type=Path)
        verb.add_argument("--data", type=Path, required=True)
        verb.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    try:
        setting = Setting(
            given.data, tuple(given.hold_out), tuple(given.seeds), given.examples, given.epochs, given.keep
        )
        if given.verb == "models":
            result = models(setting, _table(given.first, given.channels), _table(given.second, given.channels), say)
        else:
            wanted = recipe.Teacher(model=given.teacher, temperature=given.temperature, weight=given.weight)
            table = None if given.teacher == "transformer" else _table(given.teacher, None)
            student = _table(given.student, given.channels)
            result = distillation(setting, student, wanted, table, given.teachers, say)
        shown = vars(given) | {"keep": None}
        write_figures(given.out, _command(shown), result)
    except FieldwrenError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _command(given: Mapping[str, Any]) -> str:
    """The command line with every option."""
    words = ["python -m fieldwren.train.compare", str(given["verb"])]
    words += [str(given[name]) for name in ("first", "second") if name in given]
    for name, value in given.items():
        if name in ("verb", "first", "second") or value is None:
            continue
        values = value if isinstance(value, list) else [value]
        words.append(f"--{name.replace('_', '-')} {' '.join(map(str, values))}")
    return " ".join(words)


if __name__ == "__main__":
    sys.exit(main())
