"""`conv4`, the network of few-shot learning, and distorted drawings to train it with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]
_ELASTIC_POINTS = 4
"""A side of the grid of random shifts that a drawing is bent with."""


@dataclass(frozen=True)
class Distortion:
    """Standard deviations: of a rotation in radians, of the logarithms of size and aspect, of shear, of shifts and bends
    as shares of the frame's side."""

    rotation: float = 0.17
    size: float = 0.15
    aspect: float = 0.1
    shear: float = 0.15
    shift: float = 0.045
    bend: float = 0.021


def conv4(
    size: int, classes: int, *, filters: Sequence[int] = (32, 32, 32, 64), dropout: float = 0.2
) -> tuple[Any, Any]:
    """(whole model, model up to the embedding) for images [size, size, 1] of ink, 0 to 1.

    Four blocks of 3×3 convolution, batch normalisation and ReLU, the first three halved by max pooling ("Matching
    Networks", arXiv 1606.04080); average pooling over what is left gives the embedding, behind it one fully connected
    layer and softmax.
    """
    import keras
    from keras import layers

    inputs = keras.Input((size, size, 1), name="image")
    x = inputs
    for number, count in enumerate(filters):
        x = layers.Conv2D(count, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        if number < len(filters) - 1:
            x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(layers.AveragePooling2D(tuple(x.shape[1:3]))(x))
    outputs = layers.Dense(classes, activation="softmax", name="classifier")(layers.Dropout(dropout)(x))
    return keras.Model(inputs, outputs, name="conv4"), keras.Model(inputs, x, name="embedding")


def distorted(drawings: Float, how: Distortion, rng: np.random.Generator) -> Float:
    """[n, side, side]: each drawing rotated, sheared, scaled, shifted and bent a little."""
    count, side = len(drawings), drawings.shape[1]
    angle, shear = rng.normal(0, how.rotation, count), rng.normal(0, how.shear, count)
    across = np.exp(rng.normal(0, how.size, count))
    down = across * np.exp(rng.normal(0, how.aspect, count))
    cosine, sine = np.cos(angle), np.sin(angle)
    zero = np.zeros(count)
    turn = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
    scale = np.stack([np.stack([1 / down, shear], -1), np.stack([zero, 1 / across], -1)], -2)
    axis = np.arange(side) - (side - 1) / 2
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)
    places = np.einsum("nij,pj->npi", turn @ scale, grid) + rng.normal(0, how.shift * side, (count, 1, 2))
    places += _bends(count, side, how.bend * side, rng) + (side - 1) / 2
    return _interpolated(drawings, np.clip(places, 0, side - 1.001))


def _bends(count: int, side: int, deviation: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Smooth shifts [count, side * side, 2]: random ones on a coarse grid, linear between its points."""
    coarse = rng.normal(0, deviation, (count, 2, _ELASTIC_POINTS, _ELASTIC_POINTS))
    at = np.linspace(0, _ELASTIC_POINTS - 1, side)
    lower = np.minimum(at.astype(np.int64), _ELASTIC_POINTS - 2)
    weights = np.zeros((side, _ELASTIC_POINTS))
    weights[np.arange(side), lower] = 1 - (at - lower)
    weights[np.arange(side), lower + 1] = at - lower
    fine = np.einsum("ai,ncij,bj->ncab", weights, coarse, weights)
    field: npt.NDArray[np.float64] = fine.reshape(count, 2, -1).transpose(0, 2, 1)
    return field


def _interpolated(drawings: Float, places: npt.NDArray[np.float64]) -> Float:
    corner = places.astype(np.int64)
    share = places - corner
    which = np.arange(len(drawings))[:, None]
    y, x = corner[..., 0], corner[..., 1]
    below, right = share[..., 0], share[..., 1]
    values = (
        drawings[which, y, x] * (1 - below) * (1 - right)
        + drawings[which, y + 1, x] * below * (1 - right)
        + drawings[which, y, x + 1] * (1 - below) * right
        + drawings[which, y + 1, x + 1] * below * right
    )
    return values.reshape(drawings.shape).astype(np.float32)


def halved(drawings: Float) -> Float:
    """[n, side / 2, side / 2]: the mean of every 2×2 pixels."""
    count, side = len(drawings), drawings.shape[1] // 2
    smaller: Float = drawings.reshape(count, side, 2, side, 2).mean(axis=(2, 4), dtype=np.float32)
    return smaller
