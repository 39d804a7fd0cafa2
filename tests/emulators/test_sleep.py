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


@pytest.mark.emulator
@pytest.mark.slow
@pytest.mark.parametrize(
    ("board_id", "least"),
    [
        ("mps2-an386", 0.9),
        # No FPU: most of what it is awake for is the front end's float arithmetic, not the port (86.5 % measured).
        ("riscv32-virt", 0.85),
    ],
)
def test_the_core_sleeps_through_silence(board_id: str, least: float, tmp_path: Path) -> None:
    board = load_board(board_id)
    assert board.toolchain is not None and isinstance(board.emulator, QemuMachine)
    require_tool(f"{board.toolchain.prefix}gcc")
    require_tool(board.emulator.program)
    wrapped = (*board.toolchain.link_flags, "-Wl,--wrap=fw_wait_for_interrupt")
    board = board.model_copy(
        update={
            "microphone": Microphone(kind="pdm", rate_hz=16000),
            "toolchain": board.toolchain.model_copy(update={"link_flags": wrapped}),
        }
    )
    model, planned = load_device_app(load_app(CHECKOUT / "examples" / "digits"), board)
    sources = app_sources(model, planned, board)
    sources = replace(sources, files={**sources.files, "silence.c": PROGRAM.read_bytes()})
    image = build(write_project(sources, board, tmp_path / "p", standalone=False))
    run = emulator_for(board).run_to_exit(image.elf, board, files={}, timeout_s=60, icount=True)
    assert run.exit_code == 0
    passed, slept, blocks, sleeps = struct.unpack("<QQII", run.files_written["result.bin"])
    # fw_port_instructions_per_tick_q8: an instruction is a nanosecond of this clock.
    passed_ns = passed * int(board.port.defines["FW_INSTRUCTIONS_PER_TICK"])
    assert 1.9e9 < passed_ns < 2.1e9
    assert 190 <= blocks <= 200 and sleeps > 500
    # The last second had ten inferences: it is not an app that does nothing.
    assert passed_ns * (1 - slept / passed) > 10 * planned.program.macs / 2
    assert slept > least * passed, f"asleep {slept / passed:.1%} of the time"
    print(f"{board_id}: asleep {slept / passed:.2%} of the time")
