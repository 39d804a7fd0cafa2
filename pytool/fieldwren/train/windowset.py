"""Training windows of many clips through the C front end, kept in the cache folder.

A set is made for each group of clips on its own, with nothing of any other group in it but what every split may see
(synthetic speakers, other words), so that leaving a speaker out is leaving his sets out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fieldwren import paths
from fieldwren.datasets import SILENCE, UNKNOWN
from fieldwren.features import AudioFrontEnd, AudioStream
from fieldwren.train import windows
from fieldwren.train.augment import Augmentation
from fieldwren.train.clips import Clip
from fieldwren.train.windows import Sources

BATCH = 256
NO_WORD = -1
REVISION = 3  # raise it whenever the same inputs give other windows than before


@dataclass(frozen=True)
class WindowSet:
    """Features [n, frames, values] and class indices [n]; the first one or two are of the background (`first_class`)."""

    features: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


def first_class(separate: bool) -> int:
    """The index of the first word: behind `_background`, or, `separate`, behind `_silence` and `_unknown`."""
    return 2 if separate else 1


def joined(sets: Sequence[WindowSet]) -> WindowSet:
    """All windows of all sets, in order."""
    return WindowSet(np.concatenate([s.features for s in sets]), np.concatenate([s.labels for s in sets]))


def _digest(parameters: AudioFrontEnd, sources: Sources, classes: Sequence[str], *rest: object) -> str:
    sha = hashlib.sha256(repr((REVISION, parameters.to_json(), tuple(classes), rest)).encode())
    for clips in (sources.words, sources.others, sources.speech):
        sha.update(b"|")
        for clip in clips:
            sha.update(f"{clip.label}\0{clip.name}\0".encode())
            sha.update(clip.samples.tobytes())
    return sha.hexdigest()[:32]


def make(
    parameters: AudioFrontEnd,
    sources: Sources,
    classes: Sequence[str],
    ranges: Augmentation,
    *,
    per_clip: int,
    background_share: float,
    seed: int,
    separate: bool = False,
) -> WindowSet:
    """`per_clip` windows of every word of `sources`, and background windows to make up `background_share` of all.

    `classes` are the labels without the background, which is one class, or, `separate`, silence and unknown words. Window
    i depends on the clips, `seed` and i alone.
    """
    rest = (ranges.key, per_clip, background_share, seed, *(["separate"] if separate else []))
    key = _digest(parameters, sources, classes, *rest)
    file = paths.cache() / "windows" / f"{key}.npz"
    if file.is_file():
        with np.load(file) as stored:
            return WindowSet(stored["features"], stored["labels"])
    words = per_clip * len(sources.words)
    count = words + round(words * background_share / (1 - background_share))
    front_end = AudioStream(parameters)
    features = np.empty((count, parameters.window_frames, parameters.frame_values), np.float32)
    labels = np.zeros(count, np.int64)
    for first in range(0, count, BATCH):
        pcm = []
        for i in range(first, min(first + BATCH, count)):
            rng = np.random.default_rng([seed, i])
            if i < words:
                clip = sources.words[i % len(sources.words)]
                labels[i] = first_class(separate) + classes.index(clip.label)
                pcm.append(windows.compose_word(clip, sources, ranges, rng))
            else:
                window, spoken = windows.compose_background(sources, ranges, rng)
                labels[i] = int(separate and spoken)
                pcm.append(window)
        features[first : first + BATCH] = front_end.windows(np.stack(pcm))
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(f".{np.random.default_rng().integers(1 << 62):x}.npz")
    np.savez(temporary, features=features, labels=labels)
    temporary.replace(file)
    return WindowSet(features, labels)


def with_other_words(
    parameters: AudioFrontEnd,
    known: WindowSet,
    sources: Sources,
    classes: Sequence[str],
    ranges: Augmentation,
    *,
    per_clip: int,
    seed: int,
    separate: bool = False,
) -> tuple[WindowSet, npt.NDArray[np.int64], int]:
    """`known` and `per_clip` background windows of every other word, whole; the word in each window [n], and how many there are.

    The words are the classes, numbered in order, and behind them all that `sources.others` say; NO_WORD stands for
    windows with none, or with no whole one.
    """
    first = first_class(separate)
    of_classes = np.where(known.labels >= first, known.labels - first, NO_WORD)
    named = [replace(clip, label=clip.label or clip.name) for clip in sources.others]
    if not per_clip or not named:
        return known, of_classes, len(classes)
    others = tuple(sorted({clip.label for clip in named}))
    whole = make(
        parameters,
        Sources(named, named, sources.speech),
        others,
        ranges,
        per_clip=per_clip,
        background_share=0.0,
        seed=seed + 1,
    )
    background = WindowSet(whole.features, np.full_like(whole.labels, first - 1))
    numbers = np.concatenate([of_classes, len(classes) + whole.labels - 1])
    return joined([known, background]), numbers, len(classes) + len(others)


def of_clips(
    parameters: AudioFrontEnd, clips: Sequence[Clip], classes: Sequence[str], *, separate: bool = False
) -> WindowSet:
    """One unchanged, centred window of each clip, for measuring; `separate`, some may be labelled as unknown words."""
    front_end = AudioStream(parameters)
    pcm = np.stack([windows.centred(clip, np.random.default_rng([7, i])) for i, clip in enumerate(clips)])
    names = [SILENCE, UNKNOWN, *classes] if separate else [windows.BACKGROUND, *classes]
    labels = np.array([names.index(clip.label) for clip in clips], np.int64)
    return WindowSet(front_end.windows(pcm), labels)
