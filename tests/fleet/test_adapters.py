"""Adapters in a federation: trained beside the head, sent with it or kept, joined by every strategy."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren.fleet import wire
from fieldwren.fleet.deal import shard_of
from fieldwren.fleet.device import Task, Update, Vector
from fieldwren.fleet.federation import Local, StrategyName
from fieldwren.fleet.simulate import run_population, server_of
from fieldwren.fleet.virtual import Memory, Shard, VirtualLearner, model_crc, start_of
from fieldwren.learn.adapters import confined
from fleet.fleets import CLASSES, FEATURES, adapted_factory, adapted_pools, factory, population

FACTORY = adapted_factory()
WEIGHTS, HEAD = CLASSES * FEATURES, CLASSES * (FEATURES + 1)
COUNT = HEAD + 2 * FEATURES
TASK = Task(1, 0, 0, 1, np.zeros(COUNT, np.float32), 10, 0.05, 99)
SCALE_UNIT, BIAS_UNIT = (float(value) for value in np.frombuffer(FACTORY.adapter_config(), "<f4")[3:5])
PARTS = {"weights": slice(0, WEIGHTS), "bias": slice(WEIGHTS, HEAD), "adapters": slice(HEAD, COUNT)}


@pytest.fixture(scope="module")
def learner() -> VirtualLearner:
    return VirtualLearner(FACTORY, 40, 40)


def _shard(count: int = 16) -> Shard:
    order = np.random.default_rng(0).permutation(CLASSES * 30)
    return shard_of(adapted_pools()["g0"], order[:count], order[40:60])


def _answer(learner: VirtualLearner, shard: Shard, task: Task, memory: Memory | None = None) -> Update:
    message = wire.encode_task(replace(task, model=task.model or learner.model))
    return wire.decode_update(learner.adapt(shard, message, memory))


def _features(parameters: NDArray[np.float64], rows: NDArray[np.int8]) -> tuple[NDArray[np.float64], ...]:
    """(standardised features, embeddings above their zero point, active shares) of rows, as docs/learning.md has them."""
    above = rows[:, :FEATURES].astype(np.float64) + 20
    packed = rows[:, FEATURES:].view(np.uint8)
    levels = np.stack([packed & 15, packed >> 4], axis=2).reshape(len(rows), -1)[:, :FEATURES]
    share = (levels / 15.0) ** 2
    scale, bias = 1 + SCALE_UNIT * parameters[:FEATURES], BIAS_UNIT * parameters[FEATURES:]
    return (-20 + scale * above + bias * share - 3.0) / 30, above, share


def _logits(whole: NDArray[np.float64], rows: NDArray[np.int8]) -> NDArray[np.float64]:
    z, _, _ = _features(whole[HEAD:], rows)
    return np.asarray(z @ whole[:WEIGHTS].reshape(CLASSES, FEATURES).T + whole[WEIGHTS:HEAD])


def _gradient(whole: NDArray[np.float64], row: NDArray[np.int8], label: int) -> NDArray[np.float64]:
    """Of softmax cross-entropy over head and adapters, in float64, by its definition; adapters learn twice as fast."""
    z, above, share = (part[0] for part in _features(whole[HEAD:], row[np.newaxis]))
    logits = _logits(whole, row[np.newaxis])[0]
    error = np.exp(logits - logits.max())
    error = error / error.sum() - np.eye(CLASSES)[label]
    slope = error @ whole[:WEIGHTS].reshape(CLASSES, FEATURES) / 30
    by_adapters = 2.0 * np.concatenate([SCALE_UNIT * slope * above, BIAS_UNIT * slope * share])
    return np.concatenate([np.outer(error, z).ravel(), error, by_adapters])


def _trained(shard: Shard, start: NDArray[np.float64], steps: int, rate: float, momentum: float) -> NDArray[np.float64]:
    """Of a shard with one sample."""
    whole, velocity = start.copy(), np.zeros(COUNT)
    for _ in range(steps):
        velocity = momentum * velocity + rate * _gradient(whole, shard.taught[0], int(shard.taught_labels[0]))
        whole = whole - velocity
    return whole


def test_head_and_adapters_descend_together(learner: VirtualLearner) -> None:
    """Ten steps from a start that is not neutral, with momentum, as NumPy does them in float64."""
    shard, start = _shard(1), start_of(FACTORY).astype(np.float64)
    start[HEAD:] = np.random.default_rng(3).uniform(-0.3, 0.3, 2 * FEATURES)
    down = (start - start_of(FACTORY)).astype(np.float32)
    update = _answer(learner, shard, replace(TASK, change=down, momentum=0.5))
    moved = _trained(shard, start, 10, 0.05, 0.5) - start
    assert np.abs(moved[HEAD:]).max() > 0.01
    np.testing.assert_allclose(update.change, moved, atol=5e-6)


def test_it_measures_head_and_adapters_that_came(learner: VirtualLearner) -> None:
    shard, rng = _shard(), np.random.default_rng(1)
    whole = np.concatenate([rng.standard_normal(HEAD), rng.uniform(-1, 1, 2 * FEATURES)]).astype(np.float32)
    right = int((_logits(whole.astype(np.float64), shard.tests).argmax(axis=1) == shard.test_labels).sum())
    update = _answer(learner, shard, replace(TASK, change=whole - start_of(FACTORY)))
    assert (update.correct, update.tested) == (right, len(shard.tests))
    assert learner.correct(shard, whole) == right


@pytest.mark.parametrize("local", [c for n in range(4) for c in combinations(("weights", "bias", "adapters"), n)])
def test_what_is_local_never_leaves(learner: VirtualLearner, local: tuple[Local, ...]) -> None:
    """Each choice: what leaves is what a device without local parameters sends of it, what stays is remembered."""
    memory, shard, start = learner.new_memory(), _shard(), start_of(FACTORY)
    leaves = np.concatenate([np.arange(COUNT)[PARTS[name]] for name in PARTS if name not in local] or [[]]).astype(int)
    stays = np.setdiff1d(np.arange(COUNT), leaves)
    down = np.random.default_rng(4).uniform(-0.1, 0.1, COUNT).astype(np.float32)
    down[stays] = 0
    update = _answer(learner, shard, replace(TASK, local=local, change=down[leaves]), memory)
    whole = _answer(learner, shard, replace(TASK, change=down)).change
    assert update.status == "ok"
    np.testing.assert_allclose(update.change, whole[leaves], atol=1e-6)
    np.testing.assert_allclose(memory.held[leaves], (start + down)[leaves], atol=1e-7)
    np.testing.assert_allclose(memory.held[stays], (start + whole)[stays], atol=1e-6)
    kept = memory.held[stays].copy()
    again = replace(TASK, local=local, sequence=2, version=2, change=0 * down[leaves], rate=1e-9)
    _answer(learner, shard, again, memory)  # the factory's of what travels, and what was learned of what stays
    np.testing.assert_allclose(memory.held[leaves], start[leaves], atol=1e-7)
    np.testing.assert_allclose(memory.held[stays], kept, atol=1e-6)


def test_error_feedback_has_the_adapters_in_it(learner: VirtualLearner) -> None:
    """Over three rounds, what was sent and what was not sent yet is what was learned."""
    shard, memory, plain = _shard(), learner.new_memory(), learner.new_memory()
    thin = replace(TASK, encoding="int8", kept_share=0.1, local=("bias",), change=np.delete(TASK.change, PARTS["bias"]))
    sent, learned = np.zeros(len(thin.change)), np.zeros(len(thin.change))
    for number in (1, 2, 3):
        task = replace(thin, sequence=number, version=number, seed=number)
        sent += _answer(learner, shard, task, memory).change
        learned += _answer(learner, shard, replace(task, encoding="float32", kept_share=1.0), plain).change
    left = np.delete(memory.residual, PARTS["bias"])
    assert np.count_nonzero(left) > 0.5 * len(left)
    np.testing.assert_allclose(sent + left, learned, atol=1e-4)


def _mean_of_two(pop_shards: Sequence[Shard], head: Vector, rate: float) -> NDArray[np.float64]:
    start = head.astype(np.float64)
    return np.mean([_trained(shard, start, 5, rate, 0.0) - start for shard in pop_shards], axis=0)


def test_two_rounds_of_reptile_as_numpy_does_them() -> None:
    """Devices with a sample each: the head and adapters that the server ends with."""
    made = population(
        adapters=True,
        rounds=2,
        clients=({"count": 2, "samples": 1, "tests": 1},),
        strategy={
            "name": "reptile",
            "clients_per_round": 2,
            "inner_steps": 5,
            "outer_step": 1.0,
            "outer_step_end": 0.5,
        },
    )
    hands = [replace(hand, taught=hand.taught[:1]) for hand in made.hands]
    ran_with: list[Vector] = []
    made = replace(made, hands=tuple(hands))
    learner, shards = made.learner(), {hand.name: hand.shard(made.pools) for hand in hands}
    server = server_of(made, learner.model)
    while not server.is_finished:
        for name, task in server.begin_wave():
            assert len(task) == 40 + 12 + 4 * COUNT + 4
            update = learner.adapt(shards[name], task)
            assert len(update) == 20 + 12 + 4 * COUNT + 4
            server.receive(name, update)
        server.end_wave()
        ran_with.append(server.state.head)
    head = start_of(FACTORY).astype(np.float64)
    for got, step in zip(ran_with, (1.0, 0.5), strict=True):
        head = head + step * _mean_of_two(list(shards.values()), head.astype(np.float32), 0.05)
        np.testing.assert_allclose(got, head, atol=1e-5)
    assert np.abs(head[HEAD:]).max() > 0.005


@pytest.mark.parametrize("name", ["fedavg", "reptile", "reptile-serial", "fomaml", "tinymetafed"])
@pytest.mark.parametrize("local", [(), ("adapters",), ("weights", "bias")])
def test_every_strategy_joins_what_travels(name: StrategyName, local: tuple[Local, ...], tmp_path: Path) -> None:
    """What is local stays at the start in the server's head, what travels moves; a run with a state file gives the same."""
    made = population(adapters=True, rounds=3, strategy={"name": name, "inner_steps": 8, "local": local})
    result = run_population(made)
    again = run_population(made, state=tmp_path / "state")
    assert again.head_sha256 == result.head_sha256
    assert (result.audit.applied, result.audit.rejected) == (24, 0)
    server_head = _head_of(tmp_path / "state")
    moved = server_head != start_of(FACTORY)
    for part, where in PARTS.items():
        assert moved[where].any() == (part not in local)


