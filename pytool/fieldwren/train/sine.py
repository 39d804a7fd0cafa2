"""Training the sine example: a network that knows y = sin(x), on features from which any sine of x can be made.

There is no data set: the rows are computed. What makes the last layer quick to teach is what the layers before it are
trained for: every feature is a sine of x of its own phase (a few of twice the frequency), so that another amplitude,
phase or offset is another weighted sum of the same features, and their covariance has few, equal directions, in which
gradient descent converges at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fieldwren.features import SensorFrontEnd, row_windows

Float = npt.NDArray[np.float32]

INPUT, OUTPUT = "x", "y"
_PEAK = 0.8
"""Of a feature: where tanh is still steep."""


@dataclass(frozen=True)
class SineData:
    """Model inputs [n, 1] and y [n, 1] for training and for measuring; `features` [n, width] the training's."""

    front_end: SensorFrontEnd
    train: tuple[Float, Float]
    test: tuple[Float, Float]
    features: Float


def features_of(x: npt.NDArray[np.float64], width: int, harmonics: int) -> Float:
    """What the last hidden layer should give for x [n]: [n, width] sines, the last `harmonics` of them of 2 x."""
    phases = np.arange(width - harmonics) * (2 * np.pi / max(1, width - harmonics))
    doubled = np.arange(harmonics) * (2 * np.pi / max(1, harmonics))
    parts = [np.sin(x[:, None] + phases), np.sin(2 * x[:, None] + doubled)]
    made: Float = (_PEAK * np.concatenate(parts, axis=1)).astype(np.float32)
    return made


def data(
    examples: int, domain: Sequence[float], row_interval_ms: float, width: int, harmonics: int, seed: int
) -> SineData:
    """x uniform over `domain`; the front end brings it to -1 … 1."""
    low, high = domain
    front_end = SensorFrontEnd(
        channels=(INPUT,),
        row_interval_ms=row_interval_ms,
        offset=((low + high) / 2,),
        scale=((high - low) / 2,),
        clip=(-1.0, 1.0),
    )
    rng = np.random.default_rng([seed, 1])

    def rows(count: int) -> tuple[Float, Float, npt.NDArray[np.float64]]:
        x = rng.uniform(low, high, count)
        inputs = row_windows(front_end, x[:, None]).inputs.reshape(count, 1)
        return inputs, np.sin(x)[:, None].astype(np.float32), x

    train_inputs, train_y, x = rows(examples)
    test_inputs, test_y, _ = rows(max(1000, examples // 10))
    return SineData(front_end, (train_inputs, train_y), (test_inputs, test_y), features_of(x, width, harmonics))


def r_squared(values: npt.NDArray[np.floating], wanted: npt.NDArray[np.floating]) -> float:
    """1 - residual / total sum of squares."""
    residual = np.sum(np.square(wanted.astype(np.float64) - values))
    return float(1 - residual / np.sum(np.square(wanted - wanted.mean(axis=0), dtype=np.float64)))


def rmse(values: npt.NDArray[np.floating], wanted: npt.NDArray[np.floating]) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean(np.square(wanted.astype(np.float64) - values))))
