"""Embeddings that other words can be learned on: whitened within classes, and told apart in training."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren.features import AudioFrontEnd
from fieldwren.learn.cut import cut
from fieldwren.tflite.reader import read_bytes
from fieldwren.train import windowset
from fieldwren.train.augment import Augmentation
from fieldwren.train.clips import Clip
from fieldwren.train.windows import Sources
from support import require_module

Real = NDArray[np.float64]

PLAIN = Augmentation(speed=0.0, tempo=0.0, gain_db=(0.0, 0.0), clean_share=1.0)


def groups_of(rng: np.random.Generator, count: int = 400) -> tuple[Real, NDArray[np.int64]]:
    """Points around three means, all spread alike and askew, as one speaker's and another's words are."""
    groups = rng.integers(0, 3, count)
    skew = rng.normal(size=(5, 5))
    return rng.normal(size=(count, 5)) @ skew + 4 * rng.normal(size=(3, 5))[groups], groups


def test_the_transform_is_the_inverse_root_of_the_covariance_within_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    require_module("tensorflow")
    from fieldwren.train import whiten

    points, groups = groups_of(np.random.default_rng(0))
    within = sum(
        np.cov(points[groups == group].T, bias=True) * np.mean(groups == group) for group in range(3)
    )  # the pooled covariance
    shrunk = 0.7 * within + 0.3 * np.trace(within) / 5 * np.eye(5)
    mean, transform = whiten.transform_of(points, groups)
    np.testing.assert_allclose(mean, points.mean(axis=0))
    np.testing.assert_allclose(np.linalg.inv(transform @ transform), shrunk, rtol=1e-9)
    np.testing.assert_allclose(transform, transform.T, atol=1e-12)

    monkeypatch.setattr(whiten, "SHRINKAGE", 0.0)
    mean, transform = whiten.transform_of(points, groups)
    z = (points - mean) @ transform
    centred = z - np.stack([z[groups == group].mean(axis=0) for group in range(3)])[groups]
    np.testing.assert_allclose(centred.T @ centred / len(z), np.eye(5), atol=1e-9)


@pytest.mark.slow
def test_whitening_keeps_the_answers_and_adapters_reach_behind_it() -> None:
    require_module("tensorflow")
    from fieldwren.train import fit, models, quantise, whiten

    fit.prepare(0)
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(80, 20, 6, 1)).astype(np.float32)
    groups = rng.integers(-1, 3, 80)
    model = models.ds_cnn(20, 6, 4, channels=8, blocks=1)
    made = whiten.whitened(model, inputs, groups)
    np.testing.assert_allclose(fit.predict(made, inputs), fit.predict(model, inputs), atol=1e-5)
    assert models.parameters(whiten.untrained(model)) == models.parameters(model) + 8 * 8 + 8 == models.parameters(made)

    graph = read_bytes(quantise.to_int8(made, inputs), "model")
    plain, adapted = cut(graph), cut(graph, adapters=True)
    assert plain.backbone.main.operators[-1].name == "CONV_2D"  # the layer that whitens
    assert adapted.site is not None
    assert len(adapted.backbone.main.operators) == len(plain.backbone.main.operators) - 1
    # Both heads give the same logits, but for what int8 rounds between the two layers.
    last = plain.backbone.main.operators[-1]
    kernel, bias = (graph.main.tensors[number] for number in last.inputs[1:3])
    assert kernel.data is not None and kernel.quantisation is not None and bias.data is not None
    real = adapted.scale * (np.random.default_rng(1).integers(-128, 128, 8) - adapted.zero_point)
    scales = kernel.quantisation.scales.astype(np.float64)
    z = scales * (kernel.data.reshape(8, 8) @ real + adapted.scale * bias.data)
    np.testing.assert_allclose(adapted.weights @ real + adapted.bias, plain.weights @ z + plain.bias, rtol=1e-9)


@pytest.mark.slow
def test_a_network_that_tells_all_words_apart_keeps_them_apart() -> None:
    """Two words are background alike; only where they are told apart does the embedding say which of them it was."""
    keras = require_module("keras")
    from fieldwren.train import fit
    from fieldwren.train.all_words import AllWords, embedding_of

    rng = np.random.default_rng(1)
    words = rng.integers(0, 3, 900)  # word 0 is a class, 1 and 2 are background
    inputs = rng.normal(0, 0.3, (900, 6)).astype(np.float32)
    inputs[np.arange(900), words] += 1
    labels = (words == 0).astype(np.int64)

    def spread(given: AllWords | None) -> float:
        fit.prepare(3)
        source = keras.Input((6,))
        embedding = keras.layers.Dense(4, activation="tanh")(source)
        model = keras.Model(source, keras.layers.Dense(2, activation="softmax")(embedding))
        options = fit.Optimisation(8, batch_size=32, learning_rate=0.02, weight_decay=0.1)
        fit.fit(model, inputs, labels, 2, options, words=given, seed=1)
        assert np.mean(np.argmax(fit.predict(model, inputs), axis=1) == labels) > 0.9
        made = fit.predict(keras.Model(model.input, embedding_of(model)), inputs).astype(np.float64)
        one, two = made[words == 1], made[words == 2]
        deviation = np.sqrt((one.var(axis=0) + two.var(axis=0)).mean() / 2)
        return float(np.linalg.norm(one.mean(axis=0) - two.mean(axis=0)) / deviation)

    assert spread(AllWords(words, 3, 1.0)) > 2 * spread(None)


def test_windows_of_other_words_are_background_and_know_their_word() -> None:
    rng = np.random.default_rng(2)

    def clip(label: str, name: str) -> Clip:
        return Clip(rng.normal(0, 0.1, 6000).astype(np.float32), label, "ann", name)

    front_end = AudioFrontEnd(window_frames=98, coefficient_count=10)
    sources = Sources([clip("on", "1"), clip("off", "2")], [clip("dog", "3"), clip("", "dog"), clip("", "cat")], [])
    known = windowset.make(front_end, sources, ("on", "off"), PLAIN, per_clip=2, background_share=0.5, seed=0)
    made, words, count = windowset.with_other_words(front_end, known, sources, ("on", "off"), PLAIN, per_clip=3, seed=0)
    assert count == 4  # on, off, cat, dog
    assert len(made.labels) == len(words) == len(known.labels) + 9
    np.testing.assert_array_equal(made.features[: len(known.labels)], known.features)
    np.testing.assert_array_equal(words[: len(known.labels)], known.labels - 1)
    assert not made.labels[len(known.labels) :].any()
    assert sorted(words[len(known.labels) :]) == [2, 2, 2] + 6 * [3]
    same, words, count = windowset.with_other_words(front_end, known, sources, ("on", "off"), PLAIN, per_clip=0, seed=0)
    assert same is known and count == 2
