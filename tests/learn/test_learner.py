"""The learner's arithmetic against NumPy, and what it answers to good and bad requests."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from fieldwren.core import PORTABLE
from fieldwren.errors import BadInputError
from fieldwren.learn import LearnerConfig, Script, ScriptResult, StoredEmbeddings, cut, run_script
from fieldwren.learn.factory import NEGATIVE, Embeddings, Factory, statistics_of
from fieldwren.native import library
from fieldwren.ops.lowering import lower
from fieldwren.plan import plan
from fieldwren.runtime import Interpreter
from fieldwren.tflite import read_model
from learn.learners import busy_script, embeddings, random_factory

PLAIN = LearnerConfig(classes_spare=2, rate=0.02, replays_per_sample=0, momentum=0.0, pull=0.0, imprint=0.0)
OK, E_ARGUMENT, E_SPACE = 0, -1, -3


def statuses(result: ScriptResult) -> list[int]:
    return [int(status) for status in result.replies["status"]]


def parts(factory: Factory, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    classes = len(head) // (factory.features + 1)
    return head[: -classes or None].reshape(classes, factory.features).astype(float), head[-classes:].astype(float)


def standardised(factory: Factory, row: Embeddings) -> np.ndarray:
    return (row.astype(float) - factory.stored.mean) * factory.stored.gain


def test_self_test() -> None:
    assert library().fw_learner_self_test() == OK


@pytest.mark.parametrize("loss", ["softmax", "logistic"])
def test_updates_are_those_of_numpy(loss: str) -> None:
    """Ten steps with momentum in double precision."""
    config = dataclasses.replace(PLAIN, momentum=0.6, rate=0.01)
    factory = random_factory(24, 5, config, loss=loss)
    rows, script = embeddings(10, 24, 3), Script(24)
    weights, bias = parts(factory, factory.head)
    speed, bias_speed = np.zeros_like(weights), np.zeros_like(bias)
    for number, row in enumerate(rows):
        script.teach(row, number % 5)
        z = standardised(factory, row)
        logits = weights @ z + bias
        y = 1 / (1 + np.exp(-logits)) if loss == "logistic" else np.exp(logits - logits.max())
        if loss == "softmax":
            y /= y.sum()
        error = y - np.eye(5)[number % 5]
        speed = 0.6 * speed + 0.01 * np.outer(error, z)
        bias_speed = 0.6 * bias_speed + 0.01 * error
        weights, bias = weights - speed, bias - bias_speed
    learned = run_script(factory, script)
    assert learned.updates == 10
    found, found_bias = parts(factory, learned.head)
    np.testing.assert_allclose(found, weights, atol=2e-5)
    np.testing.assert_allclose(found_bias, bias, atol=2e-5)


def test_pull_goes_back_to_the_factory_head() -> None:
    """Strong and weak pull after the same lessons: the strong one stays nearer."""
    distances = []
    for pull in (0.0, 1e-3, 1e-2):
        factory = random_factory(16, 4, dataclasses.replace(PLAIN, pull=pull))
        script = Script(16)
        for number, row in enumerate(embeddings(60, 16, 5)):
            script.teach(row, number % 4)
        distances.append(float(np.abs(run_script(factory, script).head - factory.head).sum()))
    assert distances[0] > distances[1] > distances[2] > 0


def test_new_class_is_learned_and_old_ones_stay() -> None:
    """Clusters: a fourth one is taught with five samples, and the three of the factory's replay are still known."""
    rng = np.random.default_rng(2)
    centres = rng.integers(-80, 80, (4, 32))
    drawn = np.clip(centres[:, None] + rng.normal(0, 20, (4, 40, 32)), -128, 127).astype(np.int8)
    base = random_factory(32, 3, LearnerConfig())
    stored = dataclasses.replace(
        base.stored,
        mean=np.zeros(32, np.float32),
        gain=np.full(32, 0.02, np.float32),
        replay={label: drawn[k, :8] for k, label in enumerate(base.labels)},
    )
    centred = (centres[:3] * 0.02).astype(np.float32)
    head = np.concatenate([centred.ravel(), -(centred**2).sum(axis=1) / 2]).astype(np.float32)
    factory = dataclasses.replace(base, stored=stored, head=head)
    script = Script(32)
    script.add_class("fourth")
    for row in drawn[3, :5]:
        script.teach(row, 3)
    script.practise(10)
    asked = [script.classify(row) for rows in drawn for row in rows[8:]]
    answers = run_script(factory, script).replies["label"][asked].reshape(4, 32)
    right = (answers == np.arange(4)[:, None]).mean(axis=1)
    assert right.min() >= 0.95, right


