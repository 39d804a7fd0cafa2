"""Continuous audio: what an app hears in it, hits, misses and false accepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldwren.app_model import AppModel
from fieldwren.datasets import Event
from fieldwren.detector import Detector, DetectorConfig, posteriors
from fieldwren.errors import BadInputError
from fieldwren.features import AudioFrontEnd, AudioStream, MicroFrontEnd
from fieldwren.features.wav import Pcm
from fieldwren.plan import Plan
from fieldwren.runtime import Interpreter

LATEST_S = 1.3
"""A detection may come so long after the end of its word."""


@dataclass(frozen=True)
class Heard:
    """What the network says over a recording: posteriors [inferences, classes] in 1/32768, and when, in ms."""

    posteriors: NDArray[np.uint16]
    times_ms: NDArray[np.int64]
    seconds: float


@dataclass(frozen=True)
class StreamScore:
    """Detections against what was said."""

    expected: int
    detected: int  # words with a detection of their own
    false_accepts: int  # detections that are nobody's
    seconds: float
    missed: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()


def hear(app: AppModel, planned: Plan, pcm: Pcm) -> Heard:
    """Runs front end and network, the C code of the device, over samples at the front end's rate from a fresh state."""
    if not isinstance(app.front_end, AudioFrontEnd | MicroFrontEnd) or app.detector is None:
        raise BadInputError(f"{app.app.name}: only an app that listens can be measured on audio")
    stream, interpreter = AudioStream(app.front_end), Interpreter(planned)
    source, target = planned.program.inputs[0], planned.program.outputs[0]
    rate = app.front_end.sample_rate_hz
    due = app.front_end.window_total_samples
    stride = app.stride_frames * app.front_end.hop_samples
    at, rows, times = 0, [], []
    while due <= len(pcm):
        stream.push(pcm[at:due])
        at, due = due, due + stride
        window = stream.window(np.dtype(source.dtype), source.scale, source.zero_point).reshape(source.shape)
        output = interpreter.invoke([window])[0]
        rows.append(
            posteriors(
                output, target.scale, target.zero_point, kind=app.app.detector.output, class_count=len(app.labels)
            )
        )
        times.append(round(1000 * at / rate))
    made = np.array(rows, np.uint16).reshape(len(rows), len(app.labels))
    return Heard(made, np.array(times, np.int64), len(pcm) / rate)


def detect(config: DetectorConfig, labels: Sequence[str], heard: Heard) -> list[Event]:
    """What a detector with these settings makes of it."""
    detector, found = Detector(config), []
    for values, t_ms in zip(heard.posteriors, heard.times_ms, strict=True):
        detection = detector.push(values, int(t_ms))
        if detection is not None:
            found.append(Event(labels[detection.label], detection.t_ms / 1000, detection.t_ms / 1000))
    return found


def listen(app: AppModel, planned: Plan, pcm: Pcm) -> list[Event]:
    """What the app detects in samples."""
    heard = hear(app, planned, pcm)
    assert app.detector is not None  # hear refuses apps without one
    return detect(app.detector, app.labels, heard)


def score(found: Sequence[Event], said: Sequence[Event], seconds: float, *, latest_s: float = LATEST_S) -> StreamScore:
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
