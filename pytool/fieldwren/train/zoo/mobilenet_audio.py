"""Inverted residuals for audio, scaled by width: the shape of the efficient CNNs for audio tagging (arXiv 2211.04772).

As MobileNetV2 (arXiv 1801.04381): a 1×1 convolution widens, a depthwise 3×3 looks around, a 1×1 narrows without an
activation, and where shapes agree the input is added. ReLU6 bounds what int8 has to hold. A stride is taken along an
axis only while that axis has 8 rows or more, so that the network fits feature maps of any shape, 49 × 10 as 98 × 40.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

STAGES = ((1, 16, 1, 1), (3, 24, 2, 2), (3, 32, 2, 2), (4, 48, 1, 1))
"""Expansion, channels at width 1, blocks, stride of the first of them."""

_STRIDED_FROM = 8
_DIVISOR = 8  # channels are multiples of it: kernels take four or eight at a time


def scaled(channels: int, width: float) -> int:
    """`channels` times `width`, to the next multiple of 8."""
    return max(_DIVISOR, round(channels * width / _DIVISOR) * _DIVISOR)


def mobilenet_audio(
    frames: int, coefficients: int, classes: int, *, width: float = 1.0, dropout: float = 0.2, momentum: float = 0.95
) -> keras.Model:
    """For features [frames, coefficients, 1]; average pooling and one fully connected layer at the end."""

    def strides(x: Any, wanted: int) -> tuple[int, int]:
        return tuple(wanted if int(size) >= _STRIDED_FROM else 1 for size in x.shape[1:3])  # type: ignore[return-value]

    def normalised(x: Any, *, bounded: bool = True) -> Any:
        x = layers.BatchNormalization(momentum=momentum)(x)
        return layers.ReLU(max_value=6.0)(x) if bounded else x

    def depthwise(x: Any, stride: tuple[int, int]) -> Any:
        # Keras has one stride for both axes; where they differ, rows or columns are taken out behind.
        if stride[0] == stride[1]:
            return layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)(x)
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
        return layers.MaxPooling2D(stride)(normalised(x))

    def block(x: Any, expansion: int, channels: int, stride: int) -> Any:
        source, inner = x, int(x.shape[-1]) * expansion
        if expansion > 1:
            x = normalised(layers.Conv2D(inner, 1, use_bias=False)(x))
        chosen = strides(x, stride)
        x = depthwise(x, chosen)
        x = normalised(x) if chosen[0] == chosen[1] else x
        x = normalised(layers.Conv2D(channels, 1, use_bias=False)(x), bounded=False)
        return layers.Add()([source, x]) if x.shape[1:] == source.shape[1:] else x

    inputs = keras.Input((frames, coefficients, 1), name="features")
    first = scaled(STAGES[0][1], width)
    x = normalised(layers.Conv2D(first, 3, strides=strides(inputs, 2), padding="same", use_bias=False)(inputs))
    for expansion, channels, blocks, stride in STAGES:
        for number in range(blocks):
            x = block(x, expansion, scaled(channels, width), stride if number == 0 else 1)
    x = normalised(layers.Conv2D(scaled(2 * STAGES[-1][1], width), 1, use_bias=False)(x))
    x = layers.AveragePooling2D(tuple(x.shape[1:3]))(x)
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    outputs = layers.Dense(classes, activation="softmax", name="classifier")(x)
    return keras.Model(inputs, outputs, name="mobilenet_audio")
