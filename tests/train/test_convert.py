"""`convert`: the integer model answers as the float one, the report says where it does not, and nonsense is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fieldwren.app_model import LABELS_KEY
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.features import METADATA_KEY, PRESETS, from_json
from fieldwren.tflite import read_model
from fieldwren.train.convert import convert
from support import require_data, require_module

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three trained networks on two blobs in an 8×8 image, and their data."""
    require_module("tensorflow")
    import keras
    from keras import layers

    folder = tmp_path_factory.mktemp("convert")
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 400)
    x = rng.normal(0, 0.4, (400, 8, 8, 1)).astype(np.float32)
    x[y == 1, :4] += 1
    x[y == 0, 4:] += 1
    inputs = keras.Input((8, 8, 1))
    z = layers.Conv2D(8, 3, padding="same", use_bias=False)(inputs)
    z = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(z))
    z = layers.DepthwiseConv2D(3, use_bias=False)(z)
    z = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(z))
    outputs = layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(z))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=4, batch_size=32, verbose=0)
    model.save(folder / "blobs.keras")
    model.export(folder / "blobs_saved", verbose=False)
    (folder / "data").mkdir()
    np.savez(folder / "data" / "blobs.npz", x=x, y=y)
    (folder / "unlabelled").mkdir()
    np.save(folder / "unlabelled" / "x.npy", x)
    return folder


def _operators(path: Path) -> set[str]:
    return {op.name for op in read_model(path).main.operators}


def test_a_keras_model_keeps_its_accuracy(made: Path, tmp_path: Path) -> None:
    result = convert(made / "blobs.keras", made / "data", tmp_path / "m.tflite")
    assert result.metric == "accuracy" and result.float_metric is not None and result.float_metric > 0.9
    assert abs(result.float_metric - result.int8_metric) <= 0.01
    assert 10 < result.worst_layers[0].sqnr_db <= result.worst_layers[-1].sqnr_db
    # Batch normalisation is folded: nothing of it is left as an operator of its own.
    assert _operators(tmp_path / "m.tflite") <= {"CONV_2D", "DEPTHWISE_CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX"}
    stored = json.loads(read_model(tmp_path / "m.tflite").metadata["fieldwren.conversion"])
    assert stored["int8_metric"] == pytest.approx(result.int8_metric) and len(stored["calibration_sha256"]) == 64


def test_a_saved_model_and_int16_activations(made: Path, tmp_path: Path) -> None:
    narrow = convert(made / "blobs_saved", made / "data", tmp_path / "n.tflite")
    wide = convert(made / "blobs_saved", made / "data", tmp_path / "w.tflite", activations="int16")
    assert narrow.float_metric == wide.float_metric
    graph = read_model(tmp_path / "w.tflite")
    assert graph.main.tensors[graph.main.inputs[0]].dtype == "int16"
    assert wide.worst_layers[0].sqnr_db > narrow.worst_layers[0].sqnr_db


def test_without_labels_the_answers_are_compared(made: Path, tmp_path: Path) -> None:
    result = convert(made / "blobs.keras", made / "unlabelled", tmp_path / "m.tflite")
    assert (result.metric, result.float_metric) == ("agreement", 1.0)
    assert result.int8_metric > 0.97


