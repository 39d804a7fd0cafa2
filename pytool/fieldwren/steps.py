"""Models with a state that were trained on windows: how a window is fed to them, and what their answer to it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

STEPS_KEY = "fieldwren.steps"
"""Metadata of such a model: the fields of `Steps` as JSON."""

_LEAST = 1e-4


@dataclass(frozen=True)
class Steps:
    """A window is `count` steps of `frames` frames; frames that are over at its front are left out.

    `answer` is what the answer to the window is made of: the output of the last step, or the events in all of them.
    """

    count: int
    frames: int
    answer: Literal["last", "events"]

    @property
    def window_frames(self) -> int:
        """Frames of all steps."""
        return self.count * self.frames

    def to_json(self) -> str:
        """What is stored under STEPS_KEY."""
        return json.dumps(asdict(self), sort_keys=True)

    def answered(self, posteriors: Any) -> Any:
        """[…, classes] of the outputs of all steps […, steps, classes]."""
        return posteriors[..., -1, :] if self.answer == "last" else events_pooling(posteriors)


def steps_in(metadata: Mapping[str, bytes]) -> Steps | None:
    """What a model's metadata say; None where they say nothing of the kind."""
    try:
        fields = json.loads(metadata[STEPS_KEY])
        made = Steps(int(fields["count"]), int(fields["frames"]), "events" if fields["answer"] == "events" else "last")
    except (KeyError, ValueError, TypeError):
        return None
    return made if 0 < made.count <= 65535 and 0 < made.frames <= 4096 else None


def events_pooling(posteriors: Any, xp: Any = np) -> Any:
    """[…, classes] of frame-wise [..., frames, classes]; class 0 is the background. `xp` is numpy or keras.ops.

    Linear softmax pooling (arXiv 1810.09050) for each event: Σ p² / Σ p, near its largest value; what the events leave is
    the background's.
    """
    events = posteriors[..., 1:]
    pooled = xp.sum(events * events, -2) / (xp.sum(events, -2) + _LEAST)
    rest = xp.maximum(1 - xp.sum(pooled, -1, keepdims=True), _LEAST)
    made = xp.concatenate([rest, pooled], -1)
    return made / xp.sum(made, -1, keepdims=True)
