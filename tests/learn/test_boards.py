"""The learner on emulated boards: the same bits as here, and what an update costs."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.boards import load_board
from fieldwren.learn import LearnerConfig, run_script
from learn.learners import busy_script, random_factory
from support import require_tool

SIZED = ("head", "learner", "guard", "classes", "self_test")
CORTEX_M4F = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard", "-ffunction-sections")


@pytest.mark.emulator
@pytest.mark.parametrize("board", ["mps2-an386", "mps2-an385", "riscv32-virt"])
def test_the_same_bits_everywhere(board: str) -> None:
    """Head and adapters; the self-test of the same image is the bits of a learner without them."""
    require_tool("riscv64-unknown-elf-gcc" if board == "riscv32-virt" else "arm-none-eabi-gcc")
    require_tool("qemu-system-riscv32" if board == "riscv32-virt" else "qemu-system-arm")
    factory = random_factory(
        63,
        8,
        LearnerConfig(guard_samples=9, running_statistics=True, reject_below=0.3, replays_per_sample=2),
        channels=21,
    )
    script = busy_script(factory, 20)
    here, there = run_script(factory, script), run_script(factory, script, load_board(board))
    assert there.head_sha256 == here.head_sha256
    np.testing.assert_array_equal(there.replies, here.replies)
    np.testing.assert_array_equal(there.adapters, here.adapters)
    assert np.count_nonzero(there.adapters) == 42
    assert (there.updates, there.rollbacks) == (here.updates, here.rollbacks)
    assert there.updates > 40


@pytest.mark.emulator
@pytest.mark.parametrize("flags", [("-O2",), ("-Os",), ("-O3", "-funroll-loops")])
def test_the_same_bits_with_the_flags_of_users(flags: tuple[str, ...]) -> None:
    """GNU C11, which fuses products and sums on a core that can."""
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")
    factory = random_factory(61, 8, LearnerConfig(guard_samples=9, running_statistics=True, reject_below=0.3))
    script = busy_script(factory, 20)
    there = run_script(factory, script, load_board("mps2-an386"), flags=(*flags, "-std=gnu11", "-ffp-contract=fast"))
    assert there.head_sha256 == run_script(factory, script).head_sha256


@pytest.mark.emulator
def test_instructions_of_an_update() -> None:
    """64 features to 12 classes with standardisation, momentum and pull: at most 15,000 on a Cortex-M4F."""
    require_tool("arm-none-eabi-gcc")
    require_tool("qemu-system-arm")
    factory = random_factory(64, 11, LearnerConfig(classes_spare=1, imprint=0.0))
    result = run_script(factory, busy_script(factory, 13), load_board("mps2-an386"))
    assert 5_000 < result.instructions / result.updates <= 15_000, result.instructions / result.updates
    assert result.instructions_most <= 15_000, result.instructions_most


@pytest.mark.parametrize("optimise", ["-O2", "-Os"])
def test_code_size(optimise: str, tmp_path: Path) -> None:
    """At most 6 KB on a Cortex-M4F: as projects are built, and as Arduino builds."""
    compiler, size = require_tool("arm-none-eabi-gcc"), require_tool("arm-none-eabi-size")
    firmware = paths.firmware()
    objects = []
    for name in SIZED:
        objects.append(str(tmp_path / f"{name}.o"))
        include = (f"-I{firmware}", f"-I{firmware / 'include'}")
        source = str(firmware / "learn" / f"{name}.c")
        subprocess.run([compiler, optimise, *CORTEX_M4F, *include, "-c", source, "-o", objects[-1]], check=True)
    listing = subprocess.run([size, *objects], check=True, capture_output=True, text=True).stdout.splitlines()[1:]
    assert sum(int(line.split()[0]) for line in listing) <= 6 * 1024, listing


def test_memory(tmp_path: Path) -> None:
    """12 classes of 64 features with 8 replay embeddings each: 13 KB, and 17 KB with guard and rollback."""
    compiler = require_tool("arm-none-eabi-gcc")
    source = tmp_path / "memory.c"
    source.write_text(
        '#include "fw_learner.h"\n'
        "typedef char plain[FW_LEARNER_BYTES(64, 12, 8, 0, 0, 0) + sizeof(fw_learner_t) <= 13 * 1024 ? 1 : -1];\n"
        "typedef char guarded[FW_LEARNER_BYTES(64, 12, 8, 15, 0, 0) + sizeof(fw_learner_t) <= 17 * 1024 ? 1 : -1];\n"
    )
    subprocess.run(
        [compiler, *CORTEX_M4F, f"-I{paths.firmware() / 'include'}", "-fsyntax-only", str(source)], check=True
    )


@pytest.mark.parametrize("guard", [0, 7])
@pytest.mark.parametrize("running", [False, True])
@pytest.mark.parametrize(("loss", "channels"), [("softmax", 0), ("softmax", 13), ("squared", 0)])
def test_memory_is_what_the_firmware_asks_for(
    guard: int, running: bool, loss: str, channels: int, tmp_path: Path
) -> None:
    """Python's figure equals the macro's."""
    compiler = require_tool("gcc")
    config = LearnerConfig(classes_spare=2, guard_samples=guard, running_statistics=running)
    factory = dataclasses.replace(random_factory(13, 5, config, channels=channels), loss=loss)
    source = tmp_path / "equal.c"
    source.write_text(
        '#include "fw_learner.h"\ntypedef char equal['
        f"FW_LEARNER_ADAPTED_BYTES(13, 7, 8, {guard}, {int(running)}, {int(loss == 'squared')}, {channels}) "
        f"== {factory.memory_bytes} ? 1 : -1];\n"
    )
    subprocess.run([compiler, f"-I{paths.firmware() / 'include'}", "-fsyntax-only", str(source)], check=True)
