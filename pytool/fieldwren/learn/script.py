"""Scripts for a learner: the same records run through the C code on this machine or in an emulated board."""

from __future__ import annotations

import ctypes
import hashlib
import struct
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fieldwren.boards import Board
from fieldwren.emulators import emulator_for
from fieldwren.errors import BadInputError, LinkLostError
from fieldwren.images import cached_image
from fieldwren.learn.factory import NAME_BYTES, Embeddings, Factory, name_bytes, padded
from fieldwren.native import library
from fieldwren.sources import Sources

REPLY = np.dtype([("status", "<i4"), ("label", "<u2"), ("accepted", "<u2"), ("confidence", "<f4")])
_FIRMWARE = (
    "personality/learn.c",
    "learn/head.c",
    "learn/learner.c",
    "learn/guard.c",
    "learn/classes.c",
    "learn/self_test.c",
    "learn/script.c",
    "features/fw_math.c",
    "runtime/crc32.c",
)
_RESULT = struct.Struct("<4IQ")
_RESET, _TEACH, _PRACTISE, _CLASSIFY, _ADD, _REMOVE, _GUARD, _TARGETS, _VALUES = range(1, 10)
_UPDATES_PER_SECOND = 500.0
"""A pessimistic speed under emulation on a busy computer; it only bounds the wait."""


@dataclass
class Script:
    """Records for a learner whose rows have `row_bytes`, in order. Every method returns the number of its record.

    Lessons are rows: embeddings, with adapters followed by their active shares.
    """

    row_bytes: int
    records: list[bytes] = field(default_factory=list)

    def reset(self) -> int:
        """Back to the factory head."""
        return self._add(_RESET)

    def teach(self, embedding: Embeddings, label: int) -> int:
        """Teaches one embedding, until nothing is left to do."""
        return self._add(_TEACH, label, embedding.tobytes())

    def practise(self, passes: int) -> int:
        """Passes over what is stored."""
        return self._add(_PRACTISE, passes)

    def classify(self, embedding: Embeddings) -> int:
        """Asks for the class; the reply has label, accepted and confidence."""
        return self._add(_CLASSIFY, 0, embedding.tobytes())

    def add_class(self, name: str) -> int:
        """Adds a class; the reply has its label."""
        return self._add(_ADD, 0, name_bytes(name))

    def remove_class(self, label: int) -> int:
        """Removes a class."""
        return self._add(_REMOVE, label)

    def guard(self, embedding: Embeddings, label: int) -> int:
        """Puts an embedding among the guard samples."""
        return self._add(_GUARD, label, embedding.tobytes())

    def teach_values(self, embedding: Embeddings, targets: NDArray[np.float32]) -> int:
        """Teaches a regression one embedding and the outputs wanted for it."""
        room = self._payload_bytes // 4
        for first in range(0, len(targets), room):
            self._add(_TARGETS, first, targets[first : first + room].astype("<f4").tobytes())
        return self._add(_VALUES, 0, embedding.tobytes())

    @property
    def _payload_bytes(self) -> int:
        return len(padded(bytes(max(self.row_bytes, NAME_BYTES))))

    def _add(self, kind: int, argument: int = 0, payload: bytes = b"") -> int:
        self.records.append(struct.pack("<HH", kind, argument) + payload.ljust(self._payload_bytes, b"\0"))
        return len(self.records) - 1


@dataclass(frozen=True)
class ScriptResult:
    """`replies` one REPLY a record; `head` weights [class][feature] and then biases, after the last record.

    `adapters` are the parameters of the adapters, [channels] scales and then [channels] biases.

    `instructions` are of all updates together, 0 on the host.
    """

    replies: NDArray[np.void]
    head: NDArray[np.float32]
    updates: int
    rollbacks: int
    instructions: int = 0
    instructions_most: int = 0
    adapters: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def head_sha256(self) -> str:
        """SHA-256 of `head` as little-endian float32."""
        return hashlib.sha256(self.head.astype("<f4").tobytes()).hexdigest()


