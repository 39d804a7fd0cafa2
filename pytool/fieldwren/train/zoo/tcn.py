"""Temporal convolutions over the last rows of a sensor table (arXiv 1803.01271), VALID in time and dilated."""

from __future__ import annotations

import keras
from keras import layers

from fieldwren.errors import BadInputError


def tcn(
    rows: int,
    values: int,
    classes: int,
    *,
    channels: int = 16,
    blocks: int = 3,
    kernel: int = 3,
    dropout: float = 0.1,
    momentum: float = 0.95,
) -> keras.Model:
    """For windows flattened to [rows · values], oldest row first.

    Block i looks `kernel` rows back at a distance of 2^i and adds what it saw to its input; blocks that the rows do not
    suffice for are left out. What is left of the rows is averaged. Raises BadInputError where not even one block fits.
    """
    if rows < kernel:
        raise BadInputError(f"a tcn with kernel {kernel} needs windows of {kernel} rows or more: set window_rows")
    inputs = keras.Input((rows * values,), name="readings")
    x = layers.Reshape((rows, 1, values))(inputs)
    x = layers.ReLU()(layers.BatchNormalization(momentum=momentum)(layers.Conv2D(channels, 1, use_bias=False)(x)))
    for number in range(blocks):
        reach = (kernel - 1) * 2**number
        if reach >= int(x.shape[1]):
            break
        y = layers.Conv2D(channels, (kernel, 1), dilation_rate=(2**number, 1), use_bias=False)(x)
        y = layers.ReLU()(layers.BatchNormalization(momentum=momentum)(y))
        x = layers.Add()([layers.Cropping2D(((reach, 0), (0, 0)))(x), y])
    x = layers.AveragePooling2D((int(x.shape[1]), 1))(x)
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    outputs = layers.Dense(classes, activation="softmax", name="classifier")(x)
    return keras.Model(inputs, outputs, name="tcn")
