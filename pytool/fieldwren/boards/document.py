"""docs/boards.md, written from the board definitions."""

from __future__ import annotations

from fieldwren.boards.definition import Board, QemuMachine, RenodeMachine, board_ids, load_board

_HEAD = """# Boards

This page is written by `make docs` from `boards/*.toml`.

| id | what | core | flash | RAM | variants | buttons | built with | emulator | built here | ran in an emulator | ran on hardware, by us |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""

_TAIL = """
"Never" is meant: nobody here has had these boards on a desk. The nRF52840's and the ESP32-C3's registers are from their
manuals; the nRF52840's drivers are tested against a model of its registers, and the projects for Arduino and ESP-IDF are
compiled against headers that declare what the vendors document.

A board of your own is one such TOML file: give its path instead of an id (`--board mine.toml`); porting.md builds one from
nothing.

## What a definition says

- `core`: architecture, processor, FPU, DSP and MVE, and the compiler flags that select them.
- `variants`: the kernels' implementations that images for this board may use.
- `memory`: flash and RAM; `app_start` and `app_end` bound the image, `store` is set aside for what the device learns.
  The stack lies at the bottom of the RAM, so that running over its end is a fault instead of damaged data.
- `port`: the folders of `firmware/port/` that make up the platform, and figures they are compiled with
  (`FW_INSTRUCTIONS_PER_TICK`: how many instructions one tick of the measuring counter is under QEMU's `-icount`).
- `memory.reserved`: flash that belongs to a bootloader, its settings or a partition table; image and store stay clear of it.
- `platformio`: the board in PlatformIO's registry; `fieldwren generate --framework arduino` (or `espidf`) writes a project
  for it, which `pio run` builds with a network.
- `buttons`: what lies between a pin and ground, in the order in which an app's `[[learn.buttons]]` take them.
- `microphone`: what the port's microphone gives; apps hear it as it is, or at half its rate.
- `upload`: how `fieldwren flash` writes an image, and the USB ids by which it finds the board.
- `emulator` and `link`: how images run without the board, and how bytes get in and out.

## Building

`fieldwren generate` writes a PlatformIO project that needs neither fieldwren nor a network:
`pio run -c offline.ini` builds it with the compilers on PATH. `platformio.ini` is the same project with PlatformIO's
own packages (`pio run`). Equal sources give equal images, in any folder.
"""


def boards_page() -> str:
    """The whole page."""
    rows = [_row(load_board(board_id)) for board_id in board_ids()]
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows) + _TAIL


def _row(board: Board) -> tuple[str, ...]:
    memory = board.memory
    return (
        f"`{board.id}`",
        board.name,
        board.core.cpu,
        _kib(memory.app.bytes) if memory else "",
        _kib(memory.ram.bytes) if memory else "",
        ", ".join(board.variants),
        ", ".join(button.name for button in board.buttons),
        _builders(board),
        _emulator(board),
        "yes" if board.toolchain is not None else "no, only compiled against its frameworks' documented API",
        "yes" if board.ran_in != "never" else "never",
        "yes" if board.ran_in == "hardware" else "never",
    )


def _builders(board: Board) -> str:
    """The bare compiler, and PlatformIO's frameworks."""
    found = []
    if board.toolchain is not None:
        found.append(f"`{board.toolchain.prefix}gcc`" if board.toolchain.prefix else "`cc`")
    if board.platformio is not None:
        found += [f"`{board.platformio.platform}` {name}" for name in board.platformio.frameworks]
    return ", ".join(found)


def _kib(size_bytes: int) -> str:
    return f"{size_bytes / 1024:g} KiB"


def _emulator(board: Board) -> str:
    if board.emulator is None:
        return ""
    if isinstance(board.emulator, QemuMachine):
        return f"QEMU `{board.emulator.machine}`"
    if isinstance(board.emulator, RenodeMachine):
        return "Renode"
    return "itself"
