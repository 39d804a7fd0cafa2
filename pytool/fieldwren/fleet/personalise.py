"""How well a head serves devices that no round has seen: after k shots of their own, with the firmware's own training."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fieldwren.fleet import wire
from fieldwren.fleet.deal import Pool, draw_shots, shard_of
from fieldwren.fleet.device import Task, Vector
from fieldwren.fleet.federation import MeasureSettings
from fieldwren.fleet.virtual import Shard, VirtualLearner
from fieldwren.learn.adapters import AdaptedLayer, confined
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
    layer: AdaptedLayer | None = None,
) -> list[KShot]:
    """One KShot for each of `settings.shots`, over held-out groups; nothing without groups.

    `layer` of an app with adapters: it runs with what they have learned, in the integers of the device.
    """
    if not pools:
        return []
    trial = _Trial(factory, max((*settings.shots, 1)), max(len(pool.rows) for pool in pools), layer)
    return [_k_shot(trial, head, pools, shots, settings, rate, seed) for shots in settings.shots]


class _Trial:
    """Teaches a device, and measures it as its own inference would: the adapted layer, then the head alone."""

    def __init__(self, factory: Factory, samples: int, tests: int, layer: AdaptedLayer | None) -> None:
        self.learner = VirtualLearner(factory, samples, tests)
        self._factory, self._layer = factory, layer
        self._plain = self.learner if layer is None else VirtualLearner(replace(factory, site=None), samples, tests)

    def share(self, pool: Pool, shard: Shard, tested: NDArray[np.int64], head: Vector) -> float:
        """Of the pool's samples `tested`, which are the shard's tests, that a head and its adapters get right."""
        if self._layer is None or pool.layer_inputs is None:
            return self.learner.correct(shard, head) / len(tested)
        weights, config = len(self._factory.head), self._factory.adapter_config()
        self._layer.fold(config, confined(config, head[weights:]))
        embeddings, _ = self._layer.run(pool.layer_inputs[tested])
        heard = Shard(embeddings[:0], shard.taught_labels[:0], embeddings, shard.test_labels)
        return self._plain.correct(heard, head[:weights]) / len(tested)


def adapted(learner: VirtualLearner, shard: Shard, head: Vector, passes: int, rate: float, seed: int) -> Vector:
    """A head after `passes` over a shard's samples, each an update of its own; without samples the head itself."""
    for done in range(0, passes * len(shard.taught), _STEPS_MOST):
        steps = min(_STEPS_MOST, passes * len(shard.taught) - done)
        task = Task(
            sequence=1,
            model=learner.model,
            base=0,
            version=1,
            change=head - learner.start,
            steps=steps,
            rate=rate,
            seed=seed + done,
        )
        update = wire.decode_update(learner.adapt(shard, wire.encode_task(task)))
        if update.status != "ok":  # training left the finite numbers: the head that was is kept
            return head
        head = (learner.start + task.change) + update.change
    return head


def _k_shot(
    trial: _Trial,
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
            taught, tested = draw_shots(pool, shots, rng)
            shard = shard_of(pool, taught, tested)
            order = int(rng.integers(2**32))
            for i, passes in enumerate((1, settings.passes)):
                for j, start in enumerate((trial.learner.start, head)):
                    end = adapted(trial.learner, shard, start, passes, rate, order) if shots else start
                    shares[i, j, number] += trial.share(pool, shard, tested, end) / repeats
    means = shares.mean(axis=2)
    return KShot(
        shots=shots,
        before=float(means[0, 0]),
        after=float(means[0, 1]),
        passes=1,
        per_group={pool.group: (float(shares[0, 0, n]), float(shares[0, 1, n])) for n, pool in enumerate(pools)},
        practised=Practised(settings.passes, float(means[1, 0]), float(means[1, 1])),
    )
