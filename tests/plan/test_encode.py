from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from fieldwren.compiler import compile_model
from fieldwren.native import library
from fieldwren.plan import Plan, encode


@pytest.fixture(scope="module")
def hello(shared_data: Path) -> Plan:
    return compile_model(shared_data / "models" / "tflm_hello_world.tflite")


def opened(block: bytes, *, length: int | None = None) -> int:
    """The status of fw_program_open for an aligned copy of `block`."""
    raw = np.zeros(len(block) + 32, np.uint8)
    start = -raw.ctypes.data % 16
    raw[start : start + len(block)] = np.frombuffer(block, np.uint8)
    handle = ctypes.c_void_p()
    return int(
        library().fw_program_open(
            ctypes.byref(handle),
            ctypes.c_void_p(raw.ctypes.data + start),
            ctypes.c_uint32(len(block) if length is None else length),
        )
    )


def test_the_same_plan_gives_the_same_bytes(hello: Plan) -> None:
    assert encode(hello) == encode(hello)
    assert opened(encode(hello)) == 0


def test_every_damaged_byte_is_noticed(hello: Plan) -> None:
    block = bytearray(encode(hello))
    for position in range(len(block)):
        block[position] ^= 0x10
        assert opened(bytes(block)) < 0, f"byte {position} changed and nobody noticed"
        block[position] ^= 0x10


def test_truncated_blocks_are_refused(hello: Plan) -> None:
    block = encode(hello)
    for length in (0, 3, 16, 64, len(block) - 1):
        assert opened(block, length=length) < 0