def _head_of(state: Path) -> Vector:
    with closing(sqlite3.connect(state)) as database:
        (head,) = database.execute("SELECT value FROM facts WHERE name = 'head'").fetchone()
    return np.frombuffer(head, "<f4")


def test_bytes_are_those_of_what_travels() -> None:
    """float32, so that a message is its header and four bytes a parameter."""
    made = {
        local: run_population(population(adapters=True, rounds=1, strategy={"local": local})).rounds[0]
        for local in ((), ("adapters",), ("weights", "bias"))
    }
    for local, count in (((), COUNT), (("adapters",), HEAD), (("weights", "bias"), 2 * FEATURES)):
        assert made[local].bytes_up == 8 * (20 + 12 + 4 * count + 4)
        assert made[local].bytes_down == 8 * (40 + 12 + 4 * count + 4)


def test_other_adapters_are_another_model(learner: VirtualLearner) -> None:
    """A device whose adapters learn at another pace, and one without any, refuse the fleet's tasks."""
    faster = replace(FACTORY, config=replace(FACTORY.config, adapter_rate=3.0))
    assert len({model_crc(one) for one in (FACTORY, faster, factory())}) == 3
    update = _answer(VirtualLearner(faster, 40, 40), _shard(), replace(TASK, model=learner.model))
    assert update.status == "refused"
    assert _answer(learner, _shard(), replace(TASK, change=TASK.change[:HEAD])).status == "refused"


def test_parameters_beyond_their_limits(learner: VirtualLearner) -> None:
    """What noise may bring: training pulls it back, and adoption puts it onto the limits."""
    config = FACTORY.adapter_config()
    wild = np.array([1e9, -1e9, np.nan, 0.25] + [0.0] * 8 + [5.0, -5.0, np.inf, 0.5] + [0.0] * 8, np.float32)
    tame = confined(config, wild)
    np.testing.assert_allclose(1 + SCALE_UNIT * tame[:4], [2.0, 0.5, 1.0, 1 + 0.25 * SCALE_UNIT], rtol=1e-6)
    np.testing.assert_array_equal(tame[FEATURES : FEATURES + 4], [1.0, -1.0, 1.0, 0.5])
    down = np.zeros(COUNT, np.float32)
    down[HEAD + FEATURES :] = 7.0
    memory = learner.new_memory()
    update = _answer(learner, _shard(), replace(TASK, change=down), memory)
    after = memory.held + update.change
    assert np.abs(after[HEAD + FEATURES :]).max() <= 1.0 + 1e-6
