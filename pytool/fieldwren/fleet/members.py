"""The devices of federation.toml: emulated boards, processes, serial ports, sockets, brokers, each behind FleetDevice.

What a federation's data say of a device is told to it once, as recordings or windows of rows, and its firmware makes the
embeddings. Beside every told device stands its twin: the same C code in this process with the same samples. Whatever the
device answers, the twin must have answered, bit by bit.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.app import App, LearnSettings
from fieldwren.app_model import AppModel
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import Board, Image, load_board
from fieldwren.datasets import centred, load_labelled, words_in
from fieldwren.device import open_transport
from fieldwren.emulators import emulator_for
from fieldwren.emulators.interface import ByteStream
from fieldwren.errors import BadInputError
from fieldwren.features import SensorFrontEnd
from fieldwren.features.wav import read_any_wav
from fieldwren.fleet.deal import Hand
from fieldwren.fleet.federation import ClientSettings, Federation
from fieldwren.fleet.linked import LinkedDevice, Remembered, Utterance, samples_crc
from fieldwren.fleet.virtual import Memory, Shard, VirtualDevice, VirtualLearner
from fieldwren.images import cached_image
from fieldwren.plan import Plan
from fieldwren.render.app import app_sources
from fieldwren.sources import Sources

DEFAULT_BOARD = "mps2-an386"

_IN_TURN = threading.Lock()
"""Virtual devices share one block of memory (virtual.py)."""

Recordings = Mapping[str, Sequence[NDArray[Any]]]
"""Group → what a device of this group may be told, in the order of the group's pool."""


class CheckedDevice:
    """A device and its twin. `unequal` counts answers that the twin would not have given; there must be none."""

    def __init__(self, device: LinkedDevice, twin: VirtualDevice, new_memory: Callable[[], Memory]) -> None:
        self.device, self.twin = device, twin
        self._new_memory = new_memory
        self.equal = self.unequal = 0
        self._last: tuple[bytes, bytes] | None = None
        device.remembered = self._remembered

    @property
    def name(self) -> str:
        """The device's."""
        return self.device.name

    @property
    def bytes_down(self) -> int:
        """The device's."""
        return self.device.bytes_down

    @property
    def bytes_up(self) -> int:
        """The device's."""
        return self.device.bytes_up

    def adapt(self, task: bytes) -> bytes:
        """The device's answer."""
        answer = self.device.adapt(task)
        if self.device.take_forgotten():
            # It has restarted since its last answer: what it held and had not sent yet is gone.
            self._last = None
            self.twin.memory = self._new_memory()
        if self._last is None or self._last[0] != task:
            with _IN_TURN:
                self._last = (task, self.twin.adapt(task))
        if answer == self._last[1]:
            self.equal += 1
        else:
            self.unequal += 1
        return answer

    def _remembered(self) -> Remembered | None:
        memory = self.twin.memory
        if memory is None or memory.state.sequence == 0:
            return None
        return Remembered(memory.state.version, memory.state.sequence, memory.held, memory.residual)

    def evaluate(self, head: NDArray[np.float32]) -> tuple[int, int]:
        """The device's answer."""
        return self.device.evaluate(head)


@dataclass(frozen=True)
class Member:
    """One device of the federation; `board` is also where it is, for people."""

    name: str
    board: str
    group: str
    device: CheckedDevice | LinkedDevice | VirtualDevice

    def adapt(self, task: bytes) -> bytes:
        """The device's answer; may be called from any thread."""
        if not isinstance(self.device, VirtualDevice):
            return self.device.adapt(task)
        with _IN_TURN:
            return self.device.adapt(task)

    @property
    def link(self) -> LinkedDevice | None:
        """The link to it, if there is one."""
        if isinstance(self.device, CheckedDevice):
            return self.device.device
        return self.device if isinstance(self.device, LinkedDevice) else None

    @property
    def twin(self) -> VirtualDevice | None:
        """Its twin; a simulated device is its own."""
        if isinstance(self.device, CheckedDevice):
            return self.device.twin
        return self.device if isinstance(self.device, VirtualDevice) else None


def member_app(app: App, samples: int, tests: int) -> App:
    """The app as a member of a fleet that keeps `samples` of each class to train on and `tests` in all."""
    learn = app.learn or LearnSettings(spare_classes=0)
    changes = {"fleet": True, "replay_per_class": max(1, samples), "guard_samples": max(1, tests), "rule": None}
    return app.model_copy(update={"learn": learn.model_copy(update=changes)})


def member_sources(app: App, board: Board, samples: int, tests: int) -> tuple[AppModel, Plan, Sources]:
    """The firmware that every device on `board` runs; the model's own guard samples make room for the device's."""
    model, planned = load_device_app(member_app(app, samples, tests), board)
    assert model.factory is not None
    stored = replace(model.factory.stored, replay={}, guard={}, negatives=None)
    model = replace(model, factory=replace(model.factory, stored=stored))
    return model, planned, app_sources(model, planned, board)


def sizes_of(hands: Sequence[Hand], shards: Mapping[str, Shard]) -> tuple[int, int]:
    """(samples of a class, tests in all) of the device that has most."""
    samples = max(int(np.bincount(shards[hand.name].taught_labels).max()) for hand in hands)
    return samples, max(len(shards[hand.name].tests) for hand in hands)


