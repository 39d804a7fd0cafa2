"""Keras models that TensorFlow's converter trips over: converted after all, or refused with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fieldwren.errors import FieldwrenError
from fieldwren.tflite.reader import read_model
from fieldwren.train.convert import convert
from support import require_module

keras = require_module("keras")
layers = keras.layers

from fieldwren.train.keras_models import convertible, leaves  # noqa: E402 - Keras may be absent


def sequential(shape: tuple[int | None, ...], *parts: Any) -> Any:
    return keras.Sequential([keras.Input(shape), *parts])


def saved(model: Any, folder: Path, inputs: np.ndarray) -> tuple[Path, Path]:
    """The model's file and a folder with its calibration data."""
    model.save(folder / "m.keras")
    (folder / "data").mkdir()
    np.save(folder / "data" / "x.npy", inputs)
    return folder / "m.keras", folder / "data"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gru", "bidirectional"])
def test_recurrent_layers_are_written_out(tmp_path: Path, kind: str) -> None:
    keras.utils.set_random_seed(0)
    part = layers.GRU(4) if kind == "gru" else layers.Bidirectional(layers.LSTM(3))
    model = sequential((3, 4), part, layers.Dense(3, activation="softmax"))
    inputs = np.random.default_rng(0).normal(0, 1, (32, 3, 4))
    result = convert(*saved(model, tmp_path, inputs), tmp_path / "m.tflite")
    assert result.metric == "agreement" and result.int8_metric >= 0.9
    assert "WHILE" not in {op.name for op in read_model(tmp_path / "m.tflite").main.operators}


def test_a_copy_computes_the_same_in_float32() -> None:
    """Nested, recurrent both ways, and in half precision: the copy's outputs are those of the float32 original."""
    keras.utils.set_random_seed(1)
    inner = sequential((6, 4), layers.GRU(4, return_sequences=True, name="inner_gru"), layers.BatchNormalization())
    inputs = keras.Input((6, 4))
    outputs = layers.Dense(2, dtype="mixed_float16")(layers.Bidirectional(layers.LSTM(3))(inner(inputs)))
    model = keras.Model(inputs, outputs)
    made = convertible(model, Path("m.keras"))
    assert all(layer.compute_dtype == "float32" for layer in leaves(made))
    x = np.random.default_rng(0).normal(0, 1, (3, 6, 4)).astype(np.float32)
    np.testing.assert_allclose(made(x), np.asarray(model(x), np.float32), atol=5e-3)
    plain = sequential((4,), layers.Dense(2))
    assert convertible(plain, Path("m.keras")) is plain


@pytest.mark.slow
def test_normalisations_that_stay_are_named(tmp_path: Path) -> None:
    keras.utils.set_random_seed(2)
    model = sequential(
        (6, 6, 1),
        layers.Conv2D(4, 3),
        layers.BatchNormalization(name="folds"),
        layers.ReLU(),
        layers.MaxPooling2D(2),
        layers.BatchNormalization(name="stays"),
        layers.Flatten(),
        layers.Dense(3, activation="softmax"),
    )
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_mean.assign(np.array([0.1, 0.2, -0.1, 0.3]))
            layer.moving_variance.assign(np.array([0.5, 2.0, 1.0, 3.0]))
    inputs = np.random.default_rng(0).normal(0, 1, (16, 6, 6, 1))
    result = convert(*saved(model, tmp_path, inputs), tmp_path / "m.tflite")
    assert list(result.unfolded) == ["stays"]


class Own(layers.Layer):  # type: ignore[misc]  # Keras has no types
    def call(self, inputs: Any) -> Any:
        return inputs * 2


def two_inputs() -> Any:
    a, b = keras.Input((4,)), keras.Input((3,))
    return keras.Model([a, b], layers.Dense(2)(layers.Concatenate()([a, b])))


