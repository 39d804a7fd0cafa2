"""Bit-identity: the same features from every compiler setting on the host and from every core in QEMU.

This is also where the instruction counts of a frame are held (QEMU counts executed instructions).
"""

from __future__ import annotations

import ctypes
import dataclasses
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from features.device_image import MACHINES, MATH_STEP, build_and_run
from features.signals import speech_like
from fieldwren import paths
from fieldwren.features import (
    PRESETS,
    AudioFrontEnd,
    AudioStream,
    FrontEndParameters,
    SensorFrontEnd,
    SensorStream,
    native,
)
from fieldwren.features.tables import front_end_data
from fieldwren.native import library
from support import require_tool

PCM = speech_like(480 * 8)
PCM[2000:2480] = np.where(np.arange(480) % 7 < 3, -32768, 32767)  # clipped, for the micro front end
ROWS = np.float32(np.random.default_rng(3).normal(5.0, 3.0, (40, 2)))
ROWS[7, 0] = ROWS[20:24, 1] = np.nan


def small(parameters: FrontEndParameters) -> FrontEndParameters:
    return dataclasses.replace(parameters, window_frames=5)


FRONT_ENDS: dict[str, FrontEndParameters] = {
    "mfcc": AudioFrontEnd(coefficient_count=10, normalisation="window-mean", window_frames=5),
    "running-mean": AudioFrontEnd(
        coefficient_count=10, normalisation="running-mean", running_frames=4, window_frames=5
    ),
    "mlperf-kws": small(PRESETS["mlperf-kws"]),
    "mlperf-sww": small(PRESETS["mlperf-sww"]),
    "micro": small(PRESETS["micro-speech"]),
    "log-mel-q": AudioFrontEnd(arithmetic="fixed", window_frames=5),
    "mfcc-q": AudioFrontEnd(
        arithmetic="fixed", coefficient_count=10, spectrum="power", pre_emphasis=0.97, fft_size=1024, window_frames=5
    ),
    "sensor": SensorFrontEnd.fit(
        ROWS,
        channels=("a", "b"),
        row_interval_ms=1000.0,
        window_frames=3,
        difference_rows=(1, 4),
        missing_limit=2,
    ),
}


def crc_of_windows(stream: AudioStream | SensorStream, crc: int) -> int:
    crc = zlib.crc32(stream.window().tobytes(), crc)
    return zlib.crc32(stream.window(np.int8, 0.1, -3).tobytes(), crc)


def crc_on_host(parameters: FrontEndParameters) -> int:
    """What tests/features/device/image.c prints for a front end."""
    if isinstance(parameters, SensorFrontEnd):
        rows = SensorStream(parameters)
        crc = 0
        for row in ROWS:
            if rows.push_row(row):
                crc = crc_of_windows(rows, crc)
        return crc_of_windows(rows, crc) if rows.frame_count == parameters.window_frames else crc
    stream = AudioStream(parameters)
    frames: npt.NDArray[Any] = stream.push(PCM)
    unit = front_end_data(parameters).frame_unit
    raw = frames if unit == 1.0 else np.rint(frames / np.float32(unit)).astype(np.int16)
    return crc_of_windows(stream, zlib.crc32(raw.tobytes()))


def math_crc_on_host(lib: ctypes.CDLL) -> int:
    functions = [lib.fw_logf, lib.fw_expf, lib.fw_sqrtf]
    for function in functions:
        function.restype, function.argtypes = ctypes.c_float, (ctypes.c_float,)
    bits = np.arange(1, 0x7F800000, MATH_STEP, dtype=np.uint32)
    crc = 0
    for value, odd in zip(bits.view(np.float32).tolist(), (bits & 1).tolist(), strict=True):
        arguments = (value, -value if odd else value, value)
        crc = zlib.crc32(np.float32([f(x) for f, x in zip(functions, arguments, strict=True)]).tobytes(), crc)
    return crc


@pytest.mark.slow
@pytest.mark.parametrize(
    "flags",
    ["-std=gnu11 -O3 -march=native -ffp-contract=fast", "-std=c99 -O0", "-std=c99 -Os -fsanitize=undefined"],
)
def test_host_builds_agree(flags: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with contraction asked for (and fused multiply-add on the machine), which fw_float.h must undo."""
    expected = {name: crc_on_host(parameters) for name, parameters in FRONT_ENDS.items()}
    expected_math = math_crc_on_host(library())
    firmware, shared = paths.firmware(), tmp_path / "features.so"
    undefined = ["-fno-sanitize-recover=all"] if "sanitize" in flags else []
    subprocess.run(
        [
            *(require_tool("gcc"), *flags.split(), *undefined, "-shared", "-fPIC", "-o", shared),
            *(f"-I{firmware}", f"-I{firmware / 'include'}", *sorted((firmware / "features").glob("*.c"))),
        ],
        check=True,
    )
    other = ctypes.CDLL(str(shared))
    monkeypatch.setattr(native, "library", lambda: other)
    native.functions.cache_clear()
    try:
        assert {name: crc_on_host(parameters) for name, parameters in FRONT_ENDS.items()} == expected
        assert math_crc_on_host(other) == expected_math
    finally:
        native.functions.cache_clear()


# Instructions of one frame (hop 10 ms for log-mel and MFCC, else the preset's): at most this many.
MOST = {
    "cortex-m4f": {"mfcc": 36_000, "micro": 50_000},
    "cortex-m3": {"log-mel-q": 30_000},
}


@pytest.mark.emulator
@pytest.mark.parametrize("machine", MACHINES)
def test_cores_agree_with_the_host(machine: str, tmp_path: Path) -> None:
    run = build_and_run(tmp_path, machine, list(FRONT_ENDS.values()), PCM, ROWS)
    assert run.math_crc == math_crc_on_host(library())
    found = dict(zip(FRONT_ENDS, (outcome.crc for outcome in run.outcomes), strict=True))
    assert found == {name: crc_on_host(parameters) for name, parameters in FRONT_ENDS.items()}
    counts = dict(zip(FRONT_ENDS, (outcome.frame_instructions for outcome in run.outcomes), strict=True))
    for name, most in MOST.get(machine, {}).items():
        assert 0 < counts[name] <= most


@pytest.mark.emulator
def test_gnu11_with_contraction_agrees_on_cortex_m4f(tmp_path: Path) -> None:
    """The Cortex-M4F has fused multiply-add, and GCC uses it unless told not to."""
    run = build_and_run(
        tmp_path, "cortex-m4f", list(FRONT_ENDS.values()), PCM, ROWS, "-std=gnu11 -O2 -ffp-contract=fast"
    )
    assert [o.crc for o in run.outcomes] == [crc_on_host(parameters) for parameters in FRONT_ENDS.values()]
    assert run.math_crc == math_crc_on_host(library())


def test_kinds_can_be_left_out(tmp_path: Path) -> None:
    """With FW_FRONTEND_KINDS the other kinds' code is not even referred to, and their configurations are refused."""
    firmware = paths.firmware()
    subprocess.run(
        [
            *(require_tool("gcc"), "-std=c99", "-O2", "-c", f"-I{firmware}", f"-I{firmware / 'include'}"),
            *("-DFW_FRONTEND_KINDS=8u", firmware / "features" / "frontend.c", "-o", tmp_path / "frontend.o"),
        ],
        check=True,
    )
    symbols = subprocess.run([require_tool("nm"), tmp_path / "frontend.o"], check=True, capture_output=True, text=True)
    assert "fw_micro_frame" in symbols.stdout
    assert "fw_mel" not in symbols.stdout
    assert "fw_sensor" not in symbols.stdout
