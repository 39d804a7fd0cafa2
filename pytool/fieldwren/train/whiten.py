"""Whitens the embedding of a trained network, so that what is taught later in few examples generalises.

The features that a classifier's last layer sees vary together with the speaker, the level, the place in the window. A
1×1 convolution W behind the pooling takes that out: within each class the features are then uncorrelated and vary alike
(within-class covariance normalisation, Hatch et al., Interspeech 2006), and a step of gradient descent on the last layer
goes where the classes differ. The network's answers stay the same, for the last layer's weights V become V W⁻¹.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from fieldwren.train.all_words import embedding_of

Float = npt.NDArray[np.float32]
Int = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]

SHRINKAGE = 0.3  # towards as much variance in all directions, against what few examples make up
EXAMPLES = 10_000
NAME = "whitening"


def whitened(model: keras.Model, inputs: Float, groups: Int, seed: int = 0) -> keras.Model:
    """`model` with the layer, from the covariance within `groups` [n] of its embedding of `inputs` [n, *shape].

    Examples of a negative group are left out; EXAMPLES of the others are drawn.
    """
    usable = np.flatnonzero(groups >= 0)
    chosen = np.sort(np.random.default_rng([seed, 5]).permutation(usable)[:EXAMPLES])
    embed = keras.Model(model.input, embedding_of(model))
    embedding = np.asarray(embed.predict(inputs[chosen], batch_size=512, verbose=0), np.float64)
    return with_layer(model, *transform_of(embedding, groups[chosen]))


def transform_of(embedding: Real, groups: Int) -> tuple[Real, Real]:
    """(mean [features], W [features, features]) for `embedding` [n, features]; z = (e − mean) W has unit covariance.

    W is the symmetric inverse root of the shrunk within-group covariance, which changes the features the least of all.
    """
    mean = embedding.mean(axis=0)
    within = embedding.copy()
    for group in np.unique(groups):
        within[groups == group] -= embedding[groups == group].mean(axis=0)
    covariance = within.T @ within / len(within)
    features = len(mean)
    floor = max(float(np.trace(covariance)) / features, 1e-12)
    shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * floor * np.eye(features)
    values, vectors = np.linalg.eigh(shrunk)
    return mean, (vectors / np.sqrt(values)) @ vectors.T


def with_layer(model: keras.Model, mean: Real, transform: Real) -> keras.Model:
    """`model` with z = (e − mean) · transform before its last layer, and the last layer made to answer as before."""
    last = model.layers[-1]
    kernel, bias = (np.asarray(weights, np.float64) for weights in last.get_weights())
    features = len(mean)
    whitening = keras.layers.Conv2D(features, 1, name=NAME)
    x = keras.layers.Flatten()(whitening(_pooled(model)))
    head = keras.layers.Dense(kernel.shape[1], activation=last.activation, name=last.name)
    made = keras.Model(model.input, head(x), name=model.name)
    whitening.set_weights([transform.reshape(1, 1, features, features), -mean @ transform])
    head.set_weights([np.linalg.solve(transform, kernel), bias + mean @ kernel])
    return made


def _pooled(model: keras.Model) -> Any:
    """The embedding as a map of one pixel [n, 1, 1, features]."""
    for layer in reversed(model.layers[:-1]):
        if isinstance(layer, keras.layers.Flatten) and tuple(layer.input.shape[1:3]) == (1, 1):
            return layer.input
        if not isinstance(layer, keras.layers.Dropout):
            break
    tensor = embedding_of(model)
    return keras.layers.Reshape((1, 1, tensor.shape[1]))(tensor)


def untrained(model: keras.Model) -> keras.Model:
    """`model` as large as it will be with the layer, which changes nothing yet: for a budget."""
    features = int(embedding_of(model).shape[1])
    return with_layer(model, np.zeros(features), np.eye(features))
