"""Writes a ResNet-8 with the layers of MLPerf Tiny's image classification and random weights, for `bench --suite`.

    python tools/make_resnet8.py resnet8.tflite
    fieldwren bench --suite --model mlperf_resnet8=resnet8.tflite

What a layer costs does not depend on its weights, so the figures stand for the trained model's. Needs the extra `train`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np

from fieldwren.train.quantise import to_int8

FILTERS = (16, 32, 64)


def resnet8() -> keras.Model:
    """Three stacks of two 3×3 convolutions with a shortcut; 32×32×3 in, ten classes out."""
    layers = keras.layers
    source = x = layers.Input((32, 32, 3))

    def convolved(x: keras.KerasTensor, filters: int, stride: int, size: int = 3) -> keras.KerasTensor:
        return layers.BatchNormalization()(layers.Conv2D(filters, size, stride, padding="same")(x))

    x = layers.ReLU()(convolved(x, FILTERS[0], 1))
    for number, filters in enumerate(FILTERS):
        stride = 1 if number == 0 else 2
        y = convolved(layers.ReLU()(convolved(x, filters, stride)), filters, 1)
        if stride != 1:
            x = layers.Conv2D(filters, 1, stride, padding="same")(x)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    return keras.Model(source, layers.Dense(10, activation="softmax")(x))


def main(path: Path) -> None:
    """Builds, quantises and writes the model; the same bytes every time."""
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).uniform(0.0, 1.0, (16, 32, 32, 3)).astype(np.float32)
    path.write_bytes(to_int8(resnet8(), images))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
