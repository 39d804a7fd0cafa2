"""docs/boards.md, written from the board definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fieldwren.boards.definition import Board, QemuMachine, RenodeMachine, Way, board_ids, load_board

_HEAD = """# Boards

This page is written by `make docs` from `boards/*.toml`.

| id | what | core | flash | RAM | variants | buttons | built with | emulator | built here | ran in an emulator | ran on hardware, by us |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""

_TAIL = """
"Never" is meant: nobody here has had these boards on a desk. The nRF52840's and the ESP32-C3's registers are from their
manuals; the nRF52840's drivers are tested against a model of its registers, and the projects for Arduino and ESP-IDF are
compiled against headers that declare what the vendors document.

The ESP32-C3 without a framework has link, clock, sleep and buttons, but neither microphone nor store, which its projects for
Arduino and ESP-IDF have. Writing its flash means to switch the cache off and to call the ROM from RAM; a mistake there erases the
image or worse, and neither an emulator nor a board is at hand to try it on. So it learns, and forgets at the next reset.

For the Xtensa boards there is no emulator either. What runs is the firmware's arithmetic on another core of the family, an
LX106 in QEMU's simulator (`tests/emulators/test_xtensa.py`, compiled by Debian's `gcc-xtensa-lx106`): models of every kind give
the reference's bits there, and a head is bit by bit the host's after any lessons. That shows that nothing depends on the compiler
or the byte order of an Xtensa core. It does not show an ESP32 at work: its LX6 and LX7 cores have register windows and an FPU,
which the LX106 lacks (its float32 is software), another release of GCC builds for them, and none of their peripherals, caches or
flash is in the simulator. Float LOG_SOFTMAX is not among what ran: Debian's compiler has no float64 for this core.

A board of your own is one such TOML file: give its path instead of an id (`--board mine.toml`); porting.md builds one from
nothing.

## What a definition says

- `core`: architecture, processor, FPU, DSP and MVE, and the compiler flags that select them.
- `variants`: the kernels' implementations that images for this board may use.
- `energy_pj_per_instruction`: an estimate of what one instruction costs, from the supply current that the file's comment
  names; the fleet's report multiplies it with counted instructions.
- `memory`: flash and RAM; `app_start` and `app_end` bound the image, `store` is set aside for what the device learns.
  The stack lies at the bottom of the RAM, so that running over its end is a fault instead of damaged data.
- `port`: the folders of `firmware/port/` that make up the platform, and figures they are compiled with
  (`FW_INSTRUCTIONS_PER_TICK`: how many instructions one tick of the measuring counter is under QEMU's `-icount`).
- `memory.reserved`: flash that belongs to a bootloader, its settings or a partition table; image and store stay clear of it.
- `platformio`: the board in PlatformIO's registry; `fieldwren generate --framework arduino` (or `espidf`) writes a project
  for it, which `pio run` builds with a network.
- `buttons`: what lies between a pin and ground, in the order in which an app's `[[learn.buttons]]` take them.
- `microphone`: what the port's microphone gives; apps hear it as it is, or at half its rate.
- `upload`: the ways in which `fieldwren flash` writes an image, best first, what each must know of the board, and the
  USB ids by which the board is found; a framework's `ways` are those of its projects.
- `emulator` and `link`: how images run without the board, and how bytes get in and out.

## Building

`fieldwren generate` writes a PlatformIO project that needs neither fieldwren nor a network:
`pio run -c offline.ini` builds it with the compilers on PATH. `platformio.ini` is the same project with PlatformIO's
own packages (`pio run`). Equal sources give equal images, in any folder.
"""


_WAYS: Mapping[Way, tuple[str, str]] = {
    "platformio": (
        "PlatformIO's uploader (`pio run -t upload`)",
        "the command line; its packages for these boards come from its registry, which tests do without",
    ),
    "esptool": (
        "esptool",
        "esptool itself against a ROM loader and stub on a pseudo terminal, and what it wrote then runs in QEMU; never on a chip",
    ),
    "pyocd": (
        "pyOCD",
        "pyOCD itself without a probe, and its command line; nothing was ever written through a probe",
    ),
    "nrfutil": (
        "adafruit-nrfutil",
        "adafruit-nrfutil itself against a bootloader on a pseudo terminal, and what it wrote then runs in QEMU; never on a chip",
    ),
    "uf2": (
        "a copy onto the bootloader's drive",
        "files equal to those of the format's own tool, copied to a folder that behaves like the drive, and then run in QEMU; "
        "never on a chip",
    ),
}

_FLASHING = """
## Flashing

`fieldwren flash APP --board B` takes the first way of the board's that is possible, and says which; `--by` asks for one,
`fieldwren flash --list` shows ports, probes and drives and what each could be. Afterwards the device is asked over its link: it
must report this image's build id, and give the bits that fw_run gives here for a random input.

| way | boards | what tests do with it |
|---|---|---|
"""


def boards_page() -> str:
    """The whole page."""
    boards = [load_board(board_id) for board_id in board_ids()]
    rows = [_row(board) for board in boards]
    ways = [(what, _flashed_by(boards, way), tried) for way, (what, tried) in _WAYS.items()]
    return _HEAD + _lines(rows) + _TAIL + _FLASHING + _lines(ways)


def _lines(rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _flashed_by(boards: Sequence[Board], way: Way) -> str:
    """Ids of the boards with this way, the frameworks for which it is in brackets."""
    found = []
    for board in boards:
        bare = board.toolchain is not None and board.upload is not None and way in board.upload.ways
        known = board.platformio.frameworks if board.platformio else {}
        names = [str(name) for name, entry in known.items() if way in entry.ways]
        if bare or names:
            found.append(f"`{board.id}` ({', '.join(['bare metal'] * bare + names)})")
    return ", ".join(found)


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
