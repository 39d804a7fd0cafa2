"""A small selective state-space model: keeps what the input tells it to keep, one step at a time.

A diagonal state space whose step size, input and output matrices follow the input (Mamba, arXiv 2312.00752), in the form
that integers hold best. With A = −1 for each state, zero-order hold gives h' = a·h + (1 − a)·B·v where a = e^(−Δ) and
Δ = softplus(−s), which is a = sigmoid(s). A state is thus a weighted mean of what came in: its range is known, and
an endless stream cannot make it overflow. Every state has its own gain and bias on s, so that they forget at
different speeds: biases start at time constants from a few steps to the whole window. What goes into a state and what
is read from it pass a tanh, and what a block adds is normalised: products of three inputs would otherwise have rare
values far beyond the usual ones, which leave int8 no steps for these.

Trained over whole windows with a parallel scan; exported as a step with its states as variables (`step_graph`).
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from fieldwren.train.step.graph import StepGraph, Value
from fieldwren.train.zoo.folding import folded


@keras.saving.register_keras_serializable("fieldwren")
class SelectiveScan(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """y [batch, steps, width] of v, s [batch, steps, width] and B, C [batch, steps, states].

    h_t = a_t h_{t−1} + (1 − a_t)(v_t ⊗ B_t), a_t = sigmoid(gain·s_t + bias); y_t = h_t C_t + skip·v_t.
    """

    def __init__(self, states: int, **options: Any) -> None:
        super().__init__(**options)
        self.states = states

    def build(self, input_shape: Any) -> None:
        """Gains of one, biases for time constants of 2 to 64 steps, spread over the states."""
        width = int(input_shape[0][-1])
        constants = np.geomspace(2.0, 64.0, self.states)
        decay = np.exp(-1.0 / constants)
        biases = np.log(decay / (1 - decay))
        self.gain = self.add_weight(name="gain", shape=(width, self.states), initializer="ones")
        self.bias = self.add_weight(
            name="bias", shape=(width, self.states), initializer=lambda shape, dtype=None: ops.ones(shape) * biases
        )
        self.skip = self.add_weight(name="skip", shape=(width,), initializer="ones")

    def call(self, inputs: Any) -> Any:
        """As the class says; the scan doubles its reach, so that it takes log2(steps) passes."""
        v, s, into, out = inputs
        decay = ops.sigmoid(s[..., None] * self.gain + self.bias)
        state = (1 - decay) * (v[..., None] * into[:, :, None, :])
        steps, reach = int(v.shape[1]), 1
        while reach < steps:
            before = ops.pad(state[:, :-reach], ((0, 0), (reach, 0), (0, 0), (0, 0)))
            state = state + decay * before
            decay = decay * ops.pad(decay[:, :-reach], ((0, 0), (reach, 0), (0, 0), (0, 0)))
            reach *= 2
        return ops.sum(state * out[:, :, None, :], axis=-1) + self.skip * v

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of v."""
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        """What the layer is made of."""
        return {**super().get_config(), "states": self.states}


