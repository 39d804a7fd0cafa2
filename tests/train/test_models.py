"""Architectures, quantisation and metadata: sizes that are published, bits that TFLM agrees with."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError
from fieldwren.features import METADATA_KEY, AudioFrontEnd, from_json
from fieldwren.ops.lowering import lower
from fieldwren.tflite.reader import read_bytes
from streaming.test_exact import assert_streams
from support import require_module

require_module("tensorflow")

from fieldwren.train import export, fit, models, quantise  # noqa: E402 - TensorFlow may be absent

SMALL = {"channels": 8, "blocks": 1}


@pytest.fixture(scope="module")
def small() -> tuple[bytes, np.ndarray]:
    """A tiny DS-CNN, fitted for one epoch so that batch normalisation has statistics, in int8; and its features."""
    fit.prepare(0)
    rng = np.random.default_rng(0)
    features = rng.normal(0, 5, (96, 20, 10, 1)).astype(np.float32)
    labels = rng.integers(0, 3, 96)
    model = models.ds_cnn(20, 10, 3, **SMALL)
    fit.fit(model, features, labels, 3, fit.Optimisation(1, 16))
    return quantise.to_int8(model, features), features


def test_ds_cnn_has_the_published_size() -> None:
    """MLPerf Tiny's reference: 49 × 10 features, 12 words, 10 × 4 first kernel: 2,656,768 multiply-accumulates."""
    model = models.ds_cnn(49, 10, 12, kernel=(10, 4), strides=(2, 2))
    assert models.multiply_accumulates(model) == 2_656_768
    assert models.parameters(model) == 22_604  # as published, batch normalisation folded


@pytest.mark.slow
def test_ds_cnn_stream_computes_a_row_of_each_layer_a_hop() -> None:
    """Converted as trained models are, streamed at its stride: TFLM's bits, and less than a tenth of the window's work."""
    fit.prepare(0)
    features = np.random.default_rng(0).normal(0, 5, (16, 49, 10, 1)).astype(np.float32)
    model = models.ds_cnn_stream(49, 10, 3, **SMALL | {"blocks": 4})
    content = quantise.to_int8(model, features)
    streamed = assert_streams(content, 49, 2, seed=1)
    assert streamed.phases == 1
    window, hop = lower(read_bytes(content, "m"), PORTABLE).macs, lower(streamed.graph, PORTABLE).macs
    assert window == models.multiply_accumulates(model)
    assert 10 * hop < window


def test_mlp_counts_its_weights() -> None:
    model = models.mlp(5, 2, hidden=(16,))
    assert models.multiply_accumulates(model) == 5 * 16 + 16 * 2
    assert models.parameters(model) == 5 * 16 + 16 + 16 * 2 + 2


def test_int8_model_is_full_integer_per_channel_and_ends_where_the_device_cuts(small: tuple[bytes, np.ndarray]) -> None:
    graph = read_bytes(small[0], "small")
    main = graph.subgraphs[0]
    names = [op.name for op in main.operators if op.name != "RESHAPE"]
    assert names == ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "AVERAGE_POOL_2D", "FULLY_CONNECTED", "SOFTMAX"]
    for index in (*main.inputs, *main.outputs):
        assert main.tensors[index].dtype == "int8"
    kernel = main.tensors[main.operators[0].inputs[1]]
    assert len(kernel.quantisation.scales) == SMALL["channels"]


def test_int8_outputs_are_those_of_tflm(small: tuple[bytes, np.ndarray]) -> None:
    runtime = require_module("tflite_micro").runtime
    model, features = small
    ours = quantise.run_int8(model, features[:20])
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=256 * 1024)
    source = interpreter.get_input_details(0)["quantization_parameters"]
    for row, mine in zip(features[:20], ours, strict=True):
        quantised = np.clip(np.round(row / source["scales"][0]) + source["zero_points"][0], -128, 127).astype(np.int8)
        interpreter.set_input(quantised[np.newaxis], 0)
        interpreter.invoke()
        np.testing.assert_array_equal(interpreter.get_output(0)[0], np.round(mine * 256 - 128))


def test_calibration_of_another_shape_is_refused() -> None:
    with pytest.raises(BadInputError, match="calibration"):
        quantise.to_int8(models.mlp(5, 2), np.zeros((4, 6), np.float32))


def test_metadata_is_kept_and_replaced_and_changes_nothing_else(small: tuple[bytes, np.ndarray]) -> None:
    front_end = AudioFrontEnd(coefficient_count=10, normalisation="window-mean")
    once = export.describe(small[0], front_end, ["_background", "null", "ä"], {"seed": 1})
    twice = export.describe(once, front_end, ["_background", "null", "eins"], {"seed": 2})
    metadata = read_bytes(twice, "m").metadata
    assert from_json(metadata[METADATA_KEY]) == front_end
    assert json.loads(metadata[export.LABELS]) == ["_background", "null", "eins"]
    assert json.loads(metadata[export.TRAINING]) == {"seed": 2}
    assert json.loads(read_bytes(once, "m").metadata[export.LABELS])[2] == "ä"
    np.testing.assert_array_equal(quantise.run_int8(small[0], small[1][:5]), quantise.run_int8(twice, small[1][:5]))
    assert export.describe(small[0], front_end, ["a"], {}) == export.describe(small[0], front_end, ["a"], {})
