"""Every network: any front end's shape, int8 beside float, TFLM's bits, a last layer that the device can cut off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError
from fieldwren.learn.cut import cut
from fieldwren.ops.lowering import lower
from fieldwren.tflite.reader import read_bytes
from fieldwren.train.zoo import tables
from ops.harness import assert_exact
from support import require_module

keras = require_module("keras")

from fieldwren.train import fit, models  # noqa: E402 - TensorFlow may be absent
from fieldwren.train.zoo import build  # noqa: E402
from fieldwren.train.zoo.ssm import LeakyMean, SelectiveScan  # noqa: E402

TABLES = [
    (tables.DsCnn(channels=8, blocks=1), (21, 10, 1)),
    (tables.MobilenetAudio(width=0.25), (21, 10, 1)),
    (tables.MobilenetAudio(width=0.25), (12, 40, 1)),
    (tables.Crnn(channels=(4, 8), units=6), (11, 10, 1)),
    (tables.Crnn(channels=(4,), units=6, cell="lstm"), (9, 13, 1)),
    (tables.Ssm(width=8, blocks=1), (17, 10, 1)),
    (tables.Ssm(width=8, blocks=2, frames_per_step=3, states=2, kernel=2), (20, 8, 1)),
    (tables.Tcn(channels=8), (60,)),
    (tables.Logistic(), (7,)),
    (tables.Mlp(hidden=(8, 4)), (7,)),
]


def lively(model: keras.Model, rng: np.random.Generator) -> None:
    """Weights and statistics as training might leave them, so that folding and ranges have something to do."""
    for variable in model.variables:
        name, shape = variable.path.split("/")[-1], variable.shape
        if "variance" in name:
            variable.assign(rng.uniform(0.5, 2, shape))
        elif name == "gamma":
            variable.assign(rng.uniform(0.5, 1.5, shape))
        elif name in ("beta", "moving_mean", "bias"):
            variable.assign(np.asarray(variable) + rng.normal(0, 0.2, shape))


@pytest.mark.slow
@pytest.mark.parametrize(("table", "shape"), TABLES, ids=lambda value: getattr(value, "kind", None))
def test_int8_is_near_float_and_has_tflms_bits(table: tables.Model, shape: tuple[int, ...]) -> None:
    fit.prepare(0)
    rng = np.random.default_rng(1)
    model = build.build(table, shape, 3, rows=12)
    lively(model, rng)
    inputs = rng.normal(0, 2, (24, *shape)).astype(np.float32)
    wanted = fit.predict(model, inputs)
    content = build.to_int8(table, model, inputs)
    np.testing.assert_allclose(build.run_int8(table, content, inputs), wanted, atol=0.08)
    assert_exact(content, 2)
    assert len(cut(read_bytes(content, "m")).bias) == 3
    steps = build.steps_of(table, shape[0])
    assert build.macs(content) == lower(read_bytes(content, "m"), PORTABLE).macs
    if steps is None:
        assert lower(read_bytes(content, "m"), PORTABLE).is_stateful is False
        return
    # The step that is exported computes what was trained: the scan over the window, or the recurrent layer.
    graph = build.step_graph(table, model)
    stepped = steps.answered(graph.run(build.stepwise(inputs, steps)))
    np.testing.assert_allclose(stepped, wanted, atol=1e-5)


def test_the_parallel_scan_is_the_recurrence() -> None:
    """Against the recurrence written out in NumPy, at a length that is no power of two."""
    rng = np.random.default_rng(0)
    v, s = rng.normal(0, 1, (2, 2, 13, 3)).astype(np.float32)
    into, out = rng.normal(0, 1, (2, 2, 13, 4)).astype(np.float32)
    layer = SelectiveScan(4)
    made = np.asarray(layer([v, s, into, out]))
    gain, bias, skip = (np.asarray(w) for w in layer.get_weights())
    state = np.zeros((2, 3, 4))
    for t in range(13):
        decay = 1 / (1 + np.exp(-(s[:, t, :, None] * gain + bias)))
        state = decay * state + (1 - decay) * v[:, t, :, None] * into[:, t, None, :]
        np.testing.assert_allclose(made[:, t], (state * out[:, t, None, :]).sum(-1) + skip * v[:, t], atol=1e-5)


def test_the_leaky_mean_is_the_recurrence() -> None:
    x = np.random.default_rng(0).normal(0, 1, (2, 7, 3)).astype(np.float32)
    mean = np.zeros((2, 3))
    for t in range(7):
        mean += 0.25 * (x[:, t] - mean)
    np.testing.assert_allclose(np.asarray(LeakyMean(0.25)(x)), mean, atol=1e-6)


def test_a_saved_ssm_and_crnn_come_back(tmp_path: Path) -> None:
    for table in (tables.Ssm(width=4, blocks=1), tables.Crnn(channels=(4,), units=4)):
        model = build.build(table, (8, 6, 1), 3)
        model.save(tmp_path / "m.keras")
        inputs = np.random.default_rng(0).normal(0, 1, (3, 8, 6, 1)).astype(np.float32)
        loaded = keras.models.load_model(tmp_path / "m.keras")
        np.testing.assert_array_equal(fit.predict(loaded, inputs), fit.predict(model, inputs))


def test_a_crnn_says_when_and_no_frame_sees_the_future() -> None:
    """Frame-wise answers up to a frame stay as they are whatever comes after it."""
    fit.prepare(0)
    model = build.build(tables.Crnn(channels=(4, 4), units=4), (12, 6, 1), 3)
    graph = build.step_graph(tables.Crnn(channels=(4, 4), units=4), model)
    rng = np.random.default_rng(0)
    a = rng.normal(0, 1, (1, 12, 1, 6, 1)).astype(np.float32)
    b = a.copy()
    b[:, 7:] = 9
    outputs = [graph.run(x) for x in (a, b)]
    assert outputs[0].shape == (1, 12, 3)
    np.testing.assert_array_equal(outputs[0][:, :7], outputs[1][:, :7])
    assert np.abs(outputs[0][:, 7:] - outputs[1][:, 7:]).max() > 1e-3


def test_width_scales_and_shapes_that_have_no_form_are_refused() -> None:
    small, large = (models.parameters(build.build(tables.MobilenetAudio(width=w), (49, 10, 1), 12)) for w in (0.5, 1.0))
    assert 2.5 * small < large
    with pytest.raises(BadInputError, match="window_rows"):
        build.build(tables.Tcn(), (10,), 2, rows=2)
    with pytest.raises(BadInputError, match="does not fit windows of 3"):
        build.build(tables.Ssm(frames_per_step=4), (3, 10, 1), 2)
