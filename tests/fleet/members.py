"""Small fleets for tests: the link tests' tiny firmware, samples that are tones, and the twin of every device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from pathlib import Path

import numpy as np

from fieldwren.emulators.interface import ByteStream
from fieldwren.features import AudioFrontEnd, AudioStream
from fieldwren.fleet.deal import Hand, Pool
from fieldwren.fleet.federation import Federation
from fieldwren.fleet.linked import LinkedDevice, Utterance, samples_crc
from fieldwren.fleet.members import CheckedDevice, Member
from fieldwren.fleet.population import Population
from fieldwren.fleet.server import Server
from fieldwren.fleet.simulate import server_of
from fieldwren.fleet.virtual import Shard, VirtualDevice, VirtualLearner
from link import devices
from link.test_session import tones

CLASSES = 3
TAUGHT, TESTS = 3, 2
"""Samples of each class that a device has."""

Connect = Callable[[], AbstractContextManager[ByteStream]]


class TinyFleet:
    """`count` devices with different samples; `learner` runs their twins, `population` deals the same to virtual ones."""

    def __init__(self, count: int, folder: Path, **settings: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        model = devices.learning_app(folder, devices.FLEET)
        assert model.factory is not None
        assert isinstance(model.front_end, AudioFrontEnd)
        self.labels = model.labels
        window = model.front_end.window_total_samples
        stream, rng = AudioStream(model.front_end), np.random.default_rng(5)
        pools, hands, self.told = {}, [], {}
        for number in range(count):
            pcm = tones(2.0, seed=number + 1)
            clips = [pcm[at : at + window] for at in rng.integers(0, len(pcm) - window, CLASSES * (TAUGHT + TESTS))]
            inputs = stream.windows(np.stack(clips), np.dtype(np.int8), 0.125, 0)
            rows = np.arange(len(clips)) % CLASSES
            name = f"serial-{number}"
            pools[name] = Pool(name, np.array([devices.reference_model(item) for item in inputs]), rows)
            hands.append(Hand(name, name, np.arange(CLASSES * TAUGHT), np.arange(CLASSES * TAUGHT, len(clips))))
            self.told[name] = clips
        self.federation = Federation.model_validate(
            {
                "path": folder / "federation.toml",
                "data": ".",
                "app": ".",
                "rounds": 3,
                "timeout_s": 20.0,
                "strategy": {"name": "reptile", "clients_per_round": count, "inner_steps": 7, "inner_lr": 0.05},
                "clients": ({"kind": "simulated", "count": count},),
                **settings,
            }
        )
        self.population = Population(self.federation, model.factory, pools, tuple(hands))
        self.learner: VirtualLearner = self.population.learner()

    def shard(self, name: str) -> Shard:
        """A device's samples."""
        return next(hand for hand in self.population.hands if hand.name == name).shard(self.population.pools)

    def server(self) -> Server:
        """A server at its first round."""
        return server_of(self.population, self.learner.model)

    def link(self, name: str, connect: Connect, *, folder: Path | None = None, timeout_s: float = 20.0) -> LinkedDevice:
        """A device that is told its samples."""
        shard = self.shard(name)
        labels = [*shard.taught_labels, *shard.test_labels]
        told = [
            Utterance(clip, self.labels[label], number >= len(shard.taught))
            for number, (clip, label) in enumerate(zip(self.told[name], labels, strict=True))
        ]
        crc = samples_crc(CLASSES, shard.taught, list(shard.taught_labels), shard.tests, list(shard.test_labels))
        return LinkedDevice(
            name,
            connect,
            model=self.learner.model,
            timeout_s=timeout_s,
            utterances=told,
            samples_crc=crc,
            folder=folder,
        )

    def twin(self, name: str) -> VirtualDevice:
        """A device's twin."""
        return VirtualDevice(name, self.learner, self.shard(name), self.learner.new_memory())

    def checked(self, link: LinkedDevice) -> Member:
        """A device and its twin, as `fleet run` has them."""
        return Member(link.name, "host", link.name, CheckedDevice(link, self.twin(link.name), self.learner.new_memory))

    def virtual(self, names: Sequence[str]) -> list[Member]:
        """Simulated devices in their place."""
        return [Member(name, "simulated", name, self.twin(name)) for name in names]

    @property
    def names(self) -> list[str]:
        """All devices."""
        return [hand.name for hand in self.population.hands]


def process(executable: Path, folder: Path) -> Connect:
    """A device that is a process with its flash in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return lambda: closing(devices.start(executable, folder))
