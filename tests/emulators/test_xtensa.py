"""The firmware's arithmetic on an Xtensa core: an LX106 in QEMU, compiled by Debian's GCC.

It is no ESP32, whose cores are LX6 and LX7 with register windows and an FPU, and it has no peripherals: what is shown is
that kernels, front ends and learner give the same bits from a compiler for Xtensa.
"""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren import paths
from fieldwren.boards import load_board
from fieldwren.learn import LearnerConfig, run_script
from fieldwren.verify import verify
from learn.learners import busy_script, random_factory
from support import CHECKOUT, made_once, require_data, require_tool

BOARD = str(Path(__file__).parent / "xtensa-sim.toml")


def _require_tools() -> None:
    require_tool("xtensa-lx106-elf-gcc")
    require_tool("qemu-system-xtensa")


@pytest.mark.emulator
@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        "tflm_kw_scrambled_svdf16",
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in (
                "slabs_ad_floatio",
                "tflm_mnist_lstm",
                "seanet_leaky_relu0_i16",
                "tflm_micro_speech",
                "mlperf_kws_dscnn",
                "ambiq_har",
            )
        ),
    ],
)
def test_models_give_the_references_bits(model: str) -> None:
    _require_tools()
    assert verify(require_data("models", f"{model}.tflite"), BOARD, steps=2).equal


@pytest.mark.emulator
@pytest.mark.long
def test_an_example_gives_the_references_bits() -> None:
    _require_tools()
    assert verify(CHECKOUT / "examples" / "presence" / "model.tflite", BOARD, steps=2).equal


@pytest.mark.emulator
@pytest.mark.slow
def test_the_head_is_the_same_after_any_lessons() -> None:
    _require_tools()
    factory = random_factory(
        61, 8, LearnerConfig(guard_samples=9, running_statistics=True, reject_below=0.3, replays_per_sample=2)
    )
    script = busy_script(factory, 20)
    here, there = run_script(factory, script), run_script(factory, script, load_board(BOARD))
    assert there.head_sha256 == here.head_sha256
    np.testing.assert_array_equal(there.replies, here.replies)
    assert there.updates == here.updates > 40


@pytest.fixture(scope="module")
def arithmetic(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """What the port adds to the compiler's library, compiled for this computer."""

    def make(folder: Path) -> None:
        files = [str(paths.firmware() / "port" / "xtensa_sim" / f"{name}.c") for name in ("floats", "integers")]
        command = [str(require_tool("gcc")), "-std=c99", "-O1", "-shared", "-fPIC", "-fsanitize=undefined"]
        command += ["-fno-sanitize-recover=all", "-static-libubsan"]
        subprocess.run([*command, *files, "-o", str(folder / "arithmetic.so")], check=True)

    return ctypes.CDLL(str(made_once(tmp_path_factory, "arithmetic", make) / "arithmetic.so"))


def _patterns(count: int) -> NDArray[np.uint32]:
    """Bits of floats: every kind of special one, neighbours of powers of two, and any."""
    rng = np.random.default_rng(7)
    ends = [exponent << 23 | fraction for exponent in (0, 1, 2, 126, 127, 128, 150, 253, 254, 255)
            for fraction in (0, 1, 2, 0x3FFFFF, 0x400000, 0x7FFFFE, 0x7FFFFF)]  # fmt: skip
    chosen = np.array([sign | bits for bits in ends for sign in (0, 1 << 31)], np.uint32)
    near = (rng.integers(120, 135, count // 2) << 23 | rng.integers(0, 1 << 23, count // 2)).astype(np.uint32)
    near |= rng.integers(0, 2, count // 2).astype(np.uint32) << 31
    return np.concatenate([chosen, near, rng.integers(0, 1 << 32, count // 2, np.uint32)])


@pytest.mark.parametrize(
    ("name", "operation"), [("__addsf3", np.add), ("__subsf3", np.subtract), ("__mulsf3", np.multiply)]
)
def test_floats_are_ieee(arithmetic: ctypes.CDLL, name: str, operation: np.ufunc) -> None:
    function = arithmetic[name]
    function.restype, function.argtypes = ctypes.c_uint32, (ctypes.c_uint32, ctypes.c_uint32)
    some, other = _patterns(20_000), np.random.default_rng(1).permutation(_patterns(20_000))
    special = _patterns(0)
    left = np.concatenate([some, np.repeat(special, len(special))])
    right = np.concatenate([other, np.tile(special, len(special))])
    with np.errstate(all="ignore"):
        expected = operation(left.view(np.float32), right.view(np.float32))
    got = np.array([function(a, b) for a, b in zip(left.tolist(), right.tolist(), strict=True)], np.uint32)
    is_nan = np.isnan(expected)
    assert np.isnan(got.view(np.float32)[is_nan]).all()
    np.testing.assert_array_equal(got[~is_nan], expected.view(np.uint32)[~is_nan])


def test_conversions_and_divisions(arithmetic: ctypes.CDLL) -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate(
        [rng.integers(-(2**31), 2**31, 2000), rng.integers(-300, 300, 500), [0, -(2**31), 2**31 - 1]]
    )
    for name, kind, dtype in (("__floatsisf", ctypes.c_int32, np.int32), ("__floatunsisf", ctypes.c_uint32, np.uint32)):
        function = arithmetic[name]
        function.restype, function.argtypes = ctypes.c_uint32, (kind,)
        numbers = values.astype(dtype)
        got = np.array([function(v) for v in numbers.tolist()], np.uint32)
        np.testing.assert_array_equal(got, numbers.astype(np.float32).view(np.uint32))
    pairs = [(int(a), int(b)) for a in values[::50] for b in values[::70] if b]
    for name, kind, bits in (("__divsi3", ctypes.c_int32, 32), ("__divdi3", ctypes.c_int64, 64)):
        function = arithmetic[name]
        function.restype, function.argtypes = kind, (kind, kind)
        for a, b in pairs:
            if (a, b) != (-(2 ** (bits - 1)), -1):
                assert function(a, b) == abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    for name, kind in (("__umodsi3", ctypes.c_uint32), ("__umoddi3", ctypes.c_uint64)):
        function = arithmetic[name]
        function.restype, function.argtypes = kind, (kind, kind)
        assert all(function(abs(a), abs(b)) == abs(a) % abs(b) for a, b in pairs)
    multiply = arithmetic["__muldi3"]
    multiply.restype, multiply.argtypes = ctypes.c_int64, (ctypes.c_int64, ctypes.c_int64)
    for a, b in rng.integers(-(2**62), 2**62, (500, 2)).tolist():
        assert multiply(a, b) == ctypes.c_int64(a * b).value
