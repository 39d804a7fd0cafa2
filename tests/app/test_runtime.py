"""Sample ring, microphone and reconstruction errors: firmware/runtime from outside."""

from __future__ import annotations

import ctypes
import subprocess
from collections import deque
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwren.native import library
from support import CHECKOUT, require_tool

U32 = ctypes.c_uint32


class Ring(ctypes.Structure):
    """fw_sample_ring_t."""

    _fields_ = (
        ("memory", ctypes.c_void_p),
        *((name, U32) for name in ("slot_count", "element_bytes", "head", "tail")),
    )


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 9), st.integers(1, 3), st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=60))
def test_the_ring_is_a_queue(elements: int, width: int, steps: list[tuple[bool, int]]) -> None:
    lib, ring = library(), Ring()
    memory = ctypes.create_string_buffer((elements + 1) * width)
    lib.fw_sample_ring_init(ctypes.byref(ring), memory, U32(len(memory)), U32(width))
    queue: deque[bytes] = deque()
    number = 0
    for is_push, count in steps:
        if is_push:
            items = [bytes([(number + i) % 256] * width) for i in range(count)]
            taken = lib.fw_sample_ring_push(ctypes.byref(ring), b"".join(items), U32(count))
            assert taken == min(count, elements - len(queue))
            queue.extend(items[:taken])
            number += count
        else:
            start = ctypes.c_void_p()
            together = lib.fw_sample_ring_peek(ctypes.byref(ring), ctypes.byref(start))
            assert (together > 0) == (len(queue) > 0) and together <= len(queue)
            taken = min(count, together)
            assert start.value is not None
            assert ctypes.string_at(start.value, taken * width) == b"".join(queue.popleft() for _ in range(taken))
            lib.fw_sample_ring_drop(ctypes.byref(ring), U32(taken))
        assert lib.fw_sample_ring_count(ctypes.byref(ring)) == len(queue)
        assert lib.fw_sample_ring_room(ctypes.byref(ring)) == elements - len(queue)


RACE = r"""
#include <pthread.h>
#include <stdio.h>
#include "runtime/sample_ring.h"
enum { TOTAL = 300000 };
static fw_sample_ring_t ring;
static uint32_t memory[64];
static void *produce(void *unused) {
  for (uint32_t next = 0; next < TOTAL;) {
    uint32_t some[5];
    uint32_t count = 1u + next % 5u;
    for (uint32_t i = 0; i < count; i++) some[i] = next + i;
    next += fw_sample_ring_push(&ring, some, count);
  }
  return unused;
}
int main(void) {
  pthread_t producer;
  fw_sample_ring_init(&ring, memory, sizeof memory, sizeof memory[0]);
  pthread_create(&producer, 0, produce, 0);
  for (uint32_t next = 0; next < TOTAL;) {
    const void *at;
    uint32_t count = fw_sample_ring_peek(&ring, &at);
    for (uint32_t i = 0; i < count; i++) {
      if (((const uint32_t *)at)[i] != next + i) return 1;
    }
    fw_sample_ring_drop(&ring, count);
    next += count;
  }
  pthread_join(producer, 0);
  return 0;
}
"""


@pytest.mark.parametrize("flags", [("-fsanitize=thread",), ()], ids=["thread-sanitizer", "fast"])
def test_producer_and_consumer_need_no_lock(tmp_path: Path, flags: tuple[str, ...]) -> None:
    gcc = require_tool("gcc")
    text = RACE.replace("300000", "30000") if flags else RACE
    (tmp_path / "race.c").write_text(text)
    firmware = CHECKOUT / "firmware"
    subprocess.run(
        [gcc, "-std=gnu99", "-O2", *flags, f"-I{firmware}", str(tmp_path / "race.c"),
         str(firmware / "runtime/sample_ring.c"), "-o", str(tmp_path / "race"), "-lpthread"],
        check=True,
    )  # fmt: skip
    subprocess.run([tmp_path / "race"], check=True, timeout=60)


class MicrophoneConfig(ctypes.Structure):
    """fw_microphone_config_t."""

    _fields_ = tuple((name, U32) for name in ("gain_q8", "remove_dc", "level_samples"))


class Microphone(ctypes.Structure):
    """fw_microphone_t."""

    _fields_ = (
        ("config", ctypes.POINTER(MicrophoneConfig)),
        ("mean_q14", ctypes.c_int32),
        ("squares", ctypes.c_uint64),
        *((name, U32) for name in ("measured", "peak", "level_rms", "level_peak", "clipped")),
    )


