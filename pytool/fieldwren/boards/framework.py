"""Projects for PlatformIO's own platforms and frameworks (Arduino, ESP-IDF), which its registry provides."""

from __future__ import annotations

from collections.abc import Mapping

from fieldwren import __version__
from fieldwren.boards.definition import Board, Memory
from fieldwren.sources import Sources

_KIB = 1024
_PHY_BYTES = 4 * _KIB

_IDF_PROJECT = """cmake_minimum_required(VERSION 3.16)
include($ENV{IDF_PATH}/tools/cmake/project.cmake)
project(firmware)
"""
_IDF_COMPONENT = """file(GLOB sources "${CMAKE_CURRENT_SOURCE_DIR}/*.c")
idf_component_register(SRCS ${sources} INCLUDE_DIRS ".")
"""
_IDF_SETTINGS = """CONFIG_PARTITION_TABLE_CUSTOM=y
CONFIG_PARTITION_TABLE_CUSTOM_FILENAME="partitions.csv"
CONFIG_COMPILER_OPTIMIZATION_PERF=y
CONFIG_FREERTOS_HZ=1000
"""


def framework_files(board: Board, sources: Sources) -> dict[str, bytes]:
    """What a project needs beside src/ and lib/: platformio.ini, and on the ESP32 its partition table."""
    assert board.platformio is not None and board.memory is not None
    files = {"platformio.ini": _ini(board, sources, board.memory)}
    if board.platformio.platform == "espressif32":
        files["partitions.csv"] = partitions(board.memory)
    if board.framework == "espidf":
        files |= {
            "CMakeLists.txt": _IDF_PROJECT,
            "src/CMakeLists.txt": _IDF_COMPONENT,
            "sdkconfig.defaults": _IDF_SETTINGS,
        }
    return {name: text.encode() for name, text in files.items()}


def library_manifest() -> Mapping[str, object]:
    """library.json of the firmware: found by `-Ilib/fieldwren`, whatever PlatformIO thinks of its layout."""
    return {
        "name": "fieldwren",
        "version": __version__,
        "license": "Apache-2.0",
        "build": {"srcDir": ".", "includeDir": "include", "libArchive": True},
    }


def partitions(memory: Memory) -> str:
    """The ESP32's partition table: its settings in front of the app, the store behind it."""
    assert memory.store is not None
    settings = next(region for region in memory.reserved if region.what.startswith("settings"))
    rows = (
        ("nvs", "data", "nvs", settings.origin, settings.bytes - _PHY_BYTES),
        ("phy_init", "data", "phy", settings.end - _PHY_BYTES, _PHY_BYTES),
        ("factory", "app", "factory", memory.app.origin, memory.app.bytes),
        ("fieldwren", "data", "0x40", memory.store.origin, memory.store.bytes),
    )
    lines = [f"{name}, {kind}, {sub}, {origin:#x}, {size:#x}," for name, kind, sub, origin, size in rows]
    return "\n".join(["# Name, Type, SubType, Offset, Size, Flags", *lines, ""])


def _ini(board: Board, sources: Sources, memory: Memory) -> str:
    assert board.platformio is not None
    defines = [f"-D{name}" if value is None else f"-D{name}={value}" for name, value in sources.defines.items()]
    flags = ["-Ilib/fieldwren", "-Ilib/fieldwren/include", "-Isrc", "-ffp-contract=off", "-Wall"]
    lines = [
        "; Build with `pio run`, flash with `pio run -t upload`.",
        "[platformio]",
        f"default_envs = {board.id}",
        "",
        f"[env:{board.id}]",
        f"platform = {board.platformio.platform}",
        f"board = {board.platformio.board}",
        f"framework = {board.framework}",
        f"board_upload.maximum_size = {memory.app.bytes}",
        f"monitor_speed = {board.link.baud or 115_200}",
    ]
    if board.platformio.platform == "espressif32":
        lines.append("board_build.partitions = partitions.csv")
    lines += ["build_unflags = -Os", "build_flags ="]
    return "\n".join([*lines, *(f"  {flag}" for flag in [*flags, *sources.optimise_flags, *defines]), ""])
