"""What an app's backbone makes of labelled samples of people or places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldwren.app_model import AppModel
from fieldwren.core import PORTABLE
from fieldwren.datasets import load_labelled
from fieldwren.learn.adapters import AdaptedLayer, active_shares, adapted_rows, before_site
from fieldwren.learn.cut import Cut
from fieldwren.learn.factory import Embeddings
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.runtime import Interpreter


@dataclass(frozen=True)
class Samples:
    """Embeddings [n, features] of one group (a speaker, a room) and their labels.

    For a backbone with adapters also `shares`, how much of each feature was active, and `layer_inputs`, what the adapted
    layer was given.
    """

    group: str
    embeddings: Embeddings
    labels: NDArray[np.str_]
    shares: NDArray[np.uint8] | None = None
    layer_inputs: Embeddings | None = None

    @property
    def rows(self) -> Embeddings:
        """What a learner is taught: embeddings, with adapters followed by their shares."""
        if self.shares is None:
            return self.embeddings
        return adapted_rows(self.embeddings, self.shares)


def load_samples(
    model: AppModel, made: Cut, folder: Path, metadata: Mapping[str, bytes], only: Sequence[str] = ()
) -> list[Samples]:
    """Every group below `folder`, sorted; with `only` those alone. Files and errors as in `datasets.load_labelled`."""
    site = made.site
    trunk = made.backbone if site is None else before_site(made.backbone, site)
    layer = None if site is None else AdaptedLayer(made.backbone, site)
    interpreter = Interpreter(plan(lower(trunk, PORTABLE)))
    port = interpreter.plan.program.inputs[0]
    groups = []
    for part in load_labelled(model, port, folder, metadata, only):
        steps = 1 if part.steps is None else part.steps.count
        outputs = np.array([_invoked(interpreter, window, steps) for window in part.inputs], np.int8)
        if layer is None:
            groups.append(Samples(part.group, outputs.reshape(len(outputs), -1), part.labels))
            continue
        embeddings, maps = layer.run(outputs)
        shares = active_shares(layer.site, embeddings, maps)
        groups.append(Samples(part.group, embeddings, part.labels, shares, outputs))
    return groups


def _invoked(interpreter: Interpreter, window: NDArray[np.int8], steps: int) -> NDArray[np.int8]:
    """What comes of a window; a model with a state sees it step by step, and what it makes of the last one counts."""
    shape = interpreter.plan.program.inputs[0].shape
    interpreter.reset()
    outputs = [interpreter.invoke([step.reshape(shape)])[0] for step in window.reshape(steps, -1)]
    last: NDArray[np.int8] = outputs[-1]
    return last
