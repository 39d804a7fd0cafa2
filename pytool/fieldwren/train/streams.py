"""Continuous audio: words with pauses, what an app hears in them, hits, misses and false accepts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fieldwren.app_model import AppModel
from fieldwren.detector import Detector, posteriors
from fieldwren.errors import BadInputError
from fieldwren.features import AudioFrontEnd, AudioStream
from fieldwren.plan import Plan
from fieldwren.runtime import Interpreter
from fieldwren.train.augment import noise, to_pcm
from fieldwren.train.clips import SAMPLE_RATE, Audio, Clip, peak_normalised
from fieldwren.train.windows import Pcm


@dataclass(frozen=True)
class Event:
    """Something said, or detected, in a recording."""

    label: str
    start_s: float
    end_s: float  # equal to start_s for a detection


@dataclass(frozen=True)
class StreamScore:
    """Detections against what was said."""

    expected: int
    detected: int  # words with a detection of their own
    false_accepts: int  # detections that are nobody's
    seconds: float
    missed: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


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


def listen(app: AppModel, planned: Plan, pcm: Pcm) -> list[Event]:
    """What the app detects in 16 kHz samples: front end, model and detector are the C code of the device."""
    if not isinstance(app.front_end, AudioFrontEnd) or app.detector is None:
        raise BadInputError(f"{app.app.name}: only an app that listens can be measured on audio")
    stream, interpreter, detector = AudioStream(app.front_end), Interpreter(planned), Detector(app.detector)
    (source, target) = (planned.program.inputs[0], planned.program.outputs[0])
    due = app.front_end.window_total_samples
    stride = app.stride_frames * app.front_end.hop_samples
    at = 0
    found = []
    while due <= len(pcm):
        stream.push(pcm[at:due])
        at, due = due, due + stride
        window = stream.window(np.dtype(source.dtype), source.scale, source.zero_point).reshape(source.shape)
        output = interpreter.invoke([window])[0]
        values = posteriors(output, target.scale, target.zero_point, kind=app.app.detector.output)
        detection = detector.push(values, round(1000 * at / SAMPLE_RATE))
        if detection is not None:
            found.append(Event(app.labels[detection.label], detection.t_ms / 1000, detection.t_ms / 1000))
    return found


def score(found: Sequence[Event], said: Sequence[Event], seconds: float, *, latest_s: float = 1.3) -> StreamScore:
    """Each word takes the first free detection of its label from its start to `latest_s` after its end."""
    free = list(found)
    missed = []
    for event in said:
        match = next(
            (f for f in free if f.label == event.label and event.start_s <= f.start_s <= event.end_s + latest_s), None
        )
        if match is None:
            missed.append(f"{event.label}@{event.start_s:.2f}")
        else:
            free.remove(match)
    wrong = tuple(f"{f.label}@{f.start_s:.2f}" for f in free)
    return StreamScore(len(said), len(said) - len(missed), len(free), seconds, tuple(missed), wrong)


def upper_95(events: int) -> float:
    """The one-sided 95 % upper bound of a Poisson mean of which `events` were seen (3.0 for none), by bisection."""

    def at_most(mean: float) -> float:
        return math.exp(-mean) * sum(mean**k / math.factorial(k) for k in range(events + 1))

    low, high = 0.0, 10.0 + 3.0 * events
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(middle) > 0.05 else (low, middle)
    return high
