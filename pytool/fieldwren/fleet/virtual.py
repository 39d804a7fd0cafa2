"""Virtual devices: the firmware's own participant (firmware/learn/participant.c) over samples that are only data."""

from __future__ import annotations

import ctypes
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import BadInputError
from fieldwren.fleet.device import Vector
from fieldwren.learn.factory import Embeddings, Factory
from fieldwren.native import library

_GUARD_MOST = 4096
_STATUS = {-1: "a label or setting is out of range", -2: "the bytes are no task", -3: "too little memory"}


@dataclass(frozen=True)
class Shard:
    """What one device holds to learn from and to measure with: rows [n, row_bytes], which are embeddings, with adapters
    followed by their active shares; and the rows of the head that they are."""

    taught: Embeddings
    taught_labels: NDArray[np.uint16]
    tests: Embeddings
    test_labels: NDArray[np.uint16]


class _State(ctypes.Structure):
    """fw_participant_state_t."""

    _fields_ = (("version", ctypes.c_uint32), ("sequence", ctypes.c_uint32))


class _Samples(ctypes.Structure):
    """fw_virtual_samples_t."""

    _fields_ = (
        ("taught", ctypes.c_void_p),
        ("taught_labels", ctypes.c_void_p),
        ("tests", ctypes.c_void_p),
        ("test_labels", ctypes.c_void_p),
        ("taught_count", ctypes.c_uint32),
        ("test_count", ctypes.c_uint32),
    )


class Memory:
    """What a device remembers from one task to the next: the head it has, and the change it has not sent yet."""

    def __init__(self, count: int) -> None:
        self.held = np.zeros(count, np.float32)
        self.residual = np.zeros(count, np.float32)
        self.state = _State(0, 0)

    def to_bytes(self) -> bytes:
        """For the state of a federation."""
        return bytes(self.state) + self.held.astype("<f4").tobytes() + self.residual.astype("<f4").tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Memory:
        """What to_bytes gave."""
        size = ctypes.sizeof(_State)
        vectors = np.frombuffer(data, "<f4", offset=size).astype(np.float32).reshape(2, -1)
        made = cls(vectors.shape[1])
        made.state = _State.from_buffer_copy(data[:size])
        made.held, made.residual = vectors[0].copy(), vectors[1].copy()
        return made


def model_crc(factory: Factory) -> int:
    """What tells the devices of one federation from others: the CRC-32 of factory head, mean and gain, and adapters."""
    parts = (factory.head, factory.stored.mean, factory.stored.gain)
    crc = zlib.crc32(b"".join(part.astype("<f4").tobytes() for part in parts))
    return zlib.crc32(factory.adapter_config(), crc) if factory.site is not None else crc


def start_of(factory: Factory) -> Vector:
    """What every federation starts from: the factory head, and adapters that do nothing."""
    return np.concatenate([factory.head, np.zeros(2 * factory.adapter_channels)]).astype(np.float32)


class VirtualLearner:
    """The C code of one device after another, in one block of memory.

    `samples` of a class and `tests` in all that the largest device holds.
    """

    def __init__(self, factory: Factory, samples: int, tests: int) -> None:
        if tests > _GUARD_MOST:
            raise BadInputError(f"a device measures with at most {_GUARD_MOST} samples: {tests} are wanted")
        config = replace(
            factory.config, classes_spare=0, replay_per_class=min(255, max(1, samples)), guard_samples=max(1, tests)
        )
        if config.pull * len(factory.labels) > 0.1:  # the learner's own limit; federated training has no pull
            config = replace(config, pull=0.0)
        stored = replace(factory.stored, replay={}, guard={}, negatives=None)
        self.factory = replace(factory, config=config, stored=stored)
        self.start = start_of(factory)
        self.count = len(self.start)
        self.model = model_crc(factory)
        self._block = np.frombuffer(self.factory.block(), "<u4").copy()
        answer = 20 + 12 + 4 * self.count + 4
        self._memory = np.zeros((self.factory.memory_bytes + 16 * self.count + answer) // 4 + 1, np.uint32)
        self._answer = np.zeros(answer, np.uint8)

    def new_memory(self) -> Memory:
        """Of a device that has had no task yet."""
        memory = Memory(self.count)
        memory.held[:] = self.start
        return memory

    def adapt(self, shard: Shard, task: bytes, memory: Memory | None = None) -> bytes:
        """A device's answer to a task; it remembers nothing without `memory`, which must not be shared."""
        answer_bytes = ctypes.c_uint32()
        keep = (ctypes.byref(memory.state), _pointer(memory.held), _pointer(memory.residual)) if memory else (None,) * 3
        samples = _samples(shard)
        status = library().fw_virtual_adapt(
            _pointer(self._block),
            ctypes.c_uint32(self._block.nbytes),
            ctypes.byref(samples),
            _pointer(self._memory),
            ctypes.c_uint32(self._memory.nbytes),
            *keep,
            task,
            ctypes.c_uint32(len(task)),
            _pointer(self._answer),
            ctypes.byref(answer_bytes),
        )
        self._check(status)
        return self._answer[: answer_bytes.value].tobytes()

    def correct(self, shard: Shard, head: Vector) -> int:
        """How many of a device's tests a head gets right."""
        samples, contiguous = _samples(shard), np.ascontiguousarray(head, np.float32)
        found = library().fw_virtual_evaluate(
            _pointer(self._block),
            ctypes.c_uint32(self._block.nbytes),
            ctypes.byref(samples),
            _pointer(self._memory),
            ctypes.c_uint32(self._memory.nbytes),
            _pointer(contiguous),
        )
        self._check(min(0, found))
        return int(found)

    def _check(self, status: int) -> None:
        if status != 0:
            raise BadInputError(f"a virtual device refused: {_STATUS.get(status, f'status {status}')}")


class VirtualDevice:
    """A FleetDevice that is a shard and, if its exchange needs one, a memory."""

    def __init__(self, name: str, learner: VirtualLearner, shard: Shard, memory: Memory | None = None) -> None:
        self.name, self.shard, self.memory = name, shard, memory
        self.bytes_down = self.bytes_up = 0
        self._learner = learner

    def adapt(self, task: bytes) -> bytes:
        """See FleetDevice."""
        answer = self._learner.adapt(self.shard, task, self.memory)
        self.bytes_down += len(task)
        self.bytes_up += len(answer)
        return answer

    def evaluate(self, head: Vector) -> tuple[int, int]:
        """See FleetDevice."""
        return self._learner.correct(self.shard, head), len(self.shard.tests)


def labels_as_rows(labels: Sequence[str], known: Sequence[str]) -> NDArray[np.int64]:
    """The row of the head for each label, -1 for those that it does not have."""
    rows = {label: row for row, label in enumerate(known)}
    return np.array([rows.get(str(label), -1) for label in labels], np.int64)


def _pointer(array: NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _samples(shard: Shard) -> _Samples:
    """Pointers into the shard's arrays, which must be contiguous and outlive them."""
    arrays = (shard.taught, shard.taught_labels, shard.tests, shard.test_labels)
    assert all(array.flags.c_contiguous for array in arrays)
    return _Samples(*(array.ctypes.data for array in arrays), len(shard.taught), len(shard.tests))
