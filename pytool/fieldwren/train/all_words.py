"""Keeps a keyword network from forgetting what it does not report: it also tells all words apart, the background's too.

A classifier trained on its labels alone maps every other word to one point, where a word that a user teaches later has
nothing to be told by. A second linear layer on the embedding, which training throws away, names every word that was
spoken, those of the background class as well (multi-task learning, Caruana 1997).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

Int = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AllWords:
    """`labels` [n] number the word in each example, −1 (NO_WORD) where no whole one is; `weight` of the loss."""

    labels: Int
    count: int
    weight: float

    def targets(self) -> npt.NDArray[np.float32]:
        """One row [count] for every label; the last one, which NO_WORD finds, is zero and gives no loss."""
        return np.concatenate([np.eye(self.count), np.zeros((1, self.count))]).astype(np.float32)

    def layer(self, features: int) -> keras.layers.Dense:
        """The layer that is thrown away after training, for an embedding of `features` values."""
        made = keras.layers.Dense(self.count)
        made.build((None, features))
        return made

    def loss(self, wanted: Any, logits: Any) -> Any:
        """weight · mean(cross-entropy of `wanted` [n, count] and the softmax of `logits`)."""
        return self.weight * tf.reduce_mean(-tf.reduce_sum(wanted * tf.nn.log_softmax(logits), axis=1))


def embedding_of(model: keras.Model) -> Any:
    """The Keras tensor [n, features] that the last layer sees; None for a network that answers frame by frame."""
    last = model.layers[-1]
    return last.input if isinstance(last, keras.layers.Dense) and len(last.input.shape) == 2 else None