@keras.saving.register_keras_serializable("fieldwren")
class LeakyMean(layers.Layer):  # type: ignore[misc]  # Keras has no types
    """m [batch, width] after the last step of x [batch, steps, width]: m_t = m_{t−1} + rate·(x_t − m_{t−1}), m_0 = 0."""

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate

    def call(self, inputs: Any) -> Any:
        """As the class says, as one weighted sum."""
        age = np.arange(int(inputs.shape[1]))[::-1]
        weights = (self.rate * (1 - self.rate) ** age).astype(np.float32)
        return ops.sum(inputs * weights[:, None], axis=1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of x without its steps."""
        return (input_shape[0], input_shape[2])

    def get_config(self) -> dict[str, Any]:
        """What the layer is made of."""
        return {**super().get_config(), "rate": self.rate}


def ssm(
    frames: int,
    coefficients: int,
    classes: int,
    *,
    width: int = 32,
    blocks: int = 2,
    states: int = 4,
    kernel: int = 4,
    frames_per_step: int = 2,
    dropout: float = 0.1,
    momentum: float = 0.95,
) -> keras.Model:
    """For features [frames, coefficients, 1], of which each step takes `frames_per_step`; frames that are over at the

    front are left out. A block: a depthwise convolution over the last `kernel` steps, the scan, a gate, and the input
    added. The answer is that of the last step, from a mean of what the blocks gave that forgets in half a window: a word
    may end anywhere in it.
    """
    steps = frames // frames_per_step
    inputs = keras.Input((frames, coefficients, 1), name="features")
    x = layers.Cropping2D(((frames - steps * frames_per_step, 0), (0, 0)))(inputs)
    x = layers.Reshape((steps, frames_per_step * coefficients))(x)
    x = layers.Dense(width, use_bias=False, name="stem")(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=momentum, name="stem_norm")(x))
    for number in range(blocks):
        name = f"block{number}"
        v = layers.ZeroPadding1D((kernel - 1, 0))(layers.Dense(width, use_bias=False, name=f"{name}_in")(x))
        v = layers.DepthwiseConv1D(kernel, use_bias=False, name=f"{name}_conv")(v)
        v = layers.ReLU()(layers.BatchNormalization(momentum=momentum, name=f"{name}_norm")(v))
        read = (
            layers.Dense(n, activation=activation, name=f"{name}_{part}")(v)
            for part, n, activation in (("s", width, None), ("b", states, "tanh"), ("c", states, "tanh"))
        )
        made = SelectiveScan(states, name=f"{name}_scan")([v, *read])
        gate = layers.Dense(width, activation="sigmoid", name=f"{name}_gate")(x)
        made = layers.Dense(width, use_bias=False, name=f"{name}_out")(layers.Multiply()([made, gate]))
        x = layers.Add()([x, layers.BatchNormalization(momentum=momentum, name=f"{name}_out_norm")(made)])
    x = layers.Dropout(dropout)(LeakyMean(2 / steps, name="mean")(layers.ReLU()(x)))
    outputs = layers.Dense(classes, activation="softmax", name="classifier")(x)
    return keras.Model(inputs, outputs, name="ssm")


def step_graph(model: keras.Model) -> StepGraph:
    """One step of a trained `ssm`: input [frames_per_step, coefficients, 1], output [classes]."""
    weights = {layer.name: [np.asarray(w) for w in layer.get_weights()] for layer in model.layers}
    coefficients, stem = int(model.input_shape[2]), weights["stem"][0]
    width = stem.shape[1]
    graph = StepGraph()
    x = graph.input((stem.shape[0] // coefficients, coefficients, 1))
    kernel, bias = folded(stem, model.get_layer("stem_norm"))
    x = graph.dense(x, kernel, bias, relu=True)
    number = 0
    while f"block{number}_in" in weights:
        x = _block(graph, model, weights, f"block{number}", x, width)
        number += 1
    mean = graph.state((width,))
    rate = graph.constant(np.full(width, model.get_layer("mean").rate))
    after = graph.add(mean, graph.mul(rate, graph.sub(graph.relu(x), mean)))
    graph.assign(mean, after)
    graph.output = graph.softmax(graph.dense(after, *weights["classifier"]))
    return graph


def _block(graph: StepGraph, model: keras.Model, weights: Any, name: str, x: Value, width: int) -> Value:
    conv = weights[f"{name}_conv"][0]
    kernel, bias = folded(conv.reshape(conv.shape[0], 1, width), model.get_layer(f"{name}_norm"))
    row = graph.reshape(graph.dense(x, weights[f"{name}_in"][0]), (1, 1, width))
    v = graph.reshape(graph.depthwise(graph.delayed(row, len(conv)), kernel, bias, relu=True), (width,))
    gain, decay_bias, skip = weights[f"{name}_scan"]
    states = gain.shape[1]
    s = graph.reshape(graph.dense(v, *weights[f"{name}_s"]), (width, 1))
    decay = graph.sigmoid(graph.add(graph.mul(s, graph.constant(gain)), graph.constant(decay_bias)))
    into = graph.reshape(graph.tanh(graph.dense(v, *weights[f"{name}_b"])), (1, states))
    out = graph.reshape(graph.tanh(graph.dense(v, *weights[f"{name}_c"])), (1, states))
    new = graph.mul(graph.reshape(v, (width, 1)), into)
    state = graph.state((width, states))
    after = graph.add(new, graph.mul(decay, graph.sub(state, new)))  # a·h + (1 − a)·new
    graph.assign(state, after)
    y = graph.add(graph.sum_last(graph.mul(after, out)), graph.mul(v, graph.constant(skip)))
    gate = graph.sigmoid(graph.dense(x, *weights[f"{name}_gate"]))
    kernel, bias = folded(weights[f"{name}_out"][0], model.get_layer(f"{name}_out_norm"))
    return graph.add(x, graph.dense(graph.mul(y, gate), kernel, bias))
