"""Batch normalisation folded into the layer before it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]


def folded(kernel: npt.ArrayLike, norm: Any) -> tuple[Float, Float]:
    """(`kernel` with the last axis scaled, bias) that do what kernel and Keras's BatchNormalization `norm` do."""
    gain = np.asarray(norm.gamma) / np.sqrt(np.asarray(norm.moving_variance) + norm.epsilon)
    bias = np.asarray(norm.beta) - np.asarray(norm.moving_mean) * gain
    return (np.asarray(kernel) * gain).astype(np.float32), bias.astype(np.float32)