def test_guard_takes_back_what_makes_it_worse() -> None:
    """Wrong labels in a storm: without a guard the head is spoilt, with one it is not."""
    guarded = LearnerConfig(guard_samples=10, guard_loss=0, rate=0.5, replays_per_sample=0)
    factory = random_factory(16, 5, guarded)
    weights, bias = parts(factory, factory.head)
    script = Script(16)
    rows = embeddings(10, 16, 7)
    best = [int(np.argmax(weights @ standardised(factory, row) + bias)) for row in rows]
    truth = dataclasses.replace(
        factory,
        stored=dataclasses.replace(factory.stored, guard={}, negatives=None),
    )
    for row, label in zip(rows, best, strict=True):
        script.guard(row, label)
    for row, label in zip(rows, best, strict=True):
        script.teach(row, (label + 1) % 5)
    asked = [script.classify(row) for row in rows]
    result = run_script(truth, script)
    assert result.rollbacks >= 5
    assert result.replies["label"][asked].tolist() == best
    unguarded = run_script(dataclasses.replace(truth, config=dataclasses.replace(guarded, guard_samples=0)), script)
    assert unguarded.replies["label"][asked].tolist() != best


def test_rejection_below_the_threshold() -> None:
    factory = random_factory(16, 4, dataclasses.replace(PLAIN, reject_below=0.7))
    script = Script(16)
    for row in embeddings(50, 16, 8):
        script.classify(row)
    replies = run_script(factory, script).replies
    assert 0 < replies["accepted"].sum() < 50
    assert ((replies["confidence"] >= np.float32(0.7)) == (replies["accepted"] == 1)).all()


def test_bad_requests_change_nothing() -> None:
    factory = random_factory(8, 3, dataclasses.replace(PLAIN, classes_spare=1))
    script, row = Script(8), embeddings(1, 8, 9)[0]
    script.teach(row, 3)
    script.teach(row, NEGATIVE)
    script.add_class("class 1")
    script.remove_class(3)
    script.practise(0)
    script.guard(row, 0)
    script.records.append(b"\x63\0\0\0" + bytes(20))
    result = run_script(factory, script)
    assert statuses(result) == [E_ARGUMENT, E_ARGUMENT, E_ARGUMENT, E_ARGUMENT, E_ARGUMENT, -6, -4]
    assert result.updates == 0
    np.testing.assert_array_equal(result.head, factory.head)
    with pytest.raises(BadInputError, match="1 to 19 bytes"):
        script.add_class("")


def test_class_table_full() -> None:
    factory = random_factory(8, 3, dataclasses.replace(PLAIN, classes_spare=1))
    script = Script(8)
    script.add_class("fourth")
    script.add_class("fifth")
    result = run_script(factory, script)
    assert statuses(result) == [OK, E_SPACE]
    assert result.replies["label"][0] == 3


def test_removed_class_leaves_the_others() -> None:
    factory = random_factory(8, 4, PLAIN)
    script = Script(8)
    script.remove_class(1)
    weights, bias = parts(factory, factory.head)
    found, found_bias = parts(factory, run_script(factory, script).head)
    np.testing.assert_array_equal(found, weights[[0, 2, 3]])
    np.testing.assert_array_equal(found_bias, bias[[0, 2, 3]])


def test_reset_is_the_factory_head() -> None:
    factory = random_factory(12, 4, LearnerConfig(guard_samples=6, running_statistics=True))
    script = busy_script(factory, 12)
    script.reset()
    np.testing.assert_array_equal(run_script(factory, script).head, factory.head)
    again = busy_script(factory, 12)
    after_reset = Script(12, [*script.records, *again.records])
    np.testing.assert_array_equal(run_script(factory, after_reset).head, run_script(factory, again).head)


