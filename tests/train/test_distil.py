"""Teachers: the loss that they add, the transformer and its pre-training, and what a student gets from one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fieldwren.errors import BadInputError
from support import require_module

keras = require_module("keras")
tf = require_module("tensorflow")

from fieldwren.train import distil, fit, models, teacher  # noqa: E402 - TensorFlow may be absent


def test_softening_divides_the_logits() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (5, 4))
    answers = np.asarray(tf.nn.softmax(logits), np.float32)
    lesson = distil.Lesson(answers, temperature=3.0, weight=0.5)
    np.testing.assert_allclose(lesson.softened(), np.asarray(tf.nn.softmax(logits / 3.0)), atol=1e-6)


def test_the_loss_is_hintons() -> None:
    """Against weight · T² · KL(teacher_T ‖ student_T), from which it differs by the teacher's entropy alone."""
    rng = np.random.default_rng(1)
    student, taught = rng.normal(0, 2, (2, 6, 3))
    lesson = distil.Lesson(np.asarray(tf.nn.softmax(taught), np.float32), 2.0, 0.7)
    importance = np.ones(6, np.float32)
    got = float(distil.soft_loss(lesson, lesson.softened(), np.asarray(tf.nn.softmax(student), np.float32), importance))
    p, q = (np.asarray(tf.nn.softmax(x / 2.0)) for x in (taught, student))
    divergence = np.mean(np.sum(p * np.log(p / q), axis=1))
    entropy = -np.mean(np.sum(p * np.log(p), axis=1))
    assert got == pytest.approx(0.7 * 4 * (divergence + entropy), rel=1e-4)


def test_a_teacher_that_knows_more_than_the_labels_helps() -> None:
    """Half of the labels are wrong at random; the teacher was told the truth. The student beside it must follow."""
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 2, 400)
    inputs = (rng.normal(0, 1, (400, 8)) + 1.2 * np.where(truth, 1, -1)[:, np.newaxis]).astype(np.float32)
    wrong = np.where(rng.random(400) < 0.5, rng.integers(0, 2, 400), truth)
    answers = np.eye(2, dtype=np.float32)[truth] * 0.9 + 0.05
    reached = []
    for lesson in (None, distil.Lesson(answers, 2.0, 0.9)):
        fit.prepare(0)
        model = models.mlp(8, 2, hidden=(32,))
        fit.fit(model, inputs[:200], wrong[:200], 2, fit.Optimisation(20, 50, 1e-2), lesson=_first(lesson, 200))
        reached.append(np.mean(np.argmax(fit.predict(model, inputs[200:]), axis=1) == truth[200:]))
    assert reached[1] > reached[0] + 0.02


def _first(lesson: distil.Lesson | None, count: int) -> distil.Lesson | None:
    return None if lesson is None else distil.Lesson(lesson.answers[:count], lesson.temperature, lesson.weight)


@pytest.mark.slow
def test_the_transformer_learns_to_restore_what_was_masked(tmp_path: Path) -> None:
    """Rows that repeat every patch: what is masked can be told from the rest, but not from nothing."""
    fit.prepare(0)
    rng = np.random.default_rng(3)
    patch = teacher.patch_of(14, 10)
    assert patch == (7, 5)
    one = rng.normal(5, 3, (96, 7, 5)).astype(np.float32)
    inputs = np.tile(one, (1, 2, 2))[..., np.newaxis]
    model = teacher.transformer(14, 10, 3, width=16, blocks=1, heads=2)
    teacher.adapt(model, inputs)
    history = teacher.pretrain(model, inputs, epochs=10, batch_size=16, learning_rate=5e-3)
    assert history[0] > 0.95  # of the variance, which is what the mean as the answer would get
    assert history[-1] < 0.85
    model.save(tmp_path / "t.keras")
    loaded = distil.load_teacher(tmp_path / "t.keras", (14, 10, 1), 3)
    np.testing.assert_allclose(distil.probabilities(loaded, inputs), fit.predict(model, inputs), atol=1e-6)


def test_patches_are_cut_in_the_order_of_the_convolution() -> None:
    inputs = np.arange(4 * 6, dtype=np.float32).reshape(1, 4, 6, 1)
    cut = np.asarray(teacher.patches_of(inputs, (2, 3)))
    assert cut[0, 0].tolist() == [0, 1, 2, 6, 7, 8]
    assert cut[0, 1].tolist() == [3, 4, 5, 9, 10, 11]
    assert cut.shape == (1, 4, 6)


def test_logits_become_probabilities() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    inputs = np.random.default_rng(0).normal(0, 1, (5, 4)).astype(np.float32)
    wanted = tf.nn.softmax(model(inputs))
    np.testing.assert_allclose(distil.probabilities(model, inputs), wanted, atol=1e-6)


def test_teachers_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    models.mlp(4, 3).save(tmp_path / "m.keras")
    (tmp_path / "n.keras").write_text("nothing")
    with pytest.raises(BadInputError, match=r"takes \[4\] and gives \[3\]; the student has \[5\] and \[3\]"):
        distil.load_teacher(tmp_path / "m.keras", (5,), 3)
    with pytest.raises(BadInputError, match="there is no such file"):
        distil.load_teacher(tmp_path / "absent.keras", (5,), 3)
    with pytest.raises(BadInputError, match="is no Keras model"):
        distil.load_teacher(tmp_path / "n.keras", (5,), 3)
