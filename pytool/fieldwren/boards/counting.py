"""Boards for counting instructions: the emulated ones, and cores whose own board has too little memory for it."""

from __future__ import annotations

from fieldwren.boards.definition import Board, load_board

_BORROWED = {"cortex-m0": ("microbit", "mps2-an385")}
"""Core: (whose board, where its code runs): a Cortex-M3 executes Armv6-M code, instruction by instruction the same."""

COUNTED = ("mps2-an386", "mps2-an385", "cortex-m0", "riscv32-virt", "mps2-an500", "mps2-an505", "mps3-an547")
"""What reports have figures for: one board for each core."""


def counting_board(name: str) -> Board:
    """The board `name`, or for the name of a core that is borrowed memory for: that core's code on a larger board."""
    if name not in _BORROWED:
        return load_board(name)
    own, host = (load_board(board) for board in _BORROWED[name])
    return host.model_copy(
        update={
            "id": name,
            "name": f"{own.name}, counted on {host.id}",
            "core": own.core,
            "variants": own.variants,
            "toolchain": host.toolchain,
        }
    )