def recordings(
    federation: Federation, model: AppModel, planned: Plan, metadata: Mapping[str, bytes], groups: Sequence[str]
) -> Recordings:
    """What is said or measured in `groups`, of classes that the app has, in the order of deal.pools_of."""
    labels = model.labels
    front_end = model.front_end
    if isinstance(front_end, SensorFrontEnd):
        if model.streaming is not None:
            raise BadInputError(f"{federation.app_path}: rows cannot be told to a model that runs incrementally")
        parts = load_labelled(model, planned.program.inputs[0], federation.data_path, metadata, groups)
        return {part.group: list(part.inputs[np.isin(part.labels, labels)]) for part in parts}
    found: dict[str, list[NDArray[Any]]] = {group: [] for group in groups}
    for word in words_in(federation.data_path, labels):
        if word.group in found and word.label in labels:
            pcm = read_any_wav(word.path, front_end.sample_rate_hz)
            found[word.group].append(centred(pcm, front_end.window_total_samples, word.path.stem))
    return found


def utterances(hand: Hand, shard: Shard, told: Sequence[NDArray[Any]], labels: Sequence[str]) -> tuple[Utterance, ...]:
    """What one device is told, in the order in which its twin has it."""
    parts = ((hand.taught, shard.taught_labels, False), (hand.tests, shard.test_labels, True))
    return tuple(
        Utterance(told[index], labels[row], is_test)
        for indices, rows, is_test in parts
        for index, row in zip(indices, rows, strict=True)
    )


class Fleet:
    """Makes the members of a federation. Images are built once a board; `folder` keeps what emulated devices remember."""

    def __init__(
        self,
        federation: Federation,
        app: App,
        learner: VirtualLearner,
        labels: Sequence[str],
        metadata: Mapping[str, bytes],
        folder: Path,
    ) -> None:
        self._federation, self._app, self._learner, self._labels = federation, app, learner, labels
        self._metadata, self._folder = metadata, folder
        self._built: dict[str, tuple[AppModel, Plan, Image]] = {}

    def members(self, hands: Sequence[Hand], shards: Mapping[str, Shard]) -> list[Member]:
        """All devices, in the order of `hands`. Nothing is connected yet."""
        settings = [part for part in self._federation.clients for _ in range(part.count)]
        ports = iter([port for part in self._federation.clients for port in part.ports])
        told = self._told(settings, hands)
        made = []
        sizes = sizes_of(hands, shards)
        for part, hand in zip(settings, hands, strict=True):
            twin = VirtualDevice(hand.name, self._learner, shards[hand.name], self._learner.new_memory())
            if part.kind == "simulated":
                made.append(Member(hand.name, "simulated", hand.group, twin))
                continue
            connect, folder, board = (
                self._emulated(part, hand.name, sizes) if part.kind == "emulated" else self._ported(next(ports))
            )
            shard = shards[hand.name]
            link = LinkedDevice(
                hand.name,
                connect,
                model=self._learner.model,
                timeout_s=self._federation.timeout_s,
                utterances=() if part.own else utterances(hand, shard, told[hand.group], self._labels),
                samples_crc=samples_crc(
                    len(self._labels),
                    shard.taught,
                    shard.taught_labels.tolist(),
                    shard.tests,
                    shard.test_labels.tolist(),
                ),
                folder=folder,
            )
            made.append(
                Member(
                    hand.name,
                    board,
                    hand.group,
                    link if part.own else CheckedDevice(link, twin, self._learner.new_memory),
                )
            )
        return made

    def _told(self, settings: Sequence[ClientSettings], hands: Sequence[Hand]) -> Recordings:
        groups = sorted({hand.group for part, hand in zip(settings, hands, strict=True) if not _keeps_to_itself(part)})
        if not groups:
            return {}
        model, planned = load_device_app(self._app, load_board("host"))
        return recordings(self._federation, model, planned, self._metadata, groups)

    def _emulated(
        self, part: ClientSettings, name: str, sizes: tuple[int, int]
    ) -> tuple[Callable[[], AbstractContextManager[ByteStream]], Path, str]:
        board = load_board(part.board or DEFAULT_BOARD)
        emulator = emulator_for(board)
        if board.id not in self._built:
            model, planned, sources = member_sources(self._app, board, *sizes)
            self._built[board.id] = model, planned, cached_image(sources, board)
        elf = self._built[board.id][2].elf
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)

        def connect() -> AbstractContextManager[ByteStream]:
            end_orphans(folder)
            return emulator.start(elf, board, folder)

        return connect, folder, board.id

    def _ported(self, port: str) -> tuple[Callable[[], AbstractContextManager[ByteStream]], None, str]:
        def connect() -> AbstractContextManager[ByteStream]:
            return contextlib.closing(open_transport(port))

        return connect, None, port


def end_orphans(folder: Path) -> None:
    """Ends emulators that a killed gateway left running in a device's folder (Linux; elsewhere nothing is known)."""
    place = str(folder.resolve())
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str((entry / "cwd").readlink()) == place and int(entry.name) != os.getpid():
                os.kill(int(entry.name), signal.SIGKILL)


def _keeps_to_itself(part: ClientSettings) -> bool:
    return part.kind == "simulated" or part.own


@contextlib.contextmanager
def closing(members: Sequence[Member]) -> Iterator[None]:
    """Lets go of all links at the end."""
    try:
        yield
    finally:
        for member in members:
            if member.link is not None:
                member.link.close()
