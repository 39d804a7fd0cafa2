"""The state of a training after its last whole epoch, in one file that is replaced as a whole."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fieldwren.errors import BadInputError
from fieldwren.files import written_whole


@dataclass(frozen=True)
class Epoch:
    """Means over the batches of one epoch, in training mode; `accuracy` is of classifiers."""

    loss: float
    accuracy: float | None = None


@dataclass(frozen=True)
class Checkpoint:
    """`path` holds every variable of network, optimiser and random generators, the epochs so far, and `fingerprint`.

    `fingerprint` says what is trained (recipe, seed, data, versions): what was made by another training is not taken up.
    """

    path: Path
    fingerprint: str

    def save(self, variables: Sequence[Any], history: Sequence[Epoch]) -> None:
        """Replaces what `path` holds; a crash leaves the old or the new."""
        arrays = {f"v{number}": np.asarray(variable) for number, variable in enumerate(variables)}
        epochs = json.dumps([asdict(epoch) for epoch in history])
        with written_whole(self.path) as temporary, temporary.open("wb") as file:
            np.savez(
                file, allow_pickle=False, fingerprint=np.array(self.fingerprint), history=np.array(epochs), **arrays
            )

    def restore(self, variables: Sequence[Any]) -> list[Epoch]:
        """Assigns what is stored to `variables` and returns the epochs done; nothing, and [], where there is no file.

        Raises BadInputError for a file that cannot be read, or is another training's.
        """
        if not self.path.is_file():
            return []
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                if str(stored["fingerprint"]) != self.fingerprint:
                    raise BadInputError(
                        f"{self.path}: is of a training with another recipe, seed, data or version: train without --resume"
                    )
                arrays = [stored[f"v{number}"] for number in range(len(variables))]
                history = [Epoch(**epoch) for epoch in json.loads(str(stored["history"]))]
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise BadInputError(f"{self.path}: cannot be read: train without --resume") from error
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
        return history
