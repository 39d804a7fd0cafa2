"""What an app's backbone makes of labelled samples of people or places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldwren.app_model import AppModel
from fieldwren.datasets import load_labelled
from fieldwren.learn.factory import Embeddings
from fieldwren.plan import Plan
from fieldwren.runtime import Interpreter


@dataclass(frozen=True)
class Samples:
    """Embeddings [n, features] of one group (a speaker, a room) and their labels."""

    group: str
    embeddings: Embeddings
    labels: NDArray[np.str_]


def load_samples(
    model: AppModel, backbone: Plan, folder: Path, metadata: Mapping[str, bytes], only: Sequence[str] = ()
) -> list[Samples]:
    """Every group below `folder`, sorted; with `only` those alone. Files and errors as in `datasets.load_labelled`."""
    interpreter, port = Interpreter(backbone), backbone.program.inputs[0]
    made = []
    for part in load_labelled(model, port, folder, metadata, only):
        rows = []
        for window in part.inputs:
            # A model with a state sees the window step by step; what it makes of the last step is the embedding.
            interpreter.reset()
            for step in [window] if part.steps is None else window.reshape(part.steps.count, -1):
                (embedding,) = interpreter.invoke([step.reshape(port.shape)])
            rows.append(embedding.ravel())
        made.append(Samples(part.group, np.array(rows, np.int8), part.labels))
    return made
