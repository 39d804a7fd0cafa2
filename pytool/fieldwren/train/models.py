"""Network architectures; all of them end in pooling (or a dense layer), one fully connected layer and softmax.

The last fully connected layer is where the device cuts the network to keep learning, so it stays alone and small.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers


def ds_cnn(
    frames: int,
    coefficients: int,
    classes: int,
    *,
    channels: int = 64,
    blocks: int = 4,
    kernel: tuple[int, int] = (20, 4),
    strides: tuple[int, int] = (4, 2),
    dropout: float = 0.3,
    momentum: float = 0.95,
) -> keras.Model:
    """Depthwise separable CNN for keywords ("Hello Edge", arXiv 1711.07128), for MFCC [frames, coefficients, 1].

    One `kernel` convolution with `strides`, then `blocks` of depthwise 3×3 and pointwise 1×1, each with batch
    normalisation and ReLU; average pooling over the whole map gives `channels` features for the classifier.
    """

    def normalised(x: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization(momentum=momentum)(x))

    inputs = keras.Input((frames, coefficients, 1), name="features")
    x = normalised(layers.Conv2D(channels, kernel, strides=strides, padding="same", use_bias=False)(inputs))
    for _ in range(blocks):
        x = normalised(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x))
        x = normalised(layers.Conv2D(channels, 1, use_bias=False)(x))
    x = layers.AveragePooling2D(tuple(x.shape[1:3]))(x)
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    outputs = layers.Dense(classes, activation="softmax", name="classifier")(x)
    return keras.Model(inputs, outputs, name="ds_cnn")


def ds_cnn_stream(
    frames: int,
    coefficients: int,
    classes: int,
    *,
    channels: int = 64,
    blocks: int = 4,
    kernel: tuple[int, int] = (10, 4),
    strides: tuple[int, int] = (2, 2),
    dropout: float = 0.3,
    momentum: float = 0.95,
) -> keras.Model:
    """ds_cnn made for incremental inference, for features [frames, coefficients, 1]: VALID in time, SAME across.

    No row of any layer depends on where the window begins or ends, so that a hop of `strides[0]` frames computes one row
    of each layer (docs/streaming.md). Every block shortens the map by two rows; what is left is averaged.
    """

    def normalised(x: Any) -> Any:
        return layers.ReLU()(layers.BatchNormalization(momentum=momentum)(x))

    def padded(x: Any, size: int, stride: int) -> Any:
        width = x.shape[2]
        short = max((-(-width // stride) - 1) * stride + size - width, 0)
        return layers.ZeroPadding2D(((0, 0), (short // 2, short - short // 2)))(x) if short else x

    inputs = keras.Input((frames, coefficients, 1), name="features")
    x = padded(inputs, kernel[1], strides[1])
    x = normalised(layers.Conv2D(channels, kernel, strides=strides, padding="valid", use_bias=False)(x))
    for _ in range(blocks):
        x = normalised(layers.DepthwiseConv2D(3, padding="valid", use_bias=False)(padded(x, 3, 1)))
        x = normalised(layers.Conv2D(channels, 1, use_bias=False)(x))
    x = layers.AveragePooling2D(tuple(x.shape[1:3]))(x)
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    outputs = layers.Dense(classes, activation="softmax", name="classifier")(x)
    return keras.Model(inputs, outputs, name="ds_cnn_stream")


def mlp(
    features: int, classes: int, *, hidden: Sequence[int] = (16,), l2: float = 0.0, noise: float = 0.0
) -> keras.Model:
    """Fully connected network for sensor rows [features], ReLU between the layers, L2 penalty on all weights.

    `noise` is the deviation of what is added to the inputs in training.
    """
    penalty = keras.regularizers.L2(l2)
    inputs = keras.Input((features,), name="readings")
    x = layers.GaussianNoise(noise)(inputs) if noise else inputs
    for width in hidden:
        x = layers.Dense(width, activation="relu", kernel_regularizer=penalty)(x)
    outputs = layers.Dense(classes, activation="softmax", kernel_regularizer=penalty, name="classifier")(x)
    return keras.Model(inputs, outputs, name="mlp")


def parameters(model: keras.Model) -> int:
    """Weights and biases left after batch normalisation is folded into the convolution before it."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            total += int(layer.gamma.shape[0])  # becomes the bias of the folded convolution
        else:
            total += sum(int(w.numpy().size) for w in layer.trainable_weights)
    return total


def multiply_accumulates(model: keras.Model) -> int:
    """Multiply-accumulates of the convolutions and fully connected layers of one inference."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, layers.DepthwiseConv2D):
            _, height, width, depth = layer.output.shape
            total += height * width * depth * int(layer.kernel_size[0] * layer.kernel_size[1])
        elif isinstance(layer, layers.Conv2D):
            _, height, width, _ = layer.output.shape
            total += height * width * int(layer.kernel.numpy().size)
        elif isinstance(layer, layers.Dense):
            total += int(layer.kernel.numpy().size)
    return total