def test_lost_accuracy_is_won_back_by_fine_tuning(tmp_path: Path) -> None:
    """The weight of an input that is always zero is 150 times the others: one scale for all rounds most of them away."""
    require_module("tensorflow")
    import keras
    from keras import layers

    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 600)
    x = rng.normal(0, 1, (600, 64)) + np.where(y, 1, -1)[:, np.newaxis] * 0.22 * rng.normal(0, 1, 64)
    x[:, 0] = 0
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((64,)), layers.Dense(2, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(x.astype(np.float32), y, epochs=8, verbose=0)
    kernel, bias = model.layers[-1].get_weights()
    kernel[0] = 150 * np.abs(kernel[1:]).max()
    model.layers[-1].set_weights([kernel, bias])
    model.save(tmp_path / "steep.keras")
    (tmp_path / "data").mkdir()
    np.savez(tmp_path / "data" / "x.npz", x=x, y=y)
    plain = convert(tmp_path / "steep.keras", tmp_path / "data", tmp_path / "a.tflite", fine_tune=False)
    assert plain.float_metric is not None and plain.float_metric - plain.int8_metric > 0.01
    assert "accuracy are lost" in plain.suggestion
    tuned = convert(tmp_path / "steep.keras", tmp_path / "data", tmp_path / "b.tflite")
    assert tuned.fine_tuned and tuned.int8_metric > plain.int8_metric + 0.01


def test_words_go_through_the_front_end_of_that_shape(tmp_path: Path) -> None:
    require_module("tensorflow")
    import keras
    from keras import layers

    words = tmp_path / "words"
    words.mkdir()
    for digit in (0, 1):
        for index in range(3):
            shutil.copy(require_data("audio", "fsdd") / f"{digit}_theo_{index}.wav", words)
    model = keras.Sequential(
        [keras.Input((49, 10, 1)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(2, activation="softmax")]
    )
    model.save(tmp_path / "words.keras")
    result = convert(tmp_path / "words.keras", words, tmp_path / "words.tflite")
    graph = read_model(tmp_path / "words.tflite")
    assert result.examples == 6
    assert from_json(graph.metadata[METADATA_KEY]) == PRESETS["mlperf-kws"]
    assert json.loads(graph.metadata[LABELS_KEY]) == ["zero", "one"]


@pytest.mark.parametrize(
    ("model", "data", "error", "message"),
    [
        ("absent.keras", "data", BadInputError, "there is no such model"),
        ("data/blobs.npz", "data", BadInputError, "is no Keras model"),
        ("blobs.keras", "absent", MissingToolError, "no such folder with calibration data"),
        ("blobs.keras", "empty", MissingToolError, "has no .npz"),
        ("blobs.keras", "wrong", BadInputError, r"wrong/x.npy: x has shape \[4, 3\], the model wants \[n, 8, 8, 1\]"),
        ("blobs.keras", "classes", BadInputError, "labels reach from 0 to 7, the model has 2 outputs"),
        ("blobs.keras", "one-hot", BadInputError, r"y holds int64 \[2, 2\], and must have the number of its class"),
        ("blobs.keras", "halves", BadInputError, r"y holds float64 \[2\], and must have the number"),
        ("blobs.keras", "names", BadInputError, r"y holds <U1 \[2\], and must have the number"),
        ("text.keras", "data", BadInputError, "is no .keras file"),
        ("made.tflite", "data", BadInputError, "is a .tflite already"),
    ],
)
def test_nonsense_is_refused(
    made: Path, tmp_path: Path, model: str, data: str, error: type[Exception], message: str
) -> None:
    labels = {"classes": [0, 7], "one-hot": np.eye(2, dtype=np.int64), "halves": [0.5, 1], "names": ["a", "b"]}
    for name, arrays in ({"wrong": None, "empty": None} | labels).items():
        (made / name).mkdir(exist_ok=True)
        if arrays is not None:
            np.savez(made / name / "x.npz", x=np.zeros((2, 8, 8, 1)), y=arrays)
    np.save(made / "wrong" / "x.npy", np.zeros((4, 3)))
    for name in ("text.keras", "made.tflite"):
        (made / name).write_text("something else")
    with pytest.raises(error, match=message):
        convert(made / model, made / data, tmp_path / "m.tflite")
    assert not list(tmp_path.iterdir())


def test_from_the_command_line(made: Path, tmp_path: Path) -> None:
    arguments: list[Any] = [sys.executable, "-m", "fieldwren", "convert", made / "blobs.keras", "--json"]
    arguments += ["--calibration", made / "data", "-o", tmp_path / "m.tflite"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    assert {"float_metric", "int8_metric", "worst_layers"} <= result.keys()
    assert result["worst_layers"][0].keys() == {"layer", "operator", "sqnr_db"}
