"""The device's side in C: what it learns, what it answers, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren.errors import BadInputError
from fieldwren.fleet import wire
from fieldwren.fleet.deal import shard_of
from fieldwren.fleet.device import Task, Update, Vector
from fieldwren.fleet.federation import Local
from fieldwren.fleet.virtual import Memory, Shard, VirtualLearner
from fleet.fleets import CLASSES, FEATURES, factory, pools

TASK = Task(1, 0, 0, 1, np.zeros(CLASSES * (FEATURES + 1), np.float32), 10, 0.05, 99)


@pytest.fixture(scope="module")
def learner() -> VirtualLearner:
    return VirtualLearner(factory(), 40, 40)


def _shard(count: int = 16, group: str = "g0") -> Shard:
    order = np.random.default_rng(0).permutation(CLASSES * 30)
    return shard_of(pools()[group], order[:count], order[40:60])


def _answer(learner: VirtualLearner, shard: Shard, task: Task, memory: Memory | None = None) -> Update:
    message = wire.encode_task(replace(task, model=task.model or learner.model))
    return wire.decode_update(learner.adapt(shard, message, memory))


def _gradient(head: NDArray[np.float64], row: NDArray[np.int8], label: int) -> NDArray[np.float64]:
    """Of softmax cross-entropy, in float64, by its definition."""
    z = (row.astype(np.float64) - 3.0) / 30
    weights, bias = head[: CLASSES * FEATURES].reshape(CLASSES, FEATURES), head[CLASSES * FEATURES :]
    logits = weights @ z + bias
    error = np.exp(logits - logits.max())
    error = error / error.sum() - np.eye(CLASSES)[label]
    return np.concatenate([np.outer(error, z).ravel(), error])


def test_one_sample_is_plain_gradient_descent(learner: VirtualLearner) -> None:
    """Ten steps on one sample, with momentum, as NumPy does them in float64."""
    shard = _shard(1)
    update = _answer(learner, shard, replace(TASK, momentum=0.5))
    head = factory().head.astype(np.float64)
    velocity = np.zeros_like(head)
    for _ in range(10):
        velocity = 0.5 * velocity + 0.05 * _gradient(head, shard.taught[0], int(shard.taught_labels[0]))
        head = head - velocity
    np.testing.assert_allclose(update.change, head - factory().head, atol=2e-6)
    assert (update.samples, update.status) == (1, "ok")


@pytest.mark.parametrize("count", [2, 3, 16, 31, 32, 33])
def test_a_pass_sees_every_sample_once(learner: VirtualLearner, count: int) -> None:
    """So small a rate that the head stands still: the change is the sum of all gradients."""
    shard = _shard(count)
    head = factory().head.astype(np.float64)
    whole = sum(_gradient(head, row, int(label)) for row, label in zip(shard.taught, shard.taught_labels, strict=True))
    for seed in (0, 1, 12345):
        update = _answer(learner, shard, replace(TASK, steps=count, rate=1e-4, seed=seed))
        np.testing.assert_allclose(update.change / -1e-4, whole, atol=0.02 * count)


def test_the_seed_decides_the_order(learner: VirtualLearner) -> None:
    def trained(seed: int) -> bytes:
        return _answer(learner, _shard(), replace(TASK, steps=16, seed=seed)).change.tobytes()

    assert trained(1) == trained(1)
    assert len({trained(seed) for seed in range(8)}) == 8


def test_it_measures_the_head_that_came(learner: VirtualLearner) -> None:
    shard, rng = _shard(), np.random.default_rng(1)
    head = rng.standard_normal(len(TASK.change)).astype(np.float32)
    update = _answer(learner, shard, replace(TASK, change=head - factory().head))
    z = (shard.tests.astype(np.float64) - 3) / 30
    logits = z @ head[: CLASSES * FEATURES].reshape(CLASSES, FEATURES).T + head[CLASSES * FEATURES :]
    right = int((logits.argmax(axis=1) == shard.test_labels).sum())
    assert (update.correct, update.tested) == (right, len(shard.tests))
    assert learner.correct(shard, head) == right


def test_query_steps_alone_are_sent(learner: VirtualLearner) -> None:
    """First-order MAML: the whole change less that of the support steps."""
    shard = _shard()
    support = _answer(learner, shard, replace(TASK, steps=8)).change
    both = _answer(learner, shard, replace(TASK, steps=11)).change
    query = _answer(learner, shard, replace(TASK, steps=8, query_steps=3)).change
    np.testing.assert_allclose(query, both - support, atol=1e-6)


def _by_hand(learner: VirtualLearner, shard: Shard, tasks: list[Task]) -> tuple[list[Vector], Vector]:
    """(what was sent, what was not sent yet) of a device that compresses, from devices that do not."""
    held, residual, sent = factory().head, np.zeros(len(TASK.change), np.float32), []
    for task in tasks:
        held = (factory().head if task.base == 0 else held) + task.change
        whole = replace(task, base=0, change=held - factory().head, encoding="float32", kept_share=1.0)
        change = _answer(learner, shard, whole).change + residual
        sent.append(wire.decode_vector(wire.encode_vector(change, task.encoding, task.kept_share)))
        residual = change - sent[-1]
    return sent, residual


def test_error_feedback_over_rounds(learner: VirtualLearner) -> None:
    """A sparse exchange in both directions: nothing of a change is lost, only sent later."""
    shard, memory = _shard(), learner.new_memory()
    down = np.zeros_like(TASK.change)
    down[[3, 17]] = 0.25
    tasks = [
        replace(TASK, encoding="int8", kept_share=0.2, steps=12),
        replace(TASK, encoding="int8", kept_share=0.2, sequence=2, base=1, version=2, change=down, seed=5),
        replace(TASK, encoding="int8", kept_share=0.2, sequence=3, base=2, version=3, change=-down, seed=6),
    ]
    sent = [_answer(learner, shard, task, memory).change for task in tasks]
    wanted, residual = _by_hand(learner, shard, tasks)
    for got, want in zip(sent, wanted, strict=True):
        assert np.count_nonzero(got) <= 11
        np.testing.assert_allclose(got, want, atol=1e-4)
    np.testing.assert_allclose(memory.residual, residual, atol=1e-4)
    again = Memory.from_bytes(memory.to_bytes())
    np.testing.assert_array_equal(again.held, memory.held)
    assert (again.state.version, again.state.sequence) == (3, 3)


WEIGHTS = CLASSES * FEATURES


@pytest.mark.parametrize(
    ("local", "leaves"),
    [(("bias",), slice(0, WEIGHTS)), (("weights",), slice(WEIGHTS, None)), (("weights", "bias"), slice(0, 0))],
)
def test_local_parameters_never_leave(learner: VirtualLearner, local: tuple[Local, ...], leaves: slice) -> None:
    memory, start = learner.new_memory(), factory().head
    update = _answer(learner, _shard(), replace(TASK, local=local, change=TASK.change[leaves]), memory)
    whole = _answer(learner, _shard(), TASK).change
    np.testing.assert_allclose(update.change, whole[leaves], atol=1e-6)
    np.testing.assert_array_equal(memory.held[leaves], start[leaves])
    stays = np.delete(np.arange(len(start)), leaves)
    np.testing.assert_allclose(memory.held[stays], (start + whole)[stays], atol=1e-6)


def test_what_it_refuses(learner: VirtualLearner) -> None:
    shard = _shard()
    for wrong in (
        replace(TASK, model=learner.model ^ 1),
        replace(TASK, base=7, version=8),
        replace(TASK, change=TASK.change[1:]),
        replace(TASK, rate=2.0),
        replace(TASK, rate=float("nan")),
        replace(TASK, steps=0),
        replace(TASK, kept_share=0.0),
        replace(TASK, momentum=1.0),
    ):
        assert _answer(learner, shard, wrong).status == "refused"
    with pytest.raises(BadInputError, match="no task"):
        learner.adapt(shard, wire.encode_task(TASK)[:-1])
    with pytest.raises(BadInputError, match="no task"):
        learner.adapt(shard, wire.encode_task(replace(TASK, change=TASK.change + np.float32("nan"))))
    nobody = Shard(shard.taught[:0], shard.taught_labels[:0], shard.tests, shard.test_labels)
    assert _answer(learner, nobody, TASK).status == "refused"


def test_a_refused_base_keeps_what_was_not_sent(learner: VirtualLearner) -> None:
    """The whole head comes after it with the same sequence, and error feedback goes on."""
    shard, memory = _shard(), learner.new_memory()
    _answer(learner, shard, replace(TASK, kept_share=0.1), memory)
    kept = memory.residual.copy()
    task = replace(TASK, sequence=2, kept_share=0.1)
    assert _answer(learner, shard, replace(task, base=9, version=10), memory).status == "refused"
    np.testing.assert_array_equal(memory.residual, kept)
    sent, _ = _by_hand(learner, shard, [replace(TASK, kept_share=0.1), task])
    np.testing.assert_allclose(_answer(learner, shard, task, memory).change, sent[1], atol=1e-5)


def test_training_that_leaves_the_numbers(learner: VirtualLearner) -> None:
    """Weights near the largest float: the outputs overflow, and nothing is sent."""
    update = _answer(learner, _shard(), replace(TASK, change=np.full_like(TASK.change, 3e38)))
    assert (update.status, len(update.change)) == ("fault", 0)
