"""Does training through simulated microphones help on microphones of another kind?

    python tools/measure_responses.py --data ../shared/data/audio/fsdd --out examples/digits/results/microphones.json

A small DS-CNN learns ten digits once as they were recorded and once through the bank of microphones of
fieldwren.train.responses, from the same recordings, seeds and epochs. Both are measured on other recordings of the same
speakers, through eight microphones of a family that the bank has none of: resonant enclosures with an echo in the case
and soft clipping, where the bank holds smooth curves of minimum phase. The difference is paired by seed, its interval is
over seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from fieldwren.evaluate.intervals import mean_95
from fieldwren.features import AudioFrontEnd, AudioStream
from fieldwren.files import written_whole
from fieldwren.train import augment, clips, responses, windows
from fieldwren.train.augment import Augmentation
from fieldwren.train.clips import DIGITS, SAMPLE_RATE, Audio, Clip

FRONT_ENDS = {  # the second takes off most of what a microphone colours by itself
    "MFCC": AudioFrontEnd(coefficient_count=10, energy_offset=1e-3),
    "MFCC minus mean": AudioFrontEnd(coefficient_count=10, normalisation="window-mean", energy_offset=1e-3),
}
PLAIN = Augmentation(snr_db=(10.0, 40.0))
CONDITIONS = {"as recorded": PLAIN, "microphones": replace(PLAIN, microphones=0.8)}
PER_RECORDING = 2
MICROPHONES = 8


def unseen(number: int) -> Callable[[Audio], Audio]:
    """Microphone `number`: resonances (second-order peaks), a band, an echo inside the case, soft clipping."""
    rng = np.random.default_rng([99, number])
    peaks = [(rng.uniform(500, 3500), rng.uniform(2, 6), rng.uniform(6, 16)) for _ in range(2)]
    low, high = rng.uniform(150, 500), rng.uniform(2000, 3600)
    echo, delay_s = rng.uniform(0.3, 0.7), rng.uniform(0.0003, 0.002)
    drive = rng.uniform(1, 4)

    def heard(samples: Audio) -> Audio:
        count = 2 * len(samples)
        s = 2j * np.pi * np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
        transfer = (s / (s + 2 * np.pi * low)) ** 2 / (1 + s / (2 * np.pi * high)) ** 2
        for centre, quality, gain_db in peaks:
            w = 2 * np.pi * centre
            wide = 10 ** (gain_db / 20)
            transfer *= (s * s + wide * w / quality * s + w * w) / (s * s + w / quality * s + w * w)
        transfer *= 1 + echo * np.exp(-s * delay_s)
        filtered = np.fft.irfft(np.fft.rfft(samples, count) * transfer, count)[: len(samples)]
        filtered *= 0.3 / (np.max(np.abs(filtered)) + 1e-9)
        return (np.tanh(drive * filtered) / drive).astype(np.float32)

    return heard


def training_windows(front_end: AudioFrontEnd, kept: list[Clip], ranges: Augmentation, seed: int) -> np.ndarray:
    """[n, frames, values, 1]: each word at random places and levels over noise, through what `ranges` says."""
    pcm = []
    for number, clip in enumerate(kept * PER_RECORDING):
        rng = np.random.default_rng([seed, number])
        word = clips.peak_normalised(clip.samples[: windows.WINDOW_SAMPLES])
        window = np.zeros(windows.WINDOW_SAMPLES, np.float32)
        start = int(rng.integers(0, windows.WINDOW_SAMPLES - len(word) + 1))
        window[start : start + len(word)] = word
        window = augment.add_noise(window, 0.1, ranges, rng)
        level = np.float32(10 ** (rng.uniform(-20, 6) / 20))
        # Drawn last, so that both conditions see the same places, levels and noises.
        pcm.append(augment.to_pcm(augment.through_a_microphone(window, ranges, rng) * level))
    return AudioStream(front_end).windows(np.stack(pcm))[..., np.newaxis]


def features(front_end: AudioFrontEnd, held: list[Clip], through: Callable[[Audio], Audio] | None) -> np.ndarray:
    """[n, frames, values, 1] of centred words, as recorded or through a microphone."""
    pcm = []
    for number, clip in enumerate(held):
        window = windows.centred(clip, np.random.default_rng([7, number]))
        if through is not None:
            window = augment.to_pcm(through(window.astype(np.float32) / np.float32(32768)))
        pcm.append(window)
    return AudioStream(front_end).windows(np.stack(pcm))[..., np.newaxis]


def accuracies(
    front_end: AudioFrontEnd,
    ranges: Augmentation,
    kept: list[Clip],
    tests: dict[str, np.ndarray],
    labels: np.ndarray,
    seed: int,
    epochs: int,
) -> dict[str, float]:
    """Share of right answers by microphone of a network trained on `kept`."""
    from fieldwren.train import fit, models

    inputs = training_windows(front_end, kept, ranges, seed)
    wanted = np.array([DIGITS.index(clip.label) for clip in kept * PER_RECORDING])
    fit.prepare(seed, threads=1)
    model = models.ds_cnn(98, 10, len(DIGITS), channels=20, blocks=2, dropout=0.1)
    fit.fit(model, inputs, wanted, len(DIGITS), fit.Optimisation(epochs), seed=seed)
    return {name: float(np.mean(np.argmax(fit.predict(model, test), axis=1) == labels)) for name, test in tests.items()}


def summary(results: dict[str, list[dict[str, float]]]) -> dict[str, object]:
    """By condition: accuracy as recorded and on unseen microphones, and what is gained there over "as recorded"."""

    def on_unseen(run: dict[str, float]) -> float:
        return float(np.mean([share for name, share in run.items() if name.startswith("unseen")]))

    made: dict[str, object] = {}
    for name, runs in results.items():
        gains = [on_unseen(run) - on_unseen(base) for run, base in zip(runs, results["as recorded"], strict=True)]
        gain = mean_95(gains)
        made[name] = {
            "as_recorded": round(float(np.mean([run["as recorded"] for run in runs])), 4),
            "unseen_microphones": round(float(np.mean([on_unseen(run) for run in runs])), 4),
            "gain": round(gain.mean, 4),
            "gain_95": None if gain.low is None or gain.high is None else [round(gain.low, 4), round(gain.high, 4)],
        }
    return made


def main() -> int:
    """Trains, measures, writes the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=15)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    spoken = clips.load_spoken_digits(options.data)
    held = [clip for clip in spoken if clip.take < 5]
    kept = [clip for clip in spoken if 5 <= clip.take < 30]
    labels = np.array([DIGITS.index(clip.label) for clip in held])
    results: dict[str, dict[str, list[dict[str, float]]]] = {}
    for title, front_end in FRONT_ENDS.items():
        tests = {"as recorded": features(front_end, held, None)}
        tests |= {f"unseen {number}": features(front_end, held, unseen(number)) for number in range(MICROPHONES)}
        runs = results[title] = {name: [] for name in CONDITIONS}
        for seed in range(options.seeds):
            for name, measured in runs.items():
                measured.append(accuracies(front_end, CONDITIONS[name], kept, tests, labels, seed, options.epochs))
                print(title, seed, name, measured[-1], file=sys.stderr, flush=True)
    document = {
        "command": f"python tools/measure_responses.py {' '.join(sys.argv[1:])}",
        "training_recordings": len(kept),
        "test_recordings": len(held),
        "bank": responses.BANK,
        "unseen_microphones": MICROPHONES,
        "conditions": {title: summary(runs) for title, runs in results.items()},
        "runs": results,
    }
    with written_whole(options.out) as temporary:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
