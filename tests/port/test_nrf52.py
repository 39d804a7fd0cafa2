"""The nRF52840's drivers, compiled for this computer around a model of the registers; and its images' sizes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.boards import load_board
from fieldwren.boards.project import _board_header
from fieldwren.generate import build
from support import CHECKOUT, made_once, require_tool

HERE = Path(__file__).parent
TEXT = "The quick brown fox jumps over the lazy dog, and once more: the quick brown fox jumps."


@pytest.fixture(scope="module")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        (folder / "fw_board.h").write_text(_board_header(load_board("nrf52840dk")))
        port = paths.firmware() / "port" / "nrf52"
        files = [port / name for name in ("crystal.c", "uarte.c", "microphone.c", "tick.c")]
        files += [paths.firmware() / "port" / name for name in ("nrf52_flash/flash.c", "nrf/pins.c")]
        command = [str(require_tool("gcc")), "-std=gnu99", "-O1", "-no-pie", "-fsanitize=undefined", "-Wall", "-Wextra"]
        command += ["-Werror", "-include", str(HERE / "nrf52_model.h"), f"-I{folder}", f"-I{paths.firmware()}"]
        command += [f"-I{paths.firmware() / 'include'}", "-o", str(folder / "drivers")]
        # The one instruction of the processor itself: a barrier.
        sources = []
        for file in files:
            copy = folder / file.name
            copy.write_text(file.read_text().replace('"dmb"', '""'))
            sources.append(str(copy))
        subprocess.run([*command, *sources, str(HERE / "nrf52.c")], check=True)

    return made_once(tmp_path_factory, "nrf52-drivers", make) / "drivers"


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        ("together", "1 2 3 4 5 6 7 8"),
        ("apart", "1 2 3 4 5 6 7 8"),
        # Nobody answered after block 4: it comes late, and block 5 is lost, for 6 is written over it; nothing is mixed.
        ("stall", "1 2 3 4 6 7 8"),
        ("renode", "1 2 3 4 5 6 7"),
        ("transmit", TEXT),
        ("transmit_at_once", TEXT),
        ("receive", "hello"),
        ("buttons", "0 0 10"),
        ("flash", "10 12345678 -5 -5"),
        ("no_crystal", "-5 -5"),  # FW_E_TIMEOUT, after a bounded wait
    ],
)
def test_driver(drivers: Path, scenario: str, expected: str) -> None:
    done = subprocess.run([str(drivers), scenario], capture_output=True, text=True, check=True, timeout=10)
    assert done.stdout.strip() == expected


@pytest.mark.slow
def test_keyword_app_is_small(tmp_path: Path) -> None:
    require_tool("arm-none-eabi-gcc")
    image = build(CHECKOUT / "examples" / "digits", "nrf52840dk", tmp_path / "p")
    assert image.flash_bytes < 160 * 1024
    assert image.ram_static_bytes + image.stack_bytes <= 62 * 1024  # of 64 KiB
    folder = Path(image.elf).parent
    assert {"firmware.hex", "firmware.bin"} <= {path.name for path in folder.iterdir()}
    assert (folder / "firmware.bin").stat().st_size <= image.flash_bytes + 16


def test_halving_keeps_speech_and_removes_what_would_alias(tmp_path: Path) -> None:
    library = tmp_path / "halve.so"
    source = paths.firmware() / "runtime" / "halve.c"
    flags = [
        "-std=c99",
        "-shared",
        "-fPIC",
        "-fsanitize=undefined",
        "-fno-sanitize-recover=all",
        "-Wconversion",
        "-Werror",
    ]
    subprocess.run(
        [str(require_tool("gcc")), *flags, f"-I{paths.firmware()}", str(source), "-o", str(library)], check=True
    )
    program = (
        "import ctypes, sys, numpy as np\n"
        "from scipy.signal import resample_poly\n"
        f"f = ctypes.CDLL({str(library)!r}).fw_halve\n"
        "def run(x, cuts):\n"
        "    state, out = ctypes.create_string_buffer(256), []\n"
        "    for part in np.split(x, cuts):\n"
        "        part = np.ascontiguousarray(part); h = np.zeros(80, np.int16)\n"
        "        n = f(state, part.ctypes.data_as(ctypes.c_void_p), len(part), h.ctypes.data_as(ctypes.c_void_p))\n"
        "        out.append(h[:n].copy())\n"
        "    return np.concatenate(out).astype(float)\n"
        "t = np.arange(16000); cuts = list(range(100, 16000, 100))\n"
        "def level(hz): return np.std(run(np.round(20000*np.sin(2*np.pi*hz*t/16000)).astype(np.int16), cuts)[100:])/(20000/2**.5)\n"
        "noise = np.random.default_rng(1).integers(-32768, 32768, 16000).astype(np.int16)\n"
        "odd = np.sort(np.random.default_rng(2).choice(np.arange(1, 16000), 400, replace=False))\n"
        "odd = sorted(set(odd.tolist()) | set(range(100, 16000, 100)))\n"
        "assert np.array_equal(run(noise, cuts), run(noise, odd))\n"
        "assert len(run(noise, cuts)) == 8000\n"
        "full = run(np.where((t // 40) % 2, 32767, -32768).astype(np.int16), cuts)\n"
        "assert full.max() == 32767 and full.min() == -32768\n"
        "print(*[level(hz) for hz in (300, 1000, 2000, 3100, 5200, 6000, 7000)])\n"
    )
    env = {
        "LD_PRELOAD": subprocess.run(
            ["gcc", "-print-file-name=libubsan.so"], capture_output=True, text=True, check=True
        ).stdout.strip()
    }
    import os
    import sys

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env={**os.environ, **env}
    )
    assert done.returncode == 0, done.stderr
    levels = [float(x) for x in done.stdout.split()]
    assert np.allclose(levels[:4], 1.0, atol=0.012)
    assert all(level < 10 ** (-40 / 20) * 1.2 for level in levels[4:5])
    assert all(level < 10 ** (-60 / 20) for level in levels[5:])
