"""Images that lie behind a bootloader: where they begin, what their vector table says, what Renode's files name."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from fieldwren.boards import build, load_board
from fieldwren.boards.project import Project
from fieldwren.generate import generate
from support import CHECKOUT, require_tool


@pytest.mark.slow
@pytest.mark.parametrize("board_id", ["nano33ble-uart-pins", "xiao-nrf52840-sense-uart-pins"])
def test_the_image_begins_behind_the_bootloader(board_id: str, tmp_path: Path) -> None:
    require_tool("arm-none-eabi-gcc")
    board = load_board(board_id)
    assert board.memory is not None
    generate(CHECKOUT / "examples" / "presence", board_id, tmp_path / "p")
    assert (tmp_path / "p" / "renode" / f"{board_id}.resc").is_file()
    image = build(Project(tmp_path / "p", board))
    with image.elf.open("rb") as file:
        elf = ELFFile(file)
        code = min((s for s in elf.iter_segments("PT_LOAD") if s["p_filesz"]), key=lambda s: s["p_paddr"])
        symbols = {s.name: s["st_value"] for s in elf.get_section_by_name(".symtab").iter_symbols()}
        stack, reset = struct.unpack("<II", code.data()[:8])
    assert code["p_paddr"] == board.memory.app_start != 0
    assert (stack, reset) == (symbols["__fw_stack_top"], symbols["fw_reset"] | 1)
    assert code["p_paddr"] == symbols["__fw_flash_start"] and code["p_paddr"] % 512 == 0  # as VTOR wants it
