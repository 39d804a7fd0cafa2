"""How well a head serves devices that no round has seen: after k shots of their own, with the firmware's own training."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fieldwren.fleet import wire
from fieldwren.fleet.deal import Pool, draw_shots, shard_of
from fieldwren.fleet.device import Task, Vector
from fieldwren.fleet.federation import MeasureSettings
from fieldwren.fleet.virtual import Shard, VirtualLearner
from fieldwren.learn.factory import Factory

_STEPS_MOST = 65535


@dataclass(frozen=True)
class Practised:
    """The same after more passes over the shots."""

    passes: int
    before: float
    after: float


@dataclass(frozen=True)
class KShot:
    """Accuracy on what was not shown, after `shots` of each class and one pass over them: means over groups and draws.

    `before` starts from the factory head, `after` from the federated one. `per_group`: the same two for each.
    """

    shots: int
    before: float
    after: float
    passes: int
    per_group: dict[str, tuple[float, float]]
    practised: Practised


def k_shot(
    factory: Factory,
    head: Vector,
    pools: Sequence[Pool],
    settings: MeasureSettings,
    rate: float,
    seed: int,
) -> list[KShot]:
    """One KShot for each of `settings.shots`, over held-out groups; nothing without groups."""
    if not pools:
        return []
    learner = VirtualLearner(factory, max((*settings.shots, 1)), max(len(pool.rows) for pool in pools))
    return [_k_shot(learner, factory.head, head, pools, shots, settings, rate, seed) for shots in settings.shots]


def adapted(learner: VirtualLearner, shard: Shard, head: Vector, passes: int, rate: float, seed: int) -> Vector:
    """A head after `passes` over a shard's samples, each an update of its own; without samples the head itself."""
    for done in range(0, passes * len(shard.taught), _STEPS_MOST):
        steps = min(_STEPS_MOST, passes * len(shard.taught) - done)
        task = Task(
            sequence=1,
            model=learner.model,
            base=0,
            version=1,
            change=head - learner.factory.head,
            steps=steps,
            rate=rate,
            seed=seed + done,
        )
        update = wire.decode_update(learner.adapt(shard, wire.encode_task(task)))
        if update.status != "ok":  # training left the finite numbers: the head that was is kept
            return head
        head = (learner.factory.head + task.change) + update.change
    return head


def _k_shot(
    learner: VirtualLearner,
    factory_head: Vector,
    head: Vector,
    pools: Sequence[Pool],
    shots: int,
    settings: MeasureSettings,
    rate: float,
    seed: int,
) -> KShot:
    """Factory and federated head meet the same shots in the same order."""
    shares = np.zeros((2, 2, len(pools)))  # passes, head, group
    for number, pool in enumerate(pools):
        repeats = settings.repeats if shots else 1
        for repeat in range(repeats):
            rng = np.random.default_rng([seed, shots, repeat, zlib.crc32(pool.group.encode())])
            shard = shard_of(pool, *draw_shots(pool, shots, rng))
            order = int(rng.integers(2**32))
            for i, passes in enumerate((1, settings.passes)):
                for j, start in enumerate((factory_head, head)):
                    end = adapted(learner, shard, start, passes, rate, order) if shots else start
                    shares[i, j, number] += learner.correct(shard, end) / len(shard.tests) / repeats
    means = shares.mean(axis=2)
    return KShot(
        shots=shots,
        before=float(means[0, 0]),
        after=float(means[0, 1]),
        passes=1,
        per_group={pool.group: (float(shares[0, 0, n]), float(shares[0, 1, n])) for n, pool in enumerate(pools)},
        practised=Practised(settings.passes, float(means[1, 0]), float(means[1, 1])),
    )
