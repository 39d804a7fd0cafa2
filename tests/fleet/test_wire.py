"""The bytes between server and devices: Python and C write and read the same, and damage is noticed."""

from __future__ import annotations

import ctypes
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren.fleet import wire
from fieldwren.fleet.device import Task, Update
from fieldwren.fleet.federation import Encoding
from fieldwren.native import library

ENCODINGS: tuple[Encoding, ...] = ("float32", "float16", "int8")
SHARES = (1.0, 0.5, 0.1, 0.01)


class _Shared(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("first", "hole_at", "hole", "count"))


def _vectors() -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    made = [np.zeros(0, np.float32), np.zeros(3, np.float32), np.array([-0.0, 1.0, -1.0, 1.0], np.float32)]
    made += [rng.standard_normal(n).astype(np.float32) for n in (1, 63, 64, 65, 780)]
    tiny = (rng.standard_normal(3000) * 10.0 ** rng.uniform(-9, 4.9, 3000)).astype(np.float32)
    lonely = np.zeros(3000, np.float32)
    lonely[[700, 2999]] = 1e-42, -65519.0  # a subnormal number, and one that float16 rounds down to its largest
    return [*made, tiny, lonely]


def _c_encode(values: NDArray[np.float32], code: int, share: float) -> tuple[bytes, NDArray[np.float32]]:
    rest, out = values.copy(), np.zeros(12 + 5 * len(values) + 64, np.uint8)
    size = library().fw_exchange_encode(
        ctypes.c_void_p(rest.ctypes.data),
        ctypes.byref(_Shared(0, len(values), 0, len(values))),
        code,
        ctypes.c_float(share),
        ctypes.c_void_p(out.ctypes.data),
    )
    assert size <= 12 + 4 * len(values) or len(values) < 2
    return out[:size].tobytes(), rest


@pytest.mark.parametrize(("encoding", "share"), list(product(ENCODINGS, SHARES)))
def test_c_and_python_write_the_same_bytes(encoding: Encoding, share: float) -> None:
    for values in _vectors():
        written, rest = _c_encode(values, ENCODINGS.index(encoding), share)
        assert written == wire.encode_vector(values, encoding, share)
        told = wire.decode_vector(written)
        np.testing.assert_array_equal(rest, values - told)  # error feedback keeps exactly what was not said
        head, count = np.zeros_like(values), ctypes.c_uint32()
        vector = np.frombuffer(written, np.uint8).copy()
        at = ctypes.c_void_p(vector.ctypes.data)
        assert library().fw_exchange_check(at, len(written), ctypes.byref(count)) == 0
        assert count.value == len(values)
        base, shared = np.zeros_like(values), _Shared(0, len(values), 0, len(values))
        library().fw_exchange_apply(
            at, ctypes.c_void_p(base.ctypes.data), ctypes.c_void_p(head.ctypes.data), ctypes.byref(shared)
        )
        np.testing.assert_array_equal(head, told)


def test_float16_is_numpys() -> None:
    values = np.random.default_rng(1).uniform(-7e4, 7e4, 20000).astype(np.float32)
    values = np.concatenate(
        [values, values * np.float32(1e-9), np.float32(2.0) ** np.arange(-30, 17, dtype=np.float32)]
    )
    written, _ = _c_encode(values, 1, 1.0)
    wanted = np.clip(values, -65504, 65504).astype(np.float16)
    np.testing.assert_array_equal(np.frombuffer(written[12:], np.float16), wanted)


def test_the_largest_are_kept() -> None:
    values = np.array([1, -5, 3, 5, -3, 0.5, 4, 2], np.float32)
    kept = wire.decode_vector(wire.encode_vector(values, "float32", 3 / 8))
    np.testing.assert_array_equal(kept, [0, -5, 0, 5, 0, 0, 4, 0])
    ties = wire.decode_vector(wire.encode_vector(np.array([2, -2, 2, 2], np.float32), "float32", 0.5))
    np.testing.assert_array_equal(ties, [2, -2, 0, 0])


def test_int8_is_within_half_a_step() -> None:
    values = np.random.default_rng(2).standard_normal(640).astype(np.float32)
    told = wire.decode_vector(wire.encode_vector(values, "int8"))
    for at in range(0, 640, 64):
        step = np.abs(values[at : at + 64]).max() / 127
        assert np.abs(told[at : at + 64] - values[at : at + 64]).max() <= 0.5001 * step


def test_sizes() -> None:
    """A head of 64 features and 12 classes."""
    values = np.random.default_rng(3).standard_normal(780).astype(np.float32)
    assert len(wire.encode_vector(values, "float32")) == 12 + 3120
    assert len(wire.encode_vector(values, "int8")) == 12 + 780 + 4 * 13
    assert len(wire.encode_vector(values, "int8", 0.25)) == 12 + 98 + 195 + 4 * 4
    assert len(wire.encode_vector(values, "int8", 0.05)) == 12 + 39 + 39 + 4


def test_messages_come_back() -> None:
    change = np.random.default_rng(4).standard_normal(50).astype(np.float32)
    task = Task(7, 0xDEADBEEF, 5, 6, change, 32, 0.02, 0xFFFFFFFF, 0.5, 3, "float32", 0.25, ("bias", "adapters"))
    read = wire.decode_task(wire.encode_task(task))
    np.testing.assert_array_equal(read.change, change)
    assert (read.rate, read.kept_share, read.local) == (np.float32(0.02), 0.25, ("bias", "adapters"))
    assert (read.sequence, read.model, read.base, read.version, read.seed) == (7, 0xDEADBEEF, 5, 6, 0xFFFFFFFF)
    assert (read.steps, read.query_steps, read.momentum) == (32, 3, 0.5)
    update = wire.decode_update(wire.encode_update(Update(7, 9, change, 100, 3, 4, "fault"), "float32"))
    assert (update.sequence, update.samples, update.correct, update.tested) == (7, 100, 3, 4)
    assert update.status == "fault"


def test_every_damaged_byte_is_noticed() -> None:
    change = np.random.default_rng(5).standard_normal(30).astype(np.float32)
    message = wire.encode_update(Update(1, 2, change, 3, 1, 2), "int8", 0.5)
    for place in range(len(message)):
        damaged = bytearray(message)
        damaged[place] ^= 0x40
        with pytest.raises(wire.WireError):
            wire.decode_update(bytes(damaged))
        with pytest.raises(wire.WireError):
            wire.decode_update(message[:place])


def test_vectors_that_make_no_sense() -> None:
    """Without the CRC's help: C and Python refuse the same vectors, and read none beyond its end."""
    rng = np.random.default_rng(6)
    good = [wire.encode_vector(v, e, s) for v in _vectors()[3:7] for e in ENCODINGS for s in (1.0, 0.1)]
    refused = 0
    for turn in range(3000):
        vector = bytearray(good[turn % len(good)])
        for _ in range(int(rng.integers(1, 4))):
            vector[int(rng.integers(min(len(vector), 40)))] = int(rng.integers(256))
        vector = vector[: len(vector) - int(rng.integers(3))]
        count = ctypes.c_uint32()
        block = np.frombuffer(bytes(vector), np.uint8).copy()
        status = library().fw_exchange_check(ctypes.c_void_p(block.ctypes.data), len(vector), ctypes.byref(count))
        try:
            wire.decode_vector(bytes(vector))
            assert status == 0, bytes(vector).hex()
        except wire.WireError:
            refused += 1
            assert status == -2, bytes(vector).hex()
    assert refused > 500
