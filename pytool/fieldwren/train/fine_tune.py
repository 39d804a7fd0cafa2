"""Fine-tuning with quantised weights: the network learns around the rounding that its weights will meet."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from fieldwren.train.keras_models import leaves

EPOCHS = 3
LEARNING_RATE = 1e-3
BATCH_SIZE = 32


def fine_tune(
    model: Any,
    inputs: npt.NDArray[np.float32],
    labels: npt.NDArray[np.int64] | None,
    *,
    from_logits: bool = False,
    seed: int = 0,
) -> None:
    """Trains `model` in place; every step sees the weights as int8, its gradient goes to the float ones.

    The straight-through estimator (arXiv 1308.3432) on weights rounded as they are stored (arXiv 1712.05877): per output
    channel, those of fully connected layers with one scale (`quantise.quantised`).
    Batch normalisation keeps its statistics, for the converter folds it.
    """
    assert labels is not None
    optimiser = keras.optimizers.Adam(LEARNING_RATE)
    layers = [layer for layer in leaves(model) if getattr(layer, "kernel", None) is not None]
    kernels = [layer.kernel for layer in layers]
    per_tensor = [isinstance(layer, keras.layers.Dense) for layer in layers]
    variables = model.trainable_variables
    one_output = model.output_shape[-1] == 1
    kind = keras.losses.BinaryCrossentropy if one_output else keras.losses.SparseCategoricalCrossentropy
    loss_of = kind(from_logits=from_logits)
    rng = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        order = rng.permutation(len(inputs))
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            kept = [tf.identity(kernel.value) for kernel in kernels]
            for kernel, is_whole in zip(kernels, per_tensor, strict=True):
                kernel.assign(_as_int8(kernel.value, per_tensor=is_whole))
            with tf.GradientTape() as tape:
                outputs = model(inputs[batch], training=False)
                loss = loss_of(labels[batch].reshape(-1, 1), outputs)
            gradients = tape.gradient(loss, [variable.value for variable in variables])
            for kernel, value in zip(kernels, kept, strict=True):
                kernel.assign(value)
            optimiser.apply(gradients, variables)


def _as_int8(kernel: Any, *, per_tensor: bool) -> Any:
    """Rounded to 127 steps on each side of zero, with one scale for all or for each output channel (the last axis)."""
    axes = None if per_tensor else list(range(len(kernel.shape) - 1))
    largest = tf.reduce_max(tf.abs(kernel), axis=axes, keepdims=True)
    scale = tf.maximum(largest, 1e-12) / 127.0
    return tf.round(kernel / scale) * scale