@pytest.mark.parametrize("field", ["head", "mean", "gain"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(field: str, value: float) -> None:
    factory = random_factory(8, 3, PLAIN)
    if field == "head":
        spoilt = dataclasses.replace(factory, head=np.where(np.arange(27) == 5, value, factory.head))
    else:
        array = np.array([value, *getattr(factory.stored, field)[1:]], np.float32)
        spoilt = dataclasses.replace(factory, stored=dataclasses.replace(factory.stored, **{field: array}))
    with pytest.raises(BadInputError, match="refused"):
        run_script(spoilt, Script(8))


def test_long_life_stays_bounded() -> None:
    """Hundreds of thousands of updates at the highest rate, with contradicting labels."""
    factory = random_factory(8, 4, LearnerConfig(rate=1.0, momentum=0.99, running_statistics=True, guard_samples=4))
    script = busy_script(factory, 40)
    for _ in range(8):
        script.practise(1000)
    result = run_script(factory, script)
    assert result.updates > 200_000
    assert np.isfinite(result.head).all()
    assert np.abs(result.head).max() < 1e5


def test_values_are_learned_as_numpy_does() -> None:
    """Squared error: the step of an implicit update, rate / (1 + rate |z, 1|²), with momentum in double precision."""
    config = dataclasses.replace(PLAIN, classes_spare=0, momentum=0.4, rate=0.1)
    factory = random_factory(24, 3, config, loss="squared")
    rows, script = embeddings(10, 24, 3), Script(24)
    weights, bias = parts(factory, factory.head)
    speed, bias_speed = np.zeros_like(weights), np.zeros_like(bias)
    for number, row in enumerate(rows):
        wanted = np.array([0.5, -1.25, 0.01 * number], np.float32)
        script.teach_values(row, wanted)
        z = standardised(factory, row)
        step = 0.1 / (1 + 0.1 * (1 + z @ z))
        error = weights @ z + bias - wanted
        speed = 0.4 * speed + step * np.outer(error, z)
        bias_speed = 0.4 * bias_speed + step * error
        weights, bias = weights - speed, bias - bias_speed
    learned = run_script(factory, script)
    assert set(statuses(learned)) == {OK}
    found, found_bias = parts(factory, learned.head)
    np.testing.assert_allclose(found, weights, atol=2e-5)
    np.testing.assert_allclose(found_bias, bias, atol=2e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_to_learn_must_be_finite(value: float) -> None:
    factory = random_factory(24, 3, dataclasses.replace(PLAIN, classes_spare=0), loss="squared")
    script = Script(24)
    taught = script.teach_values(embeddings(1, 24, 3)[0], np.array([0, value, 0], np.float32))
    learned = run_script(factory, script)
    assert statuses(learned)[taught] == E_ARGUMENT
    assert learned.updates == 0


def test_recursive_least_squares_is_that_of_numpy() -> None:
    """200 noisy lessons without forgetting: the solution of the ridge problem that they are, with a pull of 1."""
    config = dataclasses.replace(PLAIN, classes_spare=0, forgetting=1.0)
    factory = random_factory(12, 2, config, loss="squared")
    rows, rng, script = embeddings(200, 12, 5), np.random.default_rng(6), Script(12)
    targets = rng.normal(0, 1, (200, 2)).astype(np.float32)
    for row, target in zip(rows, targets, strict=True):
        script.teach_values(row, target)
    found = run_script(factory, script).head
    z = (rows.astype(np.float64) - factory.stored.mean) * factory.stored.gain
    z = np.column_stack([z, np.ones(200)])
    start = np.column_stack([factory.head[:24].reshape(2, 12), factory.head[24:]])
    wanted = start + np.linalg.solve(z.T @ z + np.eye(13), z.T @ (targets - z @ start.T)).T
    np.testing.assert_allclose(found[:24].reshape(2, 12), wanted[:, :12], atol=2e-4)
    np.testing.assert_allclose(found[24:], wanted[:, 12], atol=2e-4)


def test_recursive_least_squares_forgets_as_numpy_does() -> None:
    """With forgetting, in double precision and with the information instead of its inverse: after each lesson one weight
    after the other counts as observed where it is, for what is forgotten of the start."""
    forgetting, lessons = 0.95, 120
    factory = random_factory(12, 2, dataclasses.replace(PLAIN, classes_spare=0, forgetting=forgetting), loss="squared")
    rows, rng, script = embeddings(lessons, 12, 5), np.random.default_rng(6), Script(12)
    targets = rng.normal(0, 1, (lessons, 2)).astype(np.float32)
    wanted = np.column_stack([factory.head[:24].reshape(2, 12), factory.head[24:]]).astype(np.float64)
    information = np.eye(13)
    for number, (row, target) in enumerate(zip(rows, targets, strict=True)):
        script.teach_values(row, target)
        z = np.append(standardised(factory, row), 1.0)
        information = forgetting * information + np.outer(z, z)
        wanted += np.outer(target - wanted @ z, np.linalg.solve(information, z))
        weight = (number + 1) % 13
        information[weight, weight] += 13 * (1 - forgetting)
    found = run_script(factory, script).head
    np.testing.assert_allclose(np.column_stack([found[:24].reshape(2, 12), found[24:]]), wanted, atol=5e-4)


def test_recursive_least_squares_does_not_wear_out() -> None:
    """Embeddings that say nothing in most directions, for 5,000 lessons: a new truth is still learned in 200."""
    config = dataclasses.replace(PLAIN, classes_spare=0, forgetting=0.97)
    factory = random_factory(12, 1, config, loss="squared")
    rng, script = np.random.default_rng(4), Script(12)
    directions = rng.normal(0, 18, (2, 12))  # two of the twelve

    def lessons(count: int, truth: float) -> list[tuple[Embeddings, float]]:
        drawn = rng.normal(0, 1, (count, 2))
        codes = np.clip(np.round(drawn @ directions - 50), -128, 127).astype(np.int8)
        return [(row, truth * x) for row, x in zip(codes, drawn[:, 0], strict=True)]

    for row, value in [*lessons(5000, 1.0), *lessons(200, -2.0)]:
        script.teach_values(row, np.array([value], np.float32))
    asked = lessons(50, -2.0)
    numbers = [script.classify(row) for row, _ in asked]
    found = run_script(factory, script).replies["confidence"][numbers]
    assert np.sqrt(np.mean((found - [value for _, value in asked]) ** 2)) < 0.05


def test_lessons_that_contradict_the_newest_ones_are_taken_back() -> None:
    """A reading that is wrong now and then does not spoil what was learned; a truth that has changed is learned."""
    guarded = dataclasses.replace(PLAIN, classes_spare=0, rate=0.1, guard_samples=15, guard_loss=3)
    truth = np.random.default_rng(1).normal(0, 0.02, 12)
    rows = embeddings(300, 12, 5)
    errors = {}
    for name, samples, is_recursive in (("none", 0, False), ("descent", 15, False), ("recursive", 15, True)):
        config = dataclasses.replace(guarded, guard_samples=samples, forgetting=0.97 if is_recursive else 0.0)
        factory = random_factory(12, 1, config, loss="squared")
        factory = dataclasses.replace(factory, stored=dataclasses.replace(factory.stored, guard={}, negatives=None))
        script = Script(12)
        for number, row in enumerate(rows):
            value = row @ truth * (1 if number < 150 else -1) + (40.0 if number % 25 == 24 else 0.0)
            script.teach_values(row, np.array([value], np.float32))
        asked = [script.classify(row) for row in rows]
        result = run_script(factory, script)
        found = result.replies["confidence"][asked]
        errors[name] = float(np.sqrt(np.mean((found + rows @ truth) ** 2))), result.rollbacks
    assert errors["none"][1] == 0
    assert errors["descent"][1] >= 11
    assert errors["recursive"][1] >= 11
    assert errors["descent"][0] < 0.2 * errors["none"][0]
    assert errors["recursive"][0] < 0.2 * errors["none"][0]


@pytest.mark.parametrize("value", [1.1e6, -3e38])
def test_values_to_learn_are_not_beyond_what_a_head_can_hold(value: float) -> None:
    factory = random_factory(8, 1, dataclasses.replace(PLAIN, classes_spare=0), loss="squared")
    script = Script(8)
    script.teach_values(embeddings(1, 8, 3)[0], np.array([value], np.float32))
    learned = run_script(factory, script)
    assert statuses(learned)[-1] == E_ARGUMENT
    np.testing.assert_array_equal(learned.head, factory.head)


def test_a_sine_that_grows_is_followed_within_200_samples(shared_data: Path) -> None:
    """TFLM's hello_world, whose target grows by 30 %: the error is at most 1.2 times what it was."""
    made = cut(read_model(shared_data / "models" / "tflm_hello_world.tflite"), is_regression=True)
    planned = plan(lower(made.backbone, PORTABLE))
    interpreter, port = Interpreter(planned), planned.program.inputs[0]

    def embedded(x: np.ndarray) -> Embeddings:
        codes = np.clip(np.round(x / port.scale) + port.zero_point, -128, 127).astype(np.int8)
        return np.array([interpreter.invoke([code.reshape(port.shape)])[0].ravel() for code in codes], np.int8)

    asked = np.linspace(0, 2 * np.pi, 200)
    rows = embedded(asked)
    mean, gain = statistics_of(rows)
    config = dataclasses.replace(PLAIN, classes_spare=0, rate=0.1)
    stored, features = StoredEmbeddings(mean, gain), made.weights.shape[1]
    factory = Factory(config, ("y",), made.loss, features, made.standardised(mean, gain), stored)

    def error(amplitude: float, taught: np.ndarray) -> float:
        script = Script(features)
        for x, row in zip(taught, embedded(taught), strict=True):
            script.teach_values(row, np.array([amplitude * np.sin(x)], np.float32))
        numbers = [script.classify(row) for row in rows]
        found = run_script(factory, script).replies["confidence"][numbers]
        return float(np.sqrt(np.mean((found - amplitude * np.sin(asked)) ** 2)))

    before = error(1.0, asked[:0])
    assert error(1.3, asked[:0]) > 4 * before
    for seed in range(3):
        assert error(1.3, np.random.default_rng(seed).uniform(0, 2 * np.pi, 200)) <= 1.2 * before
