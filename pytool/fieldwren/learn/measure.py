"""What learning gives on people whom the backbone never heard, and with words that it never heard, as JSON.

python -m fieldwren.train.measure leave-one-out digits --data DIR --hold-out NAME… --seeds 0 1 2 --keep APPS --out FILE
python -m fieldwren.learn.measure speakers APPS --data DIR/fsdd --out FILE

fieldwren train digits --data DIR --hold-out NAME --without-classes seven,eight,nine --out APPS/NAME-new      (each NAME)
fieldwren train digits --data DIR --without-classes seven,eight,nine --out APPS/known-new
python -m fieldwren.learn.measure new-words APPS --words seven,eight,nine --data DIR/fsdd --out FILE

The recordings are those of the Free Spoken Digit Dataset, DIGIT_SPEAKER_TAKE.wav.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fieldwren.datasets import DIGITS
from fieldwren.errors import BadInputError, FieldwrenError, MissingToolError
from fieldwren.evaluate.intervals import mean_95
from fieldwren.files import write_figures
from fieldwren.learn.simulate import SimulateResult, Taught, simulate

SHOTS, PASSES, REPEATS = (5, 10), 20, 20
KNOWN = "known"
TAKES_NOT_TRAINED = 5
"""Of every digit and speaker, where nobody is held out: the data set's own test part."""

Result = dict[str, object]


def speakers(apps: Path, data: Path) -> Result:
    """Teaches each app APPS/NAME-SEED by NAME, whom its backbone never heard.

    Means over REPEATS draws of the shots; `error_left` is the share of the error that learning leaves, over all.
    """
    found = sorted(path for path in apps.glob("*-[0-9]*") if (path / "fieldwren.toml").is_file())
    if not found:
        raise MissingToolError(f"{apps}: holds no app NAME-SEED: make them with fieldwren.train.measure --keep")
    runs: list[dict[str, float | str]] = []
    for path in found:
        name, _, seed = path.name.rpartition("-")
        for shots in SHOTS:
            ran = simulate(path, data, only=[name], shots=shots, passes=PASSES, repeats=REPEATS)
            runs.append({"speaker": name, "seed": seed, "shots": shots, **_figures(ran)})
            print(json.dumps(runs[-1]), file=sys.stderr, flush=True)
    return {"runs": runs, **{f"shots_{shots}": _summary([r for r in runs if r["shots"] == shots]) for shots in SHOTS}}


def _summary(runs: Sequence[Mapping[str, float | str]]) -> Result:
    def mean(key: str, **wanted: str) -> float:
        return float(np.mean([float(run[key]) for run in runs if wanted.items() <= run.items()]))

    names = sorted({str(run["speaker"]) for run in runs})
    seeds = sorted({str(run["seed"]) for run in runs})
    after = {name: mean("after", speaker=name) for name in names}
    by_seed = mean_95([mean("after", seed=seed) for seed in seeds])
    return {
        "before": round(mean("before"), 4),
        "after": round(mean("after"), 4),
        "after_95": None
        if by_seed.low is None or by_seed.high is None
        else [round(by_seed.low, 4), round(by_seed.high, 4)],
        "error_left": round((1 - mean("after")) / (1 - mean("before")), 4),
        "by_speaker": {name: round(value, 4) for name, value in after.items()},
        "worst": round(min(after.values()), 4),
    }


def new_words(apps: Path, data: Path, words: Sequence[str]) -> Result:
    """Teaches `words`, which no backbone of APPS/NAME-new heard, five times each.

    NAME is a speaker whom the backbone did not hear either, or `known`: then each speaker of the training teaches, and the
    old words are measured on recordings that training did not have.
    """
    figures: Result = {}
    for path in sorted(apps.glob("*-new")):
        name = path.name.removesuffix("-new")
        with tempfile.TemporaryDirectory() as folder:
            heard = data if name != KNOWN else _not_trained(data, words, Path(folder))
            ways: tuple[Taught, ...] = ("new",) if name == KNOWN else ("all", "new")
            for taught in ways:
                only = [] if name == KNOWN else [name]
                ran = simulate(path, heard, only=only, shots=5, passes=PASSES, repeats=REPEATS, new_classes=words,
                               taught=taught)  # fmt: skip
                figures[f"{name}, {'only the new words' if taught == 'new' else 'every word'} taught"] = _figures(ran)
                print(json.dumps(figures), file=sys.stderr, flush=True)
    if not figures:
        raise MissingToolError(f"{apps}: holds no app NAME-new: train them with --without-classes {','.join(words)}")
    return figures


def _not_trained(data: Path, words: Sequence[str], folder: Path) -> Path:
    for file in sorted(data.rglob("[0-9]_*_*.wav")):
        digit, _, take = file.stem.split("_")
        if DIGITS[int(digit)] in words or int(take) < TAKES_NOT_TRAINED:
            (folder / file.name).symlink_to(file.resolve())
    return folder


def _figures(ran: SimulateResult) -> dict[str, float]:
    figures = {"before": ran.accuracy_before, "after": ran.accuracy_after}
    if ran.accuracy_new is not None and ran.accuracy_old_before is not None and ran.accuracy_old_after is not None:
        figures = {
            "new": ran.accuracy_new,
            "old_before": ran.accuracy_old_before,
            "old_after": ran.accuracy_old_after,
            "old_lost": ran.accuracy_old_before - ran.accuracy_old_after,
        }
    return {key: round(value, 4) for key, value in figures.items()}


def main() -> int:
    """Parses the command line, measures, writes the JSON."""
    parser = argparse.ArgumentParser(prog="python -m fieldwren.learn.measure", description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, text in (("speakers", "people never heard"), ("new-words", "words never heard")):
        form = verbs.add_parser(verb, help=text)
        form.add_argument("apps", type=Path)
        form.add_argument("--data", type=Path, required=True)
        form.add_argument("--out", type=Path, required=True)
        if verb == "new-words":
            form.add_argument("--words", required=True, help="as they were left out of training, with commas")
    given = parser.parse_args()
    try:
        if given.verb == "speakers":
            result = speakers(given.apps, given.data)
        else:
            words = [word.strip() for word in given.words.split(",") if word.strip()]
            if not set(words) <= set(DIGITS):
                raise BadInputError(f"{given.words!r}: the words are {', '.join(DIGITS)}")
            result = new_words(given.apps, given.data, words)
        write_figures(given.out, f"python -m fieldwren.learn.measure {' '.join(sys.argv[1:])}", result)
    except FieldwrenError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
