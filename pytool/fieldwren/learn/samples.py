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
        rows = [interpreter.invoke([window.reshape(port.shape)])[0].ravel() for window in part.inputs]
        made.append(Samples(part.group, np.array(rows, np.int8), part.labels))
    return made
