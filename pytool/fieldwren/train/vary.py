"""Changes of examples while a model is trained: SpecAugment, Freq-MixStyle against the colour of a microphone, mixup.

The first two work on a batch [n, frames, values, 1] (or without the last axis) and draw everything from the generator given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Variation:
    """Which share of the examples is changed, and by how much at most."""

    spec_augment: float = 0.0  # share of examples with a masked span of frames and of values
    freq_mixstyle: float = 0.0  # share of examples that take on another example's level and spread in each band
    masked_frames: float = 0.15  # of all frames
    masked_values: float = 0.2
    mix_alpha: float = 0.4  # of the Beta distribution that draws how much of the own style stays

    @property
    def does_something(self) -> bool:
        """Whether any example is ever changed."""
        return self.spec_augment > 0 or self.freq_mixstyle > 0

    def __call__(self, batch: Float, rng: np.random.Generator) -> Float:
        """A changed copy of `batch`."""
        changed = batch.copy()
        if self.freq_mixstyle > 0:
            changed = freq_mixstyle(changed, self.freq_mixstyle, self.mix_alpha, rng)
        if self.spec_augment > 0:
            mask_spans(changed, self.spec_augment, self.masked_frames, self.masked_values, rng)
        return changed


def mask_spans(batch: Float, share: float, frames: float, values: float, rng: np.random.Generator) -> None:
    """SpecAugment (arXiv 1904.08779) in place: a span of frames and one of values become the example's mean value."""
    for example in batch:
        if rng.random() >= share:
            continue
        for axis, most in ((0, frames), (1, values)):
            length = int(rng.integers(0, round(most * example.shape[axis]) + 1))
            start = int(rng.integers(0, example.shape[axis] - length + 1))
            span = [slice(None)] * example.ndim
            span[axis] = slice(start, start + length)
            example[tuple(span)] = example.mean()


def freq_mixstyle(batch: Float, share: float, alpha: float, rng: np.random.Generator) -> Float:
    """Freq-MixStyle (arXiv 2206.12513): each band's mean and deviation over time become a mixture with another example's.

    MixStyle (arXiv 2104.02008) with the statistics of frequency bands instead of channels.
    """
    mean = batch.mean(axis=1, keepdims=True)
    deviation = batch.std(axis=1, keepdims=True) + 1e-6
    other = rng.permutation(len(batch))
    shape = (len(batch), *[1] * (batch.ndim - 1))
    own = rng.beta(alpha, alpha, shape)
    own = np.where(rng.random(shape) < share, own, 1.0)
    mixed_mean = own * mean + (1 - own) * mean[other]
    mixed_deviation = own * deviation + (1 - own) * deviation[other]
    mixed: Float = ((batch - mean) / deviation * mixed_deviation + mixed_mean).astype(np.float32)
    return mixed


def mixup(parts: Sequence[Float], alpha: float, rng: np.random.Generator) -> list[Float]:
    """Each example with a smaller share of another one, in all `parts` [n, …] alike: inputs, targets, weights (arXiv 1710.09412).

    The shares are drawn from Beta(alpha, alpha), one for every example, and the larger one is its own.
    """
    count = len(parts[0])
    other = rng.permutation(count)
    share = rng.beta(alpha, alpha, count).astype(np.float32)
    share = np.maximum(share, 1 - share)

    def mixed(values: Float) -> Float:
        own = share.reshape((count,) + (1,) * (values.ndim - 1))
        return own * values + (1 - own) * values[other]

    return [mixed(values) for values in parts]
