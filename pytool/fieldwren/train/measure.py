"""The figures of the model cards, each from one command, written as JSON.

python -m fieldwren.train.measure leave-one-out digits --data DIR --hold-out NAME … --out FILE
python -m fieldwren.train.measure leave-one-out presence --recipe FILE --data DIR --out FILE
python -m fieldwren.train.measure streams APP --data DIR --out FILE
python -m fieldwren.train.measure operating-points APP --data DIR --out FILE
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from fieldwren.app import load_app
from fieldwren.app_model import load_app_model
from fieldwren.datasets import Event
from fieldwren.errors import FieldwrenError
from fieldwren.evaluate.intervals import Mean, mean_95, upper_95
from fieldwren.evaluate.operating_point import Material, at, figure
from fieldwren.evaluate.streams import hear, listen, score
from fieldwren.files import write_figures, written_whole
from fieldwren.train import augment, streams, synth, vocabulary
from fieldwren.train import clips as clip_module
from fieldwren.train.clips import DIGITS, Clip
from fieldwren.train.digits import OFFICIAL_TEST
from fieldwren.train.run import train
from fieldwren.train.windows import Pcm

Say = Callable[[str], None]
Result = dict[str, object]

TEST_VOICES_SEED = 20_000  # voices that no training draws


def leave_one_out(
    example: str,
    data: Path,
    names: Sequence[str],
    seeds: Sequence[int],
    say: Say,
    keep: Path | None = None,
    recipe: Path | None = None,
) -> Result:
    """Trains without each of `names` (speakers, corpora, files) for each seed, and measures on it.

    Without names, each seed is measured on what the example or its recipe keeps for that.

    `keep` holds the trained apps, NAME-SEED, and their figures, NAME-SEED.json; those that are there are not trained
    again, so that an interrupted measurement goes on where it was.
    """
    runs: list[Result] = []
    held: Sequence[str | None] = names or [None]
    for seed in seeds:
        for name in held:
            say(f"without {name}, seed {seed}" if name else f"seed {seed}")
            with tempfile.TemporaryDirectory() as scratch:
                folder = (keep or Path(scratch)) / f"{name or example}-{seed}"
                runs.append({"seed": seed, **_trained(example, data, folder, name, seed, recipe, say)})
            say(json.dumps(runs[-1]))

    def int8(**wanted: object) -> list[float]:
        return [float(str(run["int8_accuracy"])) for run in runs if wanted.items() <= run.items()]

    measured = dict.fromkeys(str(run["measured_on"]) for run in runs)
    by_name = {name: float(np.mean(int8(measured_on=name))) for name in measured}
    by_seed = mean_95([float(np.mean(int8(seed=seed))) for seed in seeds])
    macro_f1 = mean_95([float(np.mean([_macro_f1(run) for run in runs if run["seed"] == seed])) for seed in seeds])
    lost = [float(str(run["float_accuracy"])) - float(str(run["int8_accuracy"])) for run in runs]
    return {
        "runs": runs,
        "int8_accuracy": {name: round(value, 4) for name, value in by_name.items()},
        "int8_mean": round(by_seed.mean, 4),
        "int8_mean_95": _interval(by_seed),
        "int8_worst": round(min(by_name.values()), 4),
        "int8_macro_f1_mean": None if math.isnan(macro_f1.mean) else round(macro_f1.mean, 4),
        "int8_macro_f1_mean_95": _interval(macro_f1),
        "int8_loss_mean": round(float(np.mean(lost)), 4),
        "int8_loss_most": round(max(lost), 4),
    }


def _interval(mean: Mean) -> list[float] | None:
    if mean.low is None or mean.high is None or math.isnan(mean.mean):
        return None
    return [round(mean.low, 4), round(mean.high, 4)]


def _macro_f1(run: Result) -> float:
    figures = run.get("figures")
    return float(figures.get("int8_macro_f1", "nan")) if isinstance(figures, dict) else float("nan")  # of classifiers


def _trained(
    example: str, data: Path, folder: Path, name: str | None, seed: int, recipe: Path | None, say: Say
) -> Result:
    figures = folder.with_name(folder.name + ".json")
    if figures.is_file():
        known: Result = json.loads(figures.read_text(encoding="utf-8"))
        return known
    result = asdict(train(example, data, folder, hold_out=name, seed=seed, recipe_file=recipe, progress=say))
    with written_whole(figures) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def recordings(data: Path) -> dict[str, tuple[Pcm, list[Event]]]:
    """Continuous audio that training never heard: digits with pauses, and audio without digits."""
    rng = np.random.default_rng(0)
    spoken = [clip for clip in clip_module.load_spoken_digits(data) if clip.take < OFFICIAL_TEST]
    spoken = [spoken[i] for i in rng.permutation(len(spoken))]
    plain = [synth.Voice(language) for language in synth.ENGLISH]
    new = synth.voices(20, TEST_VOICES_SEED, accented=0.0)
    words = vocabulary.test_words()
    sentences = [Clip(synth.say(vocabulary.sentence(words, rng), new[i % 20]), "", "", "") for i in range(300)]
    noises = [np.float32(10 ** (db / 20)) for db in (-60, -40, -20)]
    other = [level * augment.noise(20 * 16_000, rng, kind) for kind in augment.NOISE_KINDS for level in noises]
    other += [augment.tones(16_000, rng) for _ in range(120)] + [np.zeros(60 * 16_000, np.float32)]
    return {
        "spoken digits, pauses 0.6 to 1.2 s": streams.sequence(spoken, rng, noise_db=-55),
        "spoken digits, pauses 0.3 to 0.6 s": streams.sequence(spoken, rng, pause_s=(0.3, 0.6), noise_db=-55),
        "spoken digits, 20 dB quieter, no noise": streams.sequence(spoken, rng, gain_db=-20),
        "spoken digits over pink noise, 20 dB below": streams.sequence(spoken, rng, noise_db=-40),
        "espeak-ng's English voices": streams.sequence(synth.spoken_words(DIGITS, plain), rng),
        "20 new espeak-ng voices": streams.sequence(synth.spoken_words(DIGITS, new), rng),
        "sentences of other words": (streams.sequence(sentences, rng, pause_s=(0.3, 1.0), noise_db=-50)[0], []),
        "noise, beeps, silence": (augment.to_pcm(np.concatenate(other)), []),
    }


def stream_figures(folder: Path, data: Path, say: Say) -> Result:
    """Hits and false accepts of an app on each of `recordings`."""
    app, planned = load_app_model(load_app(folder))
    figures: Result = {}
    for name, (pcm, said) in recordings(data).items():
        seconds = len(pcm) / clip_module.SAMPLE_RATE
        result = score(listen(app, planned, pcm), said, seconds)
        figures[name] = {
            "seconds": round(seconds),
            "expected": result.expected,
            "detected": result.detected,
            "false_accepts": result.false_accepts,
            "false_accepts_per_hour": round(3600 * result.false_accepts / seconds, 2),
            "fa_upper_95": round(3600 * upper_95(result.false_accepts) / seconds, 2),
        }
        say(f"{name}: {figures[name]}")
    return figures


def operating_points(folder: Path, data: Path, say: Say) -> Result:
    """False accepts on `recordings` without a word, and words missed in the others, over thresholds and smoothings.

    The network runs once; only the detector's settings change.
    """
    app, planned = load_app_model(load_app(folder))
    assert app.detector is not None
    said: list[Material] = []
    silent: list[Material] = []
    for name, (pcm, events) in recordings(data).items():
        say(f"listening to {name}")
        (said if events else silent).append(Material(hear(app, planned, pcm), tuple(events)))
    points = []
    for smoothing_ms in (200, 400, 600, 800):
        smoothing = max(1, round(smoothing_ms / app.stride_ms))
        for threshold in (0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99):
            settings = at(app.detector, threshold, smoothing)
            accepted, missed = (figure(settings, app.labels, material) for material in (silent, said))
            points.append(
                {
                    "threshold": threshold,
                    "smoothing_ms": smoothing * app.stride_ms,
                    "false_accepts_per_hour": accepted.false_accepts_per_hour,
                    "false_reject_rate": missed.false_reject_rate,
                }
            )
            say(json.dumps(points[-1]))
    return {"points": points}


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    """Parses the command line, measures, writes the JSON."""
    parser = argparse.ArgumentParser(prog="python -m fieldwren.train.measure", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    folds = verbs.add_parser("leave-one-out", help="train without each speaker or file and measure on it")
    folds.add_argument("example")
    folds.add_argument("--hold-out", nargs="+", default=[], metavar="NAME")
    folds.add_argument("--recipe", type=Path, help="train.toml instead of the example's")
    folds.add_argument("--seeds", nargs="+", type=int, default=[0])
    folds.add_argument("--keep", type=Path, help="folder for the trained apps; those in it are not trained again")
    listened = verbs.add_parser("streams", help="hits and false accepts of an app on continuous audio")
    listened.add_argument("app", type=Path)
    swept = verbs.add_parser("operating-points", help="false accepts and misses over thresholds and smoothings")
    swept.add_argument("app", type=Path)
    for verb in (folds, listened, swept):
        verb.add_argument("--data", type=Path, required=True)
        verb.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    try:
        if options.verb == "streams":
            result = stream_figures(options.app, options.data, _report)
        elif options.verb == "operating-points":
            result = operating_points(options.app, options.data, _report)
        else:
            result = leave_one_out(
                options.example,
                options.data,
                options.hold_out,
                options.seeds,
                _report,
                keep=options.keep,
                recipe=options.recipe,
            )
        command = f"python -m fieldwren.train.measure {' '.join(sys.argv[1:])}"
        write_figures(options.out, command, result)
    except FieldwrenError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
