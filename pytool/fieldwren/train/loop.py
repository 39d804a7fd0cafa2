"""The epochs of a training: an order of its own for each, drawn from the seed, and a checkpoint behind each.

A loop of our own, because Keras's, when it is to be deterministic, takes twice the time for networks as small as these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.train.checkpoint import Checkpoint, Epoch

Step = Callable[[npt.NDArray[np.int64], np.random.Generator], npt.NDArray[np.floating]]
"""Trains on the examples of these numbers; gives loss, and accuracy where there is one."""


def run(
    step: Step,
    variables: Sequence[Any],
    *,
    examples: int,
    batch_size: int,
    epochs: int,
    seed: int,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[str], None] | None = None,
    tick: Callable[[float], None] | None = None,
) -> list[Epoch]:
    """Calls `step` for every batch of `epochs` epochs. `variables` are all that `step` changes.

    What a `checkpoint` holds is taken up, and every epoch is stored there: the bits are those of one uninterrupted run.
    The beginning of an epoch's order fills up its last batch. `tick` is told the share that is done. Returns all epochs.
    """
    size = min(batch_size, examples)
    steps = steps_of(examples, batch_size)
    history = [] if checkpoint is None else checkpoint.restore(variables)
    for epoch in range(len(history), epochs):
        order = np.resize(np.random.default_rng([seed, epoch]).permutation(examples), (steps, size))
        sums: list[npt.NDArray[np.floating]] = []
        for number, chosen in enumerate(order):
            sums.append(step(chosen, np.random.default_rng([seed, epoch, number])))
            if tick is not None:
                tick((epoch + (number + 1) / steps) / epochs)
        means = np.stack(sums).astype(np.float64).sum(axis=0) / steps
        history.append(Epoch(*means.tolist()))
        if checkpoint is not None:
            checkpoint.save(variables, history)
        if progress is not None:
            progress(f"epoch {epoch + 1}/{epochs}: {_shown(history[-1])}")
    return history


def steps_of(examples: int, batch_size: int) -> int:
    """Batches in an epoch."""
    return -(-examples // min(batch_size, examples))


def _shown(epoch: Epoch) -> str:
    return f"loss {epoch.loss:.4f}" + ("" if epoch.accuracy is None else f" accuracy {epoch.accuracy:.4f}")
