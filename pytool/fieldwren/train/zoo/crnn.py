"""Convolutions, a recurrent layer and a head for every frame: what is heard, and when (frame-wise event detection).

No stride in time anywhere: there is one answer a frame (the shape of the systems for sound events, arXiv 1702.06286). All
convolutions look back only, so that on the device a step takes one frame and never computes one twice; GRU or LSTM
carry the rest. Its states are variables of the exported step (`step_graph`).

Trained on windows that say what was said, not when: `steps.events_pooling` makes one answer of a window's frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
from keras import layers, ops

from fieldwren.steps import events_pooling
from fieldwren.train.step.graph import Float, StepGraph, Value
from fieldwren.train.zoo.folding import folded

_KERNEL = 3


@keras.saving.register_keras_serializable("fieldwren")
class EventsPooling(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """`events_pooling` as a layer."""

    def call(self, inputs: Any) -> Any:
        """[batch, classes] of [batch, frames, classes]."""
        return events_pooling(inputs, ops)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Without frames."""
        return (input_shape[0], input_shape[2])


def _beside(columns: int, stride: int) -> tuple[int, int]:
    short = max((-(-columns // stride) - 1) * stride + _KERNEL - columns, 0)
    return short // 2, short - short // 2


def crnn(
    frames: int,
    coefficients: int,
    classes: int,
    *,
    channels: Sequence[int] = (16, 24),
    cell: Literal["gru", "lstm"] = "gru",
    units: int = 32,
    dropout: float = 0.2,
    momentum: float = 0.95,
) -> keras.Model:
    """For features [frames, coefficients, 1]: 3×3 convolutions with stride 2 across, `cell`, softmax a frame, pooled.

    The frame-wise answers are the output of the layer `classifier`.
    """
    inputs = keras.Input((frames, coefficients, 1), name="features")
    x = inputs
    for number, depth in enumerate(channels):
        x = layers.ZeroPadding2D(((_KERNEL - 1, 0), _beside(int(x.shape[2]), 2)))(x)
        x = layers.Conv2D(depth, _KERNEL, strides=(1, 2), use_bias=False, name=f"conv{number}", padding="valid")(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=momentum, name=f"norm{number}")(x))
    x = layers.Dropout(dropout)(layers.Reshape((frames, int(x.shape[2] * x.shape[3])))(x))
    recurrent = layers.GRU if cell == "gru" else layers.LSTM
    x = layers.Dropout(dropout)(recurrent(units, return_sequences=True, name="recurrent")(x))
    x = layers.Dense(classes, activation="softmax", name="classifier")(x)
    return keras.Model(inputs, EventsPooling()(x), name="crnn")


def step_graph(model: keras.Model) -> StepGraph:
    """One frame of a trained `crnn`: input [1, coefficients, 1], output [classes]."""
    graph = StepGraph()
    x = graph.input((1, int(model.input_shape[2]), 1))
    number = 0
    names = {layer.name for layer in model.layers}
    while f"conv{number}" in names:
        kernel, bias = folded(np.asarray(model.get_layer(f"conv{number}").kernel), model.get_layer(f"norm{number}"))
        padded = graph.pad_columns(graph.delayed(x, _KERNEL), *_beside(x.shape[1], 2))
        x = graph.conv(padded, kernel, bias, stride=2, relu=True)
        number += 1
    layer = model.get_layer("recurrent")
    weights = [np.asarray(w) for w in layer.get_weights()]
    x = graph.reshape(x, (int(np.prod(x.shape)),))
    made = _gru(graph, x, weights) if isinstance(layer, layers.GRU) else _lstm(graph, x, weights)
    graph.output = graph.softmax(graph.dense(made, *model.get_layer("classifier").get_weights()))
    return graph


def _gates(kernel: Float, count: int) -> list[Float]:
    return list(np.split(kernel, count, axis=-1))


def _gru(graph: StepGraph, x: Value, weights: Sequence[Float]) -> Value:
    """Keras's order z, r, h with reset_after: h' = n + z(h − n), n = tanh(Wx + r·(Uh))."""
    kernels, recurrent, biases = (_gates(w, 3) for w in weights)
    state = graph.state((recurrent[0].shape[0],))
    seen = [graph.dense(x, k, b[0]) for k, b in zip(kernels, biases, strict=True)]
    kept = [graph.dense(state, k, b[1]) for k, b in zip(recurrent, biases, strict=True)]
    update = graph.sigmoid(graph.add(seen[0], kept[0]))
    reset = graph.sigmoid(graph.add(seen[1], kept[1]))
    new = graph.tanh(graph.add(seen[2], graph.mul(reset, kept[2])))
    after = graph.add(new, graph.mul(update, graph.sub(state, new)))
    graph.assign(state, after)
    return after


def _lstm(graph: StepGraph, x: Value, weights: Sequence[Float]) -> Value:
    """Keras's order i, f, c, o: c' = f·c + i·g, h' = o·tanh(c')."""
    kernels, recurrent, biases = (_gates(w, 4) for w in weights)
    units = recurrent[0].shape[0]
    cell, hidden = graph.state((units,)), graph.state((units,))
    sums = [
        graph.add(graph.dense(x, k, b), graph.dense(hidden, u))
        for k, u, b in zip(kernels, recurrent, biases, strict=True)
    ]
    after = graph.add(graph.mul(graph.sigmoid(sums[1]), cell), graph.mul(graph.sigmoid(sums[0]), graph.tanh(sums[2])))
    graph.assign(cell, after)
    shown = graph.mul(graph.sigmoid(sums[3]), graph.tanh(after))
    graph.assign(hidden, shown)
    return shown
