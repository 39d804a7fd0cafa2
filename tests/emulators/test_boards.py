"""Every board that an emulator runs: bulk files, link, clock, measuring, stack and exit code."""

from __future__ import annotations

import random
import struct
import threading
from pathlib import Path

import pytest

from fieldwren.boards import Board, Image, board_ids, build, load_board, write_project
from fieldwren.boards.definition import QemuMachine, RenodeMachine
from fieldwren.emulators import Qemu, emulator_for
from fieldwren.errors import LinkLostError
from fieldwren.sources import Sources
from support import require_tool

PROGRAMS = Path(__file__).parent / "programs"
IDS = [board_id for board_id in board_ids() if not isinstance(load_board(board_id).emulator, RenodeMachine | None)]

FAULT = 125
"""FW_EXIT_FAULT in fw_port.h."""

pytestmark = pytest.mark.emulator


def built(board: Board, program: str, folder: Path, **defines: str) -> Image:
    prefix = board.toolchain.prefix
    require_tool(f"{prefix}gcc" if prefix else "cc")
    if isinstance(board.emulator, QemuMachine):
        require_tool(board.emulator.program)
    files = {"main.c": (PROGRAMS / program).read_bytes()}
    sources = Sources(files, defines=defines, optimise_flags=("-O2", "-Werror"))
    return build(write_project(sources, board, folder))


@pytest.fixture(scope="module", params=IDS)
def port_image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Image:
    return built(load_board(request.param), "port.c", tmp_path_factory.mktemp(request.param) / "p")


def test_bulk_files_clock_measuring_and_stack(port_image: Image) -> None:
    board = port_image.project.board
    data = random.Random(1).randbytes(100_001)
    result = emulator_for(board).run_to_exit(port_image.elf, board, files={"in.bin": data}, timeout_s=30, icount=True)
    assert result.exit_code == 7
    assert result.files_written.keys() == {"out.bin", "report.bin"}
    assert result.files_written["out.bin"] == data
    values = struct.unpack("<12I", result.files_written["report.bin"])
    stack_before, _, stack_after, empty, seven, looped, ticks, per_tick_q8, idles, masked_ms, no_file, good = values
    assert good == 0x600D
    assert no_file == 0xFFFFFFFC  # FW_E_UNKNOWN
    if board.id == "host":
        assert (stack_before, stack_after, empty, seven, looped, per_tick_q8) == (0, 0, 0, 0, 0, 0)
        return
    assert 0 < stack_before < 300
    assert 600 < stack_after < 900
    # The call and the return are two instructions (RISC-V may need an address in two parts for the call).
    assert empty in {2, 3}
    assert seven == empty + 7
    per_turn = 2 if board.core.mve else 3
    assert abs(looped - per_turn * 100_000) <= 10
    # The same by the counter's ticks: one tick of uncertainty at each end, and reading it costs a few instructions.
    per_tick = per_tick_q8 / 256
    assert abs(ticks * per_tick - looped) <= 2 * per_tick + 60
    # A wake-up every millisecond, or every other: without real sleep QEMU wakes for every second SysTick only.
    assert 10 <= idles <= 20
    # Time goes on while interrupts are off: 5 million turns, a nanosecond each instruction.
    assert masked_ms in {5 * per_turn - 1, 5 * per_turn, 5 * per_turn + 1}


def test_two_runs_are_identical(port_image: Image) -> None:
    board = port_image.project.board
    if board.id == "host":
        pytest.skip("the host's clock is the real one")
    runs = [
        emulator_for(board).run_to_exit(port_image.elf, board, files={"in.bin": b"x"}, timeout_s=30, icount=True)
        for _ in range(2)
    ]
    assert runs[0].files_written == runs[1].files_written


def test_echo_loses_nothing_however_fast_it_comes(port_image: Image) -> None:
    """More than the ring holds is sent without waiting for answers."""
    board = port_image.project.board
    text = bytes(byte % 255 + 1 for byte in random.Random(2).randbytes(6_000))
    with emulator_for(board).start(port_image.elf, board) as device:
        got = b""
        sender = threading.Thread(target=device.write, args=(text,))
        sender.start()
        while len(got) < 6 + len(text):
            more = device.read(4096, timeout_s=10)
            assert more, f"{board.id} stopped after {len(got)} bytes"
            got += more
        sender.join()
        assert got == b"hello\n" + text
        assert device.read(1, timeout_s=0.05) == b""
        assert device.running
        device.write(b"\0")
        assert device.read(1, timeout_s=10) == b"\0"
        with pytest.raises(LinkLostError, match=f"{board.id}: the image ended with exit code 3"):
            device.read(1, timeout_s=10)
        assert not device.running


@pytest.mark.parametrize("board_id", ["mps2-an386", "microbit", "riscv32-virt"])
def test_trouble_ends_the_run(board_id: str, tmp_path: Path) -> None:
    board = load_board(board_id)
    emulator = emulator_for(board)
    hanging = built(board, "trouble.c", tmp_path / "hanging", TROUBLE="1")
    with pytest.raises(LinkLostError, match=f"{board_id}: the image did not end within 0.5 s"):
        emulator.run_to_exit(hanging.elf, board, files={}, timeout_s=0.5, icount=False)
    faulty = built(board, "trouble.c", tmp_path / "faulty", TROUBLE="3")
    assert emulator.run_to_exit(faulty.elf, board, files={}, timeout_s=10, icount=False).exit_code == FAULT


@pytest.mark.parametrize("board_id", ["mps2-an386", "mps2-an505", "mps3-an547", "microbit", "riscv32-virt"])
def test_a_stack_that_runs_over_ends_in_a_fault(board_id: str, tmp_path: Path) -> None:
    board = load_board(board_id)
    image = built(board, "trouble.c", tmp_path / "p", TROUBLE="2")
    result = emulator_for(board).run_to_exit(image.elf, board, files={}, timeout_s=10, icount=False)
    assert result.exit_code == FAULT


def test_a_real_board_without_a_debugger_skips_semihosting(tmp_path: Path) -> None:
    """With nobody listening a semihosting call is a fault; the port answers it with -1, so the link comes up."""
    board = load_board("microbit")
    image = built(board, "port.c", tmp_path / "p")
    with Qemu(("-semihosting-config", "enable=off")).start(image.elf, board) as device:
        got = b""
        while len(got) < 6:
            more = device.read(6, timeout_s=10)
            assert more
            got += more
        assert got == b"hello\n"
