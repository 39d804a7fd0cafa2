"""Step graphs: their float values, and the bits of their .tflite against TensorFlow Lite Micro over sequences."""

from __future__ import annotations

import numpy as np
import pytest

from fieldwren.errors import BadInputError
from ops.harness import assert_exact
from support import require_module

require_module("tensorflow")

from fieldwren.tflite.reader import read_bytes  # noqa: E402 - TensorFlow may be absent
from fieldwren.train.step import StepGraph, to_int8  # noqa: E402
from fieldwren.train.zoo.build import run_steps  # noqa: E402


def every_operator(rng: np.random.Generator) -> StepGraph:
    """A network with each kind of value, random weights."""
    graph = StepGraph()
    x = graph.input((1, 7, 2))
    rows = graph.pad_columns(graph.delayed(x, 3), 1, 1)
    y = graph.conv(rows, rng.normal(0, 0.4, (3, 3, 2, 4)), rng.normal(0, 0.1, 4), stride=2, relu=True)
    y = graph.depthwise(graph.delayed(y, 2), rng.normal(0, 0.5, (2, 1, 4)), rng.normal(0, 0.1, 4))
    flat = graph.reshape(y, (16,))
    wide = graph.dense(flat, rng.normal(0, 0.3, (16, 6)), rng.normal(0, 0.1, 6))
    gate = graph.sigmoid(graph.add(wide, graph.constant(rng.normal(0, 1, 6))))
    memory = graph.state((6,))
    new = graph.tanh(wide)
    after = graph.add(new, graph.mul(gate, graph.sub(memory, new)))
    graph.assign(memory, after)
    outer = graph.mul(graph.reshape(after, (6, 1)), graph.constant(rng.normal(0, 1, (1, 3))))
    summed = graph.relu(graph.sum_last(outer))
    graph.output = graph.softmax(graph.dense(summed, rng.normal(0, 1, (6, 3)), rng.normal(0, 0.1, 3)))
    return graph


def test_every_operator_has_tflms_bits_and_nearly_the_float_values() -> None:
    rng = np.random.default_rng(0)
    graph = every_operator(rng)
    sequences = rng.normal(0, 1, (12, 9, 1, 7, 2)).astype(np.float32)
    content = to_int8(graph, sequences)
    assert_exact(content, 5)
    names = {op.name for op in read_bytes(content, "m").main.operators}
    assert {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "LOGISTIC", "TANH", "SUM", "ASSIGN_VARIABLE"} <= names
    error = np.abs(run_steps(content, sequences) - graph.run(sequences))
    assert error.mean() < 0.01  # of probabilities


def test_a_slow_state_does_not_stall_below_its_rounding() -> None:
    """h' = x + 0.99 (h − x) must come near x; an int8 state stops where a hundredth of the rest rounds to nothing."""
    graph = StepGraph()
    x = graph.input((1,))
    memory = graph.state((1,))
    wide = graph.wide(x)
    graph.assign(memory, graph.add(wide, graph.mul(graph.constant([0.99]), graph.sub(memory, wide))))
    graph.output = graph.as_dtype(memory, "int8")
    constant = np.ones((1, 600, 1), np.float32)
    varied = np.concatenate([constant, -constant])
    made = run_steps(to_int8(graph, varied), constant)[0, -1, 0]
    assert made == pytest.approx(1.0, abs=0.02)


def test_states_start_at_zero_whatever_their_zero_point() -> None:
    graph = StepGraph()
    x = graph.input((1, 1, 1))
    joined = graph.delayed(x, 3)
    graph.output = graph.reshape(joined, (3,))
    sequences = np.array([5.0, 7.0, 6.0, 5.0], np.float32).reshape(1, 4, 1)  # all positive: zero point −128
    made = run_steps(to_int8(graph, sequences), sequences)
    np.testing.assert_allclose(made[0, :3], [[0, 0, 5], [0, 5, 7], [5, 7, 6]], atol=0.03)


def test_what_does_not_fit_is_refused() -> None:
    graph = StepGraph()
    x = graph.input((4,))
    with pytest.raises(BadInputError, match="no output"):
        to_int8(graph, np.zeros((1, 1, 4), np.float32))
    with pytest.raises(BadInputError, match="cannot hold"):
        graph.assign(graph.state((3,)), graph.wide(x))
    graph.output = x
    with pytest.raises(BadInputError, match="a step wants"):
        to_int8(graph, np.zeros((2, 3, 5), np.float32))