def run_script(
    factory: Factory, script: Script, board: Board | None = None, *, flags: tuple[str, ...] = ("-O2",)
) -> ScriptResult:
    """Runs `script` on a learner that starts as `factory`: on this machine, or as firmware in an emulated board.

    `flags` are added to the compiler's for a board.
    """
    if board is None or board.id == "host":
        return _run_here(factory, script)
    return _run_on(factory, script, board, flags)


def _run_here(factory: Factory, script: Script) -> ScriptResult:
    block = np.frombuffer(factory.block(), "<u4").copy()
    records = np.frombuffer(b"".join(script.records), np.uint8)
    memory = np.zeros(factory.memory_bytes // 4, np.uint32)
    replies = np.zeros(len(script.records), REPLY)
    head = np.zeros(memory.size, np.float32)
    result = (ctypes.c_uint32 * 3)()
    status = library().fw_script_run(
        ctypes.c_void_p(block.ctypes.data),
        ctypes.c_uint32(block.nbytes),
        ctypes.c_void_p(records.ctypes.data),
        ctypes.c_uint32(len(script.records)),
        ctypes.c_void_p(memory.ctypes.data),
        ctypes.c_uint32(memory.nbytes),
        ctypes.c_void_p(replies.ctypes.data),
        ctypes.c_void_p(head.ctypes.data),
        result,
    )
    if status != 0:
        raise BadInputError(
            f"the learner refused its configuration (status {status}): check learning rate, momentum and pull"
        )
    weights = int(result[2]) - 2 * factory.adapter_channels
    return ScriptResult(replies, head[:weights].copy(), result[0], result[1], adapters=head[weights : result[2]].copy())


def learner_sources(factory: Factory) -> Sources:
    """The image that runs scripts for learners of this shape."""
    block, memory = len(factory.block()), factory.memory_bytes
    listing = (
        "/* Memory of the learner that personality/learn.c runs. */\n#include <stdint.h>\n\n"
        f"uint32_t fw_learn_block[{block // 4}];\n"
        f"uint32_t fw_learn_memory[{memory // 4}];\n"
        f"float fw_learn_head[{memory // 4}];\n"
        f"const uint32_t fw_learn_block_bytes = {block};\n"
        f"const uint32_t fw_learn_memory_bytes = {memory};\n"
    )
    files = {"learn_memory.c": listing.encode()}
    if factory.site is None:
        return Sources(files=files, firmware=_FIRMWARE)
    return Sources(files=files, firmware=(*_FIRMWARE, "learn/adapters.c"), defines={"FW_ADAPTERS": None})


def _run_on(factory: Factory, script: Script, board: Board, flags: tuple[str, ...]) -> ScriptResult:
    image = cached_image(replace(learner_sources(factory), optimise_flags=flags), board)
    updates = sum(_updates_most(factory, record) for record in script.records)
    run = emulator_for(board).run_to_exit(
        image.elf,
        board,
        files={"factory.bin": factory.block(), "records.bin": b"".join(script.records)},
        timeout_s=60 + (updates + len(script.records)) / _UPDATES_PER_SECOND,
        icount=True,
    )
    learned = run.files_written.get("learned.bin", b"")
    replies = run.files_written.get("replies.bin", b"")
    if run.exit_code != 0 or len(learned) < _RESULT.size or len(replies) != REPLY.itemsize * len(script.records):
        raise LinkLostError(f"the learner on {board.id} ended with code {run.exit_code} before its last record")
    updates, rollbacks, floats, most, instructions = _RESULT.unpack_from(learned)
    head = np.frombuffer(learned, "<f4", floats, _RESULT.size)
    weights = floats - 2 * factory.adapter_channels
    return ScriptResult(
        np.frombuffer(replies, REPLY), head[:weights], updates, rollbacks, instructions, most, head[weights:]
    )


def _updates_most(factory: Factory, record: bytes) -> int:
    kind, argument = struct.unpack_from("<HH", record)
    if kind == _PRACTISE:
        return int(argument) * factory.config.replay_per_class * factory.classes_most
    return 1 + factory.config.replays_per_sample