def listen(
    pcm: np.ndarray, gain: float = 1.0, remove_dc: bool = False, level: int = 1000
) -> tuple[np.ndarray, Microphone]:
    config, microphone = MicrophoneConfig(round(gain * 256), remove_dc, level), Microphone()
    library().fw_microphone_init(ctypes.byref(microphone), ctypes.byref(config))
    data = np.ascontiguousarray(pcm, np.int16)
    out = np.empty_like(data)
    for at in range(0, len(data), 77):
        count = min(77, len(data) - at)
        library().fw_microphone_process(
            ctypes.byref(microphone),
            ctypes.c_void_p(data[at:].ctypes.data),
            ctypes.c_void_p(out[at:].ctypes.data),
            U32(count),
        )
    microphone.config = None  # it is gone with this function
    return out, microphone


NOISE = np.clip(np.random.default_rng(6).normal(0, 9000, 20000), -32768, 32767).astype(np.int16)


def test_untouched_samples_stay_as_they_are() -> None:
    out, microphone = listen(NOISE)
    assert np.array_equal(out, NOISE)
    last = NOISE[19000:].astype(np.int64)
    assert microphone.level_rms == int(np.sqrt((last**2).sum() // 1000))
    assert microphone.level_peak == np.abs(last).max()
    assert microphone.clipped == np.count_nonzero((NOISE == 32767) | (NOISE == -32768))


@pytest.mark.parametrize("gain", [0.5, 2.0, 3.25, 255.99])
def test_gain_saturates(gain: float) -> None:
    out, microphone = listen(NOISE, gain)
    exact = np.trunc(NOISE.astype(np.int64) * round(gain * 256) / 256)
    assert np.array_equal(out, np.clip(exact, -32768, 32767))
    assert microphone.clipped == np.count_nonzero((exact > 32767) | (exact < -32768) | (np.abs(NOISE + 0.5) > 32767))


def test_a_constant_part_is_removed() -> None:
    t = np.arange(20000)
    wave = 3000 * np.sin(t / 5)
    out, _ = listen((wave + 5000).astype(np.int16), remove_dc=True)
    assert abs(out[10000:].mean()) < 20
    assert np.abs(out[10000:] - wave[10000:]).max() < 40


@pytest.mark.parametrize("value", [-32768, 32767])
def test_the_ends_of_the_range_do_not_overflow(value: int) -> None:
    square = np.where(np.arange(5000) % 2000 < 1000, value, -1 - value)
    out, microphone = listen(square, gain=255.0, remove_dc=True, level=65536)
    assert set(np.unique(out)) <= {-32768, 32767} | set(range(-600, 600))
    assert microphone.clipped == 5000


class Tensor(ctypes.Structure):
    """fw_tensor_info_t."""

    _fields_ = (
        *((name, U32) for name in ("offset", "bytes", "dtype")),
        ("scale", ctypes.c_float),
        ("zero_point", ctypes.c_int32),
    )


class _Anomaly(ctypes.Structure):
    _fields_ = (("half_error", ctypes.c_float), ("whitening", ctypes.c_void_p))


def anomaly(x: np.ndarray, y: np.ndarray, half_error: float) -> tuple[int, int]:
    made, residual = np.zeros(2, np.uint16), np.zeros(x.size, np.float32)
    x, y = x.astype(np.float32), y.astype(np.float32)
    info = Tensor(0, x.nbytes, 5, 0.0, 0)
    status = library().fw_reconstruction_posteriors(
        ctypes.c_void_p(x.ctypes.data), ctypes.byref(info), ctypes.c_void_p(y.ctypes.data), ctypes.byref(info),
        ctypes.byref(_Anomaly(half_error, None)), ctypes.c_void_p(residual.ctypes.data), ctypes.c_void_p(made.ctypes.data),
    )  # fmt: skip
    assert status == 0
    return int(made[0]), int(made[1])


def test_a_reconstruction_error_is_a_posterior() -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        x, y = rng.normal(0, 1, 640), rng.normal(0, 1, 640)
        error = float(np.mean((x - y) ** 2))
        normal, odd = anomaly(x, y, 3.0)
        assert normal + odd == 32768
        assert abs(odd / 32768 - error / (error + 3.0)) < 1e-4
    assert anomaly(np.zeros(4), np.zeros(4), 1.0) == (32768, 0)
    assert anomaly(np.full(4, 2.0), np.zeros(4), 4.0) == (16384, 16384)
    assert anomaly(np.full(4, 3e38), np.full(4, -3e38), 1.0) == (0, 32768)
