"""Five characters of an alphabet that neither backbone nor head has seen, five drawings each: where should a head start?

Serial Reptile learns a head for "some five characters" from tasks of all other alphabets, on devices that run the firmware's
training. It is compared with a head of zeros, and with a factory head that was trained to read five characters of another
alphabet: all drawings of each, as many passes as it takes to know them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.app import load_app
from fieldwren.app_model import app_model
from fieldwren.core import PORTABLE
from fieldwren.fleet.device import Vector
from fieldwren.fleet.personalise import adapted
from fieldwren.fleet.virtual import Shard, VirtualLearner
from fieldwren.learn.cut import cut
from fieldwren.learn.factory import Factory, LearnerConfig, StoredEmbeddings, stored_embeddings
from fieldwren.learn.samples import Samples, load_samples
from fieldwren.ops.lowering import lower
from fieldwren.tflite import read_model
from fieldwren.train.run import train

ALPHABETS = ("Balinese", "Early_Aramaic", "Greek")
WAYS, SHOTS, RATE = 5, 5, 0.02
META_TASKS, OTHER_PASSES, EPISODES = 2_000, 100, 300
PASSES = (1, 5, 20)
_DRAWERS = 20
"""Omniglot has so many drawings of every character."""


def characters(data: Path, apps: Path | None = None) -> Mapping[str, Any]:
    """Accuracies after 1, 5 and 20 passes, means over alphabets.

    `apps` has an app folder for each alphabet, named after it, that was trained without it (`fieldwren train characters
    --hold-out ALPHABET`); without it they are trained now.
    """
    per_alphabet = {alphabet: _measured(data, alphabet, apps) for alphabet in ALPHABETS}
    means = {
        start: {
            f"{passes} passes": round(float(np.mean([part[start][passes] for part in per_alphabet.values()])), 4)
            for passes in PASSES
        }
        for start in ("zero head", "head of other characters", "serial Reptile")
    }
    at_five = {start: figures["5 passes"] for start, figures in means.items()}
    meta = at_five["serial Reptile"]
    return {
        "bar": "serial Reptile after 5 passes: 5 points above a head of other characters, within 0.5 of the zero head",
        "ways": WAYS,
        "shots": SHOTS,
        "rate": RATE,
        "passes_of_the_head_of_other_characters": OTHER_PASSES,
        "episodes": EPISODES,
        "means": means,
        "per_alphabet": {
            alphabet: {
                start: {str(passes): round(share, 4) for passes, share in figures.items()}
                for start, figures in part.items()
            }
            for alphabet, part in per_alphabet.items()
        },
        "holds": meta >= at_five["head of other characters"] + 0.05 and meta >= at_five["zero head"] - 0.005,
    }


def _measured(data: Path, alphabet: str, apps: Path | None) -> dict[str, dict[int, float]]:
    if apps is None:
        with tempfile.TemporaryDirectory() as folder:
            train("characters", data / "omniglot", Path(folder), hold_out=alphabet)
            groups, stored = _embeddings(Path(folder), data)
    else:
        groups, stored = _embeddings(apps / alphabet, data)
    features = len(stored.mean)
    zero = np.zeros(WAYS * (features + 1), np.float32)
    labels = tuple(f"way {number}" for number in range(WAYS))
    factory = Factory(LearnerConfig(), labels, "softmax", features, zero, stored)
    others = [samples for samples in groups if samples.group != alphabet]
    unseen = [samples for samples in groups if samples.group == alphabet]
    learner = VirtualLearner(factory, _DRAWERS, 1 + max(len(samples.labels) for samples in groups))
    rng = np.random.default_rng(0)
    meta = zero
    for number in range(META_TASKS):
        there = adapted(learner, _task(others, rng), meta, 1, RATE, int(rng.integers(2**32)))
        meta = meta + np.float32(1 - number / META_TASKS) * (there - meta)
    shares: dict[str, dict[int, float]] = {}
    for episode in range(EPISODES):
        task = _task(unseen, np.random.default_rng([1, episode]))
        known = _task(others, np.random.default_rng([2, episode]), _DRAWERS)
        other = adapted(learner, known, zero, OTHER_PASSES, RATE, episode)
        starts: Mapping[str, Vector] = {"zero head": zero, "head of other characters": other, "serial Reptile": meta}
        for name, start in starts.items():
            for passes in PASSES:
                end = adapted(learner, task, start, passes, RATE, episode)
                right = learner.correct(task, end) / len(task.tests) / EPISODES
                shares.setdefault(name, dict.fromkeys(PASSES, 0.0))[passes] += right
    return shares


def _embeddings(app: Path, data: Path) -> tuple[list[Samples], StoredEmbeddings]:
    """All drawings by alphabet; the statistics of the training drawings, which the model carries."""
    loaded = load_app(app)
    graph = read_model(loaded.model_path)
    made = cut(graph)
    model = app_model(loaded, graph, lower(graph, PORTABLE))
    groups = load_samples(model, made, data / "omniglot", graph.metadata)
    stored = stored_embeddings(graph, made)
    return groups, StoredEmbeddings(stored.mean, stored.gain)


def _task(groups: Sequence[Samples], rng: np.random.Generator, shots: int = SHOTS) -> Shard:
    """WAYS characters of one alphabet in any order, `shots` drawings of each to learn from and the others to measure with."""
    samples = groups[int(rng.integers(len(groups)))]
    chosen = rng.permutation(np.unique(samples.labels))[:WAYS]
    taught: list[NDArray[np.int64]] = []
    tests: list[NDArray[np.int64]] = []
    for label in chosen:
        places = rng.permutation(np.flatnonzero(samples.labels == label))
        taught.append(places[:shots])
        tests.append(places[shots:])
    rows = [np.repeat(np.arange(WAYS), [len(part) for part in parts]).astype(np.uint16) for parts in (taught, tests)]
    return Shard(
        samples.embeddings[np.concatenate(taught)], rows[0], samples.embeddings[np.concatenate(tests)], rows[1]
    )
