"""Figures of models that answer frame by frame: when events begin and end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fieldwren.datasets import Event
from fieldwren.detector import Q15_ONE
from fieldwren.evaluate.events import event_figures, psds, runs_above
from fieldwren.evaluate.operating_point import Material

_THRESHOLDS = tuple(float(t) for t in np.round(np.arange(0.02, 1.0, 0.02), 2))


@dataclass(frozen=True)
class FrameFigures:
    """F1 of events with collars (200 ms; offset also half the length) at `threshold`, and PSDS (see events)."""

    event_f1: float | None
    psds: float
    threshold: float


def frame_figures(
    labels: Sequence[str], background: Sequence[bool], material: Sequence[Material], threshold: float
) -> FrameFigures | None:
    """Of recordings whose posteriors are frame by frame; None where nothing is said in any of them."""
    expected = {str(number): part.events for number, part in enumerate(material)}
    if not any(expected.values()):
        return None
    classes = [label for label, is_background in zip(labels, background, strict=True) if not is_background]

    def found(at: float) -> dict[str, list[Event]]:
        made: dict[str, list[Event]] = {}
        for number, part in enumerate(material):
            times_s = part.heard.times_ms / 1000
            step_s = float(times_s[1] - times_s[0]) if len(times_s) > 1 else 0.0
            made[str(number)] = [
                event
                for place, label in enumerate(labels)
                if label in classes
                for event in runs_above(part.heard.posteriors[:, place] / Q15_ONE, times_s, at, step_s, label)
            ]
        return made

    seconds = sum(part.heard.seconds for part in material)
    score = psds(expected, [found(at) for at in _THRESHOLDS], classes, seconds)
    return FrameFigures(event_figures(expected, found(threshold)).f1, score, threshold)
