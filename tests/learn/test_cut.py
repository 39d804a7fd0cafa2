"""Backbone and head together answer what the int8 model answers."""

from __future__ import annotations

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.app_model import app_model
from fieldwren.core import PORTABLE
from fieldwren.errors import UnsupportedError
from fieldwren.features import SensorFrontEnd
from fieldwren.features.sensor import row_windows
from fieldwren.learn import cut
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.rows import read_rows
from fieldwren.runtime import Interpreter
from fieldwren.tflite import read_model
from support import require_data


def head_answers(made: object, embeddings: np.ndarray) -> np.ndarray:
    """Labels by the head in double precision."""
    inputs = made.scale * (embeddings.astype(float) - made.zero_point)  # type: ignore[attr-defined]  # a Cut
    return np.argmax(inputs @ made.weights.T + made.bias, axis=1)  # type: ignore[attr-defined]  # a Cut


def test_presence_head_agrees_with_the_model() -> None:
    """On every row of a room: at least 99.5 %."""
    table = require_data("presence", "occupancy", "datatest.txt")
    app = load_app(paths.examples() / "presence")
    graph = read_model(app.model_path)
    program = lower(graph, PORTABLE)
    front_end = app_model(app, graph, program).front_end
    assert isinstance(front_end, SensorFrontEnd)
    port = program.inputs[0]
    rows = row_windows(
        front_end, read_rows(table, front_end.channels), np.dtype(port.dtype), port.scale, port.zero_point
    )
    made = cut(graph)
    whole, backbone = Interpreter(plan(program)), Interpreter(plan(lower(made.backbone, PORTABLE)))
    windows = [window.reshape(port.shape) for window in rows.inputs]
    expected = np.array([np.argmax(whole.invoke([window])[0]) for window in windows])
    embeddings = np.array([backbone.invoke([window])[0].ravel() for window in windows])
    assert len(windows) > 2000
    assert (head_answers(made, embeddings) == expected).mean() >= 0.995


@pytest.mark.parametrize(
    ("model", "features", "outputs", "loss"),
    [("mlperf_kws_dscnn", 64, 12, "softmax"), ("tflm_micro_speech", 4000, 4, "softmax")],
)
def test_shapes_of_known_models(model: str, features: int, outputs: int, loss: str) -> None:
    """Random inputs: the head's most probable class is the model's, but for ties after its rounding to int8."""
    graph = read_model(require_data("models", f"{model}.tflite"))
    made = cut(graph)
    assert (made.weights.shape, made.bias.shape, made.loss) == ((outputs, features), (outputs,), loss)
    program = lower(graph, PORTABLE)
    whole, backbone = Interpreter(plan(program)), Interpreter(plan(lower(made.backbone, PORTABLE)))
    rng, port = np.random.default_rng(0), program.inputs[0]
    for _ in range(20):
        window = rng.integers(-128, 128, port.shape).astype(np.int8)
        scores = whole.invoke([window])[0].ravel().astype(int)
        label = head_answers(made, backbone.invoke([window])[0].reshape(1, -1))[0]
        assert scores[label] >= scores.max() - 2


@pytest.mark.parametrize(
    ("model", "named"),
    [("seanet_conv0_i16", "CONV_2D"), ("seanet_add0_i16", "ADD"), ("seanet_strided_slice0_i16", "STRIDED_SLICE")],
)
def test_a_tail_that_cannot_learn_is_named(model: str, named: str) -> None:
    with pytest.raises(UnsupportedError, match=named):
        cut(read_model(require_data("models", f"{model}.tflite")))
