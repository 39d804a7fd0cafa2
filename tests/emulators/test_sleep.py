"""With silent audio the core sleeps: the app's own main loop, on a clock of executed instructions."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from fieldwren.app import load_app
from fieldwren.app_streaming import load_device_app
from fieldwren.boards import build, load_board, write_project
from fieldwren.boards.definition import Microphone, QemuMachine
from fieldwren.emulators import emulator_for
from fieldwren.render.app import app_sources
from support import CHECKOUT, require_tool

PROGRAM = Path(__file__).parent / "programs" / "silence.c"


SILENCE, FAINT = (), ("FAINT",)


def measured(board_id: str, example: str, folder: Path, noise: tuple[str, ...]) -> tuple[float, int, int, int]:
    """(share of the time that the core sleeps, nanoseconds that passed, blocks heard, MACs of an inference)."""
    board = load_board(board_id)
    assert board.toolchain is not None and isinstance(board.emulator, QemuMachine)
    require_tool(f"{board.toolchain.prefix}gcc")
    require_tool(board.emulator.program)
    wrapped = (*board.toolchain.link_flags, "-Wl,--wrap=fw_wait_for_interrupt")
    board = board.model_copy(update={"toolchain": board.toolchain.model_copy(update={"link_flags": wrapped})})
    if example == "digits":
        board = board.model_copy(update={"microphone": Microphone(kind="pdm", rate_hz=16000)})
    model, planned = load_device_app(load_app(CHECKOUT / "examples" / example), board)
    sources = app_sources(model, planned, board)
    defines = {**sources.defines, **dict.fromkeys(noise, "1")}
    sources = replace(sources, files={**sources.files, "silence.c": PROGRAM.read_bytes()}, defines=defines)
    image = build(write_project(sources, board, folder, standalone=False))
    run = emulator_for(board).run_to_exit(image.elf, board, files={}, timeout_s=60, icount=True)
    assert run.exit_code == 0
    passed, slept, blocks, sleeps = struct.unpack("<QQII", run.files_written["result.bin"])
    assert sleeps > 500
    # fw_port_instructions_per_tick_q8: an instruction is a nanosecond of this clock.
    passed_ns = passed * int(board.port.defines["FW_INSTRUCTIONS_PER_TICK"])
    assert 1.9e9 < passed_ns < 2.1e9
    print(f"{board_id}: asleep {slept / passed:.2%} of the time {noise}")
    return slept / passed, passed_ns, blocks, planned.program.macs


@pytest.mark.emulator
@pytest.mark.slow
@pytest.mark.parametrize(
    ("board_id", "example"),
    [
        ("riscv32-virt", "digits"),
        ("microbit", "presence"),
        *(
            pytest.param(board_id, "digits", marks=pytest.mark.long)
            for board_id in ("mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547")
        ),
    ],
)
def test_the_core_sleeps_through_silence(board_id: str, example: str, tmp_path: Path) -> None:
    asleep, _, blocks, _ = measured(board_id, example, tmp_path / "p", SILENCE)
    assert asleep > 0.9, f"asleep {asleep:.1%} of the time"
    assert 190 <= blocks <= 200 if example == "digits" else blocks == 0


@pytest.mark.emulator
@pytest.mark.slow
def test_it_sleeps_between_inferences_too(tmp_path: Path) -> None:
    """Noise of one unit never repeats a window: the last second has ten inferences."""
    asleep, passed_ns, blocks, macs = measured("mps2-an386", "digits", tmp_path / "p", FAINT)
    assert 190 <= blocks <= 200
    assert passed_ns * (1 - asleep) > 10 * macs / 2
    assert asleep > 0.9, f"asleep {asleep:.1%} of the time"