def not_numbers() -> Any:
    model = sequential((6,), layers.Dense(2, activation="softmax"))
    model.set_weights([np.full((6, 2), np.nan), np.zeros(2)])
    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (not_numbers, "its answers to .* are not all finite numbers"),
        (lambda: sequential((6, 4), layers.Masking(), layers.GRU(3)), "layer masking masks steps of gru"),
        (lambda: sequential((6,), layers.Dense(2, activation="elu")), r"operator \d+ ELU \(.*\) has no integer form"),
        (lambda: sequential((6,), layers.Dense(2, activation="gelu")), r"operator \d+ GELU \(.*\) is not supported"),
        (lambda: sequential((6,), layers.Dropout(0.5)), "no layer that could be quantised"),
        (lambda: sequential((6,), layers.Lambda(lambda x: x * 2), layers.Dense(2)), "Lambda layer, whose code"),
        (lambda: sequential((6,), Own(), layers.Dense(2)), "the class 'Own', which only your program knows"),
        (lambda: sequential((200, 4), layers.LSTM(3), layers.Dense(2)), "runs over 200 steps, and at most 128"),
        (lambda: sequential((None, 4), layers.Conv1D(3, 3), layers.GlobalMaxPooling1D()), "of which part is open"),
        (two_inputs, "has 2 inputs and 1 outputs"),
    ],
)
def test_what_cannot_be_converted_is_refused_with_the_reason(tmp_path: Path, make: Any, message: str) -> None:
    made = make()
    shape = [size or 6 for size in made.inputs[0].shape[1:]]
    model, data = saved(made, tmp_path, np.random.default_rng(0).normal(0, 1, (8, *shape)))
    with pytest.raises(FieldwrenError, match=message):
        convert(model, data, tmp_path / "m.tflite")
    assert not (tmp_path / "m.tflite").exists()


def test_float16_inputs_become_float32(tmp_path: Path) -> None:
    keras.config.set_floatx("float16")
    try:
        model = sequential((6,), layers.Dense(4, activation="relu"), layers.Dense(2, activation="softmax"))
    finally:
        keras.config.set_floatx("float32")
    data = np.random.default_rng(0).normal(0, 1, (40, 6))
    result = convert(*saved(model, tmp_path, data), tmp_path / "m.tflite")
    assert result.metric == "agreement" and result.int8_metric > 0.9


def test_every_frame_of_a_framewise_model_is_compared(tmp_path: Path) -> None:
    model = sequential((12, 4), layers.Conv1D(6, 3, padding="same"), layers.Dense(3, activation="softmax"))
    inputs = np.random.default_rng(0).normal(0, 1, (40, 12, 4))
    path, data = saved(model, tmp_path, inputs)
    np.savez(data / "labelled.npz", x=inputs, y=np.zeros(40))
    for file in data.glob("*.npy"):
        file.unlink()
    result = convert(path, data, tmp_path / "m.tflite")
    assert result.metric == "agreement" and 0.8 < result.int8_metric <= 1


def test_a_logit_is_a_yes_above_0_and_stays_one_when_fine_tuned(tmp_path: Path) -> None:
    model = sequential((6,), layers.Dense(1))
    model.set_weights([np.full((6, 1), 0.05), np.zeros(1)])  # logits that are seldom above 0.5
    inputs = np.random.default_rng(0).normal(0, 1, (200, 6)).astype(np.float32)
    truth = (inputs.sum(axis=1) > 0).astype(np.int64)
    path, data = saved(model, tmp_path, inputs)
    for file in data.iterdir():
        file.unlink()
    np.savez(data / "x.npz", x=inputs, y=truth)
    result = convert(path, data, tmp_path / "m.tflite")
    assert result.float_metric == 1.0 and result.int8_metric > 0.97
    from fieldwren.train.fine_tune import fine_tune

    model.set_weights([np.zeros((6, 1)), np.zeros(1)])
    fine_tune(model, inputs, truth, from_logits=True)
    assert np.mean((np.asarray(model(inputs))[:, 0] > 0) == truth) > 0.9
