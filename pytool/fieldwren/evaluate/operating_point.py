"""The detector's settings for a wanted rate of false accepts: found on one set of recordings, reported on another."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fieldwren.app import App, app_of_table
from fieldwren.datasets import Event
from fieldwren.detector import DetectorConfig
from fieldwren.errors import BadInputError
from fieldwren.evaluate.streams import Heard, detect, score
from fieldwren.files import written_whole

_THRESHOLDS = tuple(float(t) for t in np.round(np.arange(0.30, 0.995, 0.02), 2))
_SMOOTHING_FACTORS = (0.5, 1.0, 2.0)
_REFRACTORY_FACTORS = (0.5, 1.0, 2.0)
_NEAR = 0.1


@dataclass(frozen=True)
class Point:
    """One operating point and what it gives; rates are None where there is no audio or nothing was said."""

    threshold: float
    smoothing: int  # inferences
    false_accepts_per_hour: float | None
    false_reject_rate: float | None


@dataclass(frozen=True)
class Material:
    """What the network said over a recording, and what was said in it."""

    heard: Heard
    events: tuple[Event, ...]


def figure(config: DetectorConfig, labels: Sequence[str], material: Sequence[Material]) -> Point:
    """False accepts an hour and false rejects of these settings over all of `material`."""
    scores = [score(detect(config, labels, part.heard), part.events, part.heard.seconds) for part in material]
    hours = sum(part.seconds for part in scores) / 3600
    expected = sum(part.expected for part in scores)
    return Point(
        max(config.thresholds),
        config.smoothing,
        sum(part.false_accepts for part in scores) / hours if hours else None,
        1 - sum(part.detected for part in scores) / expected if expected else None,
    )


def curve(config: DetectorConfig, labels: Sequence[str], material: Sequence[Material]) -> list[Point]:
    """The detection error trade-off: one point a threshold, from low to high."""
    return [figure(at(config, threshold, config.smoothing), labels, material) for threshold in _THRESHOLDS]


def tune(
    config: DetectorConfig, labels: Sequence[str], material: Sequence[Material], false_accepts_per_hour: float
) -> DetectorConfig:
    """The settings with the fewest false rejects among those with at most `false_accepts_per_hour` on `material`.

    Threshold and smoothing are searched, then refractory time and the thresholds around the one found; of equals the
    higher threshold is taken (it is the safer one), and where nothing reaches the wanted rate, what comes closest.
    Release stays.
    """

    def best(candidates: Sequence[DetectorConfig]) -> DetectorConfig:
        points = [figure(candidate, labels, material) for candidate in candidates]

        def cost(index: int) -> tuple[float, float, float, bool]:
            rate = points[index].false_accepts_per_hour or 0.0
            excess = max(0.0, rate - false_accepts_per_hour)
            is_other = candidates[index].refractory_ms != config.refractory_ms
            return excess, points[index].false_reject_rate or 0.0, -points[index].threshold, is_other

        return candidates[min(range(len(candidates)), key=cost)]

    smoothed = best(list(_candidates(config)))
    near = [threshold for threshold in _THRESHOLDS if abs(threshold - max(smoothed.thresholds)) < _NEAR]
    times = sorted({round(config.refractory_ms * factor) for factor in _REFRACTORY_FACTORS})
    return best(
        [replace(at(smoothed, threshold, smoothed.smoothing), refractory_ms=t) for t in times for threshold in near]
    )


def _candidates(config: DetectorConfig) -> Iterator[DetectorConfig]:
    for smoothing in sorted({max(1, round(config.smoothing * factor)) for factor in _SMOOTHING_FACTORS}):
        for threshold in _THRESHOLDS:
            yield at(config, threshold, smoothing)


def at(config: DetectorConfig, threshold: float, smoothing: int) -> DetectorConfig:
    """`config` with one threshold for all classes; the share of inferences before anything is reported stays."""
    minimum = max(1, min(smoothing, round(config.minimum_count * smoothing / config.smoothing)))
    return replace(
        config,
        thresholds=(threshold,) * config.class_count,
        smoothing=smoothing,
        minimum_count=minimum,
    )


def save(app: App, config: DetectorConfig, stride_ms: float) -> None:
    """Writes threshold, smoothing and refractory time into the app's manifest; all else there, comments too, stays as it is."""
    path = app.manifest_path
    text = path.read_text(encoding="utf-8")
    values = {
        "threshold": f"{config.thresholds[0]:g}",
        "smoothing_ms": f"{config.smoothing * stride_ms:g}",
        "minimum_count": str(config.minimum_count),
        "refractory_ms": str(config.refractory_ms),
    }
    for key, value in values.items():
        text = _set(text, "detector", key, value)
    app_of_table(tomllib.loads(text), path, text)  # never write what could not be read again
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _set(text: str, table: str, key: str, value: str) -> str:
    """`text` with `key = value` in `[table]`, in place of what was there."""
    header = re.compile(rf"^\s*\[\s*{table}\s*\]\s*(#.*)?$", re.MULTILINE)
    found = header.search(text)
    if found is None:
        return f"{text.rstrip()}\n\n[{table}]\n{key} = {value}\n"
    start = found.end()
    following = re.compile(r"^\s*\[", re.MULTILINE).search(text, start)
    end = following.start() if following else len(text)
    body, count = re.subn(
        rf"^(\s*{key}\s*=\s*)[^#\n]*?(\s*(?:#.*)?)$", rf"\g<1>{value}\g<2>", text[start:end], flags=re.MULTILINE
    )
    if not count:
        body = f"\n{key} = {value}{body}"
    return text[:start] + body + text[end:]


def check_tunable(app: App, path: Path) -> None:
    """Raises BadInputError when the manifest has thresholds of single labels, which a common one would undo."""
    if app.detector.thresholds:
        raise BadInputError(
            f"{app.where('detector', 'thresholds')}: single labels have thresholds of their own: remove them, "
            f"or evaluate on {path} without --tune"
        )
