"""Continuous audio made of single words with pauses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fieldwren.datasets import Event
from fieldwren.train.augment import noise, to_pcm
from fieldwren.train.clips import SAMPLE_RATE, Audio, Clip, peak_normalised
from fieldwren.train.windows import Pcm


def sequence(
    clips: Sequence[Clip],
    rng: np.random.Generator,
    *,
    pause_s: tuple[float, float] = (0.6, 1.2),
    noise_db: float | None = None,
    gain_db: float = 0.0,
) -> tuple[Pcm, list[Event]]:
    """The clips one after the other with pauses, each at peak 0.5, over noise `noise_db` re full scale (or silence)."""
    parts: list[Audio] = [np.zeros(SAMPLE_RATE, np.float32)]
    events = []
    at = SAMPLE_RATE
    for clip in clips:
        word = peak_normalised(clip.samples)
        events.append(Event(clip.label, at / SAMPLE_RATE, (at + len(word)) / SAMPLE_RATE))
        pause = np.zeros(round(rng.uniform(*pause_s) * SAMPLE_RATE), np.float32)
        parts += [word, pause]
        at += len(word) + len(pause)
    parts.append(np.zeros(SAMPLE_RATE, np.float32))
    audio: Audio = np.concatenate(parts)
    if noise_db is not None:
        audio = audio + np.float32(10 ** (noise_db / 20)) * noise(len(audio), rng, "pink")
    return to_pcm(audio * np.float32(10 ** (gain_db / 20))), events
