"""A small spectrogram transformer as a teacher, pre-trained without labels on masked patches.

Patches of time × coefficient are embedded, get a learnt place, and pass through pre-norm attention blocks (the audio
spectrogram transformer, arXiv 2104.01778). Before it sees a label it learns to restore patches that were
taken away (arXiv 2203.16691's generative task): half of them, from the rest. A quarter of a million parameters: a
teacher for a laptop, not for a device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import layers, ops

from fieldwren.train import recipe
from fieldwren.train.checkpoint import Checkpoint

Float = npt.NDArray[np.float32]
MASKED_SHARE = 0.5


@keras.saving.register_keras_serializable("fieldwren")
class Places(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """Adds a learnt vector to each of a fixed number of patches [batch, patches, width]."""

    def build(self, input_shape: Any) -> None:
        """One vector a patch."""
        self.places = self.add_weight(
            name="places", shape=tuple(input_shape[1:]), initializer=keras.initializers.RandomNormal(stddev=0.02)
        )

    def call(self, inputs: Any) -> Any:
        """The sum."""
        return inputs + self.places


def patch_of(frames: int, coefficients: int) -> tuple[int, int]:
    """Frames and coefficients of a patch, about 7 × 5: of what divides the map, the nearest."""

    def nearest(size: int, wanted: int) -> int:
        divisors = [n for n in range(1, size + 1) if size % n == 0]
        return min(divisors, key=lambda n: abs(n - wanted))

    return nearest(frames, 7), nearest(coefficients, 5)


def transformer(
    frames: int,
    coefficients: int,
    classes: int,
    *,
    width: int = 64,
    blocks: int = 3,
    heads: int = 4,
    dropout: float = 0.1,
) -> keras.Model:
    """For features [frames, coefficients, 1]; the layer `encoded` gives [patches, width]."""
    patch = patch_of(frames, coefficients)
    inputs = keras.Input((frames, coefficients, 1), name="features")
    x = layers.Normalization(axis=2, name="scaled")(inputs)
    x = layers.Conv2D(width, patch, strides=patch, name="patches")(x)
    x = Places(name="places")(layers.Reshape((-1, width))(x))
    for _ in range(blocks):
        y = layers.LayerNormalization()(x)
        y = layers.MultiHeadAttention(heads, width // heads, dropout=dropout)(y, y)
        x = layers.Add()([x, y])
        y = layers.Dense(2 * width, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dropout(dropout)(layers.Dense(width)(y))])
    x = layers.LayerNormalization(name="encoded")(x)
    x = layers.Dropout(dropout)(layers.GlobalAveragePooling1D()(x))
    outputs = layers.Dense(classes, activation="softmax", name="classifier")(x)
    return keras.Model(inputs, outputs, name="transformer")


def adapt(model: keras.Model, inputs: Float) -> None:
    """Sets mean and variance of every coefficient from `inputs` [n, frames, coefficients, 1]."""
    model.get_layer("scaled").adapt(inputs)


def patches_of(inputs: Any, patch: Sequence[int]) -> Any:
    """[n, patches, values] of [n, frames, coefficients, 1], in the order of the model's patches."""
    n, frames, coefficients = (int(size) for size in inputs.shape[:3])
    rows, columns = frames // patch[0], coefficients // patch[1]
    cut = ops.reshape(inputs, (n, rows, patch[0], columns, patch[1]))
    return ops.reshape(ops.transpose(cut, (0, 1, 3, 2, 4)), (n, rows * columns, patch[0] * patch[1]))


def pretrain(
    model: keras.Model,
    inputs: Float,
    *,
    epochs: int,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> list[float]:
    """Teaches the blocks of `model`, in place, to restore masked patches; the mean squared error of every epoch.

    A masked patch is all the mean, which is zero after the scaling; the error counts in masked patches alone, in units of the
    features' variance. The layer that restores is thrown away.
    """
    patch = tuple(int(n) for n in model.get_layer("patches").kernel_size)
    scaled = model.get_layer("scaled")
    encoder = keras.Model(scaled.output, model.get_layer("encoded").output)
    restore = layers.Dense(patch[0] * patch[1])
    restore.build(encoder.output.shape)
    count = int(encoder.output.shape[1])
    variables = [*encoder.trainable_variables, *restore.trainable_variables]
    size = min(batch_size, len(inputs))
    steps = len(inputs) // size
    optimiser = keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(learning_rate, max(1, epochs * steps)))
    optimiser.build(variables)
    columns = int(model.input_shape[2]) // patch[1]

    @tf.function  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def step(batch: Any, masked: Any) -> Any:
        features = scaled(batch)
        hidden = ops.reshape(masked, (size, count // columns, columns, 1))
        hidden = ops.repeat(ops.repeat(hidden, patch[0], 1), patch[1], 2)
        with tf.GradientTape() as tape:
            made = restore(encoder(features * (1 - hidden), training=True))
            errors = ops.mean(ops.square(made - patches_of(features, patch)), axis=-1)
            loss = ops.sum(errors * masked) / ops.sum(masked)
        optimiser.apply(tape.gradient(loss, variables), variables)
        return loss

    history = []
    for epoch in range(epochs):
        rng = np.random.default_rng([seed, 3, epoch])
        order = rng.permutation(len(inputs))[: steps * size].reshape(steps, size)
        total = 0.0
        for chosen in order:
            ranks = np.argsort(rng.random((size, count)), axis=1)
            masked = (ranks < round(MASKED_SHARE * count)).astype(np.float32)
            total += float(step(inputs[chosen], masked))
        history.append(total / steps)
        if progress is not None:
            progress(f"teacher, masked patches, epoch {epoch + 1}/{epochs}: error {history[-1]:.4f}")
    return history


def taught_transformer(
    settings: recipe.Teacher,
    inputs: Float,
    labels: npt.NDArray[np.int64],
    classes: int,
    *,
    weights: Float | None = None,
    checkpoint: Checkpoint | None = None,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> keras.Model:
    """A transformer of the recipe's size, pre-trained on `inputs` [n, frames, coefficients, 1] and then on the labels too."""
    from fieldwren.train import fit

    say = progress or (lambda line: None)
    model = transformer(
        inputs.shape[1], inputs.shape[2], classes, width=settings.width, blocks=settings.blocks, heads=settings.heads
    )
    adapt(model, inputs)
    pretrain(model, inputs, epochs=settings.pretrain_epochs, seed=seed, progress=say)
    fit.fit(
        model,
        inputs,
        labels,
        classes,
        fit.Optimisation(settings.epochs, 64, 1e-3, 1e-2),
        weights=weights,
        checkpoint=checkpoint,
        seed=seed,
        progress=lambda line: say(f"teacher, {line}"),
    )
    return model
