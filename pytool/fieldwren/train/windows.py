"""Words put into windows as a listening device meets them, with the label that the window deserves.

A device computes its features over the last second again and again, so a word glides through the window: it is cut at
one edge, inside, cut at the other. `compose_word` gives windows with a word (almost) fully inside,
`compose_background` everything else: silence, noise, other words, and words of which less than half is inside. Windows
between the two (half to nine tenths of a word) have no honest label and are never made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fieldwren.train.augment import (
    Augmentation,
    add_noise,
    changing_noise,
    in_a_room,
    noise,
    through_a_microphone,
    to_pcm,
    tones,
    vary_word,
)
from fieldwren.train.clips import SAMPLE_RATE, Audio, Clip, peak_normalised

BACKGROUND = "_background"
NOISE = "_background_noise_"
"""The corpus of recordings without speech."""
WINDOW_SAMPLES = SAMPLE_RATE  # one second
LONGEST_WORD = round(0.92 * SAMPLE_RATE)
VISIBLE_AS_WORD = 0.92  # at least so much of a digit is inside the window that is labelled with it
VISIBLE_AS_BACKGROUND = 0.45  # at most so much of a digit is inside a background window

Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Sources:
    """Where the parts of a window come from; all of one side of a split."""

    words: Sequence[Clip]  # labelled with a class
    others: Sequence[Clip]  # words that are none of the classes
    speech: Sequence[Clip]  # longer speech without the classes


def _loudest(samples: Audio, count: int) -> Audio:
    """The `count` consecutive samples with the most energy."""
    if len(samples) <= count:
        return samples
    power = np.cumsum(np.pad(np.square(samples, dtype=np.float64), (1, 0)))
    start = int(np.argmax(power[count:] - power[:-count]))
    return samples[start : start + count]


def _mix(window: Audio, part: Audio, start: int) -> None:
    """Adds `part` from sample `start` on (may lie partly outside), with 3 ms fades against clicks."""
    fade = min(48, len(part) // 2)
    part = part.copy()
    if fade:
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        part[:fade] *= ramp
        part[-fade:] *= ramp[::-1]
    first, last = max(0, start), min(len(window), start + len(part))
    if first < last:
        window[first:last] += part[first - start : last - start]


def _prepared(clip: Clip, ranges: Augmentation, rng: np.random.Generator) -> Audio:
    """A varied version of a word at peak 0.5 that fits the window."""
    return peak_normalised(_loudest(vary_word(clip.samples, ranges, rng), LONGEST_WORD))


def _any(clips: Sequence[Clip], rng: np.random.Generator) -> Clip:
    return clips[int(rng.integers(len(clips)))]


def _neighbour(sources: Sources, ranges: Augmentation, rng: np.random.Generator) -> tuple[Audio, float]:
    """A word beside the labelled one, and how much of it may be visible at most."""
    level = np.float32(10 ** (rng.uniform(-6, 3) / 20))
    if sources.others and rng.random() < 0.3:
        return level * _prepared(_any(sources.others, rng), ranges, rng), 1.0
    return level * _prepared(_any(sources.words, rng), ranges, rng), VISIBLE_AS_BACKGROUND


def _add_neighbour(
    window: Audio, edge: int, sources: Sources, ranges: Augmentation, rng: np.random.Generator, *, before: bool
) -> None:
    """A word that ends before `edge` (or starts after it), its far side cut off by the window."""
    word, visible = _neighbour(sources, ranges, rng)
    room = edge if before else len(window) - edge
    longest = min(room - rng.uniform(0.04, 0.25) * SAMPLE_RATE, visible * len(word))
    if longest <= 0:
        return
    shown = int(rng.uniform(0, longest))
    _mix(window, word, shown - len(word) if before else len(window) - shown)


def _finish(window: Audio, ranges: Augmentation, rng: np.random.Generator) -> Pcm:
    """Noise, level and 16-bit samples. The noise level refers to speech of peak 0.5 (root mean square about 0.1)."""
    window = add_noise(in_a_room(window, ranges, rng), 0.1, ranges, rng)
    window = through_a_microphone(window, ranges, rng)
    if rng.random() < 0.1:
        window = window + np.float32(rng.uniform(-0.02, 0.02))  # a microphone with DC
    return to_pcm(window * np.float32(10 ** (rng.uniform(*ranges.gain_db) / 20)))


def compose_word(clip: Clip, sources: Sources, ranges: Augmentation, rng: np.random.Generator) -> Pcm:
    """int16 [WINDOW_SAMPLES]: `clip` inside, at a random place, often with pieces of other words around it."""
    word = _prepared(clip, ranges, rng)
    hidden = int((1 - VISIBLE_AS_WORD) * len(word))
    start = int(rng.integers(-hidden, WINDOW_SAMPLES - len(word) + hidden + 1))
    window = np.zeros(WINDOW_SAMPLES, np.float32)
    _mix(window, word, start)
    if rng.random() < 0.35:
        _add_neighbour(window, start, sources, ranges, rng, before=True)
    if rng.random() < 0.35:
        _add_neighbour(window, start + len(word), sources, ranges, rng, before=False)
    return _finish(window, ranges, rng)


def compose_background(sources: Sources, ranges: Augmentation, rng: np.random.Generator) -> tuple[Pcm, bool]:
    """int16 [WINDOW_SAMPLES] that must not be taken for any word, and whether there is speech in it."""
    window = np.zeros(WINDOW_SAMPLES, np.float32)
    spoken = False
    kind = rng.choice(("cut", "other", "speech", "noise", "sounds"), p=(0.28, 0.22, 0.28, 0.11, 0.11))
    if kind == "cut":
        for before in (True, False):
            if rng.random() < 0.7:
                word, visible = _neighbour(sources, ranges, rng)
                shown = int(rng.uniform(0.05, visible) * len(word))
                shown = min(shown, WINDOW_SAMPLES // 2)
                _mix(window, word, shown - len(word) if before else WINDOW_SAMPLES - shown)
                spoken = True
    elif kind == "other" and sources.others:
        spoken = True
        word = _prepared(_any(sources.others, rng), ranges, rng)
        _mix(window, word, int(rng.integers(-len(word) // 2, WINDOW_SAMPLES - len(word) // 2)))
    elif kind == "speech" and sources.speech:
        clip = _any(sources.speech, rng)
        spoken = clip.corpus != NOISE
        speech = peak_normalised(clip.samples)
        _mix(window, speech, -int(rng.integers(-WINDOW_SAMPLES // 2, max(1, len(speech) - WINDOW_SAMPLES // 2))))
    elif kind == "sounds":
        _mix(window, tones(WINDOW_SAMPLES, rng), 0)
    if kind == "noise":
        if rng.random() < 0.6:
            return to_pcm(changing_noise(WINDOW_SAMPLES, rng)), False
        return to_pcm(np.float32(10 ** (rng.uniform(-70, -6) / 20)) * noise(WINDOW_SAMPLES, rng)), False
    return _finish(window, ranges, rng), spoken


def centred(clip: Clip, rng: np.random.Generator, floor_db: float = -46.0) -> Pcm:
    """int16 [WINDOW_SAMPLES]: the clip at peak 0.5 in the middle over a noise floor, for measuring."""
    window = (10 ** (floor_db / 20) * rng.standard_normal(WINDOW_SAMPLES) / 4).astype(np.float32)
    word = peak_normalised(_loudest(clip.samples, WINDOW_SAMPLES))
    _mix(window, word, (WINDOW_SAMPLES - len(word)) // 2)
    return to_pcm(window)
