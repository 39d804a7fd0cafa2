"""Sources and a board become a self-contained PlatformIO project."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fieldwren import __version__, paths
from fieldwren.boards import packages
from fieldwren.boards.definition import Board, Toolchain
from fieldwren.boards.framework import framework_files, library_manifest
from fieldwren.errors import BadInputError, cannot_write
from fieldwren.kernel import firmware_file
from fieldwren.sources import Sources

MARKER = "fieldwren-project.json"
LIBRARY = "lib/fieldwren"
COMPILER_FLAGS = ("-std=c99", "-ffp-contract=off", "-Wall", "-Wextra", "-Wconversion")
GENERATED_HEADERS = frozenset({"fw_board.h"})

_QUOTED_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)


@dataclass(frozen=True)
class Project:
    """A written project; PlatformIO's environment in it is named after the board."""

    directory: Path
    board: Board


def write_project(sources: Sources, board: Board, directory: Path, *, standalone: bool = True) -> Project:
    """Writes the project for `board` to `directory`: all of it or nothing.

    `pio run -c offline.ini` builds it without fieldwren and without a network; only `build` can build it when
    `standalone` is false, which leaves out the copy of SCons (2.5 MB). An existing fieldwren project there is
    replaced, keeping its build folder. Raises BadInputError when `directory` holds anything else, or when a
    firmware file or include does not exist.
    """
    with_scons = standalone and board.framework is None
    return Project(write_folder(_content(sources, board), directory, with_scons=with_scons), board)


def write_folder(content: Mapping[str, bytes], directory: Path, *, with_scons: bool = False) -> Path:
    """Writes the files, one of which is MARKER, to `directory`: all or nothing, in the place of what stood there.

    Raises BadInputError when that holds anything but an earlier project of fieldwren.
    """
    directory = directory.absolute()
    if directory.exists() and not (directory / MARKER).is_file() and any(directory.iterdir()):
        raise BadInputError(f"{directory}: is not empty and not a fieldwren project: name another folder")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{directory.name}-", dir=directory.parent) as scratch:
            _write(content, Path(scratch) / "new")
            if with_scons:
                packages.copy_scons(Path(scratch) / "new" / "packages")
            _swap(Path(scratch), directory)
    except OSError as error:
        raise cannot_write(directory, error) from error
    return directory


def _write(content: Mapping[str, bytes], root: Path) -> None:
    for name, data in content.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _swap(scratch: Path, directory: Path) -> None:
    """Puts `scratch/new` in the place of `directory`, which may exist."""
    if directory.exists():
        if (directory / ".pio").is_dir():
            (directory / ".pio").rename(scratch / "new" / ".pio")
        directory.rename(scratch / "old")
    (scratch / "new").rename(directory)


def _content(sources: Sources, board: Board) -> dict[str, bytes]:
    """All files of the project but PlatformIO's own package, by name relative to the project."""
    content = {f"src/{_relative(name)}": data for name, data in sources.files.items()}
    content |= {_relative(name): data for name, data in sources.extra.items()}
    wanted = [*sources.firmware, *_port_files(board)]
    content |= {f"{LIBRARY}/{name}": data for name, data in firmware_files(wanted, sources.files).items()}
    content[f"{LIBRARY}/include/fw_board.h"] = _board_header(board).encode()
    if board.framework is not None:
        content[f"{LIBRARY}/library.json"] = _json(library_manifest())
        content |= framework_files(board, sources)
    else:
        library = {"name": "fieldwren", "version": __version__, "license": "Apache-2.0"}
        content[f"{LIBRARY}/library.json"] = _json(library)
        content |= _platform(board, sources)
        content["platformio.ini"] = _ini(sources, board, offline=False).encode()
        content["offline.ini"] = _ini(sources, board, offline=True).encode()
    content[MARKER] = _json({"fieldwren": __version__, "board": board.id})
    return dict(sorted(content.items()))


def _relative(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise BadInputError(f"{name!r}: the name of a source file must stay inside the project")
    return str(path)


def _port_files(board: Board) -> list[str]:
    root = paths.firmware()
    found = [
        str(path.relative_to(root).as_posix())
        for folder in board.port.folders
        for path in sorted((root / "port" / folder).iterdir())
        if path.suffix in {".c", ".cpp", ".S"}
    ]
    return found


def firmware_files(names: Iterable[str], generated: Mapping[str, bytes]) -> dict[str, bytes]:
    """The named firmware files and everything they, and the generated files, include in quotes."""
    found: dict[str, bytes] = {}
    pending = list(names)
    for name, data in generated.items():
        for include in _includes(data):
            if include not in GENERATED_HEADERS and not _in_generated(include, name, generated):
                pending.append(_resolve(include, None, f"src/{name}"))
    while pending:
        name = pending.pop()
        if name in found:
            continue
        path = firmware_file(name)
        if not path.is_file():
            raise BadInputError(f"firmware/{name}: there is no such file in fieldwren {__version__}")
        found[name] = path.read_bytes()
        folder = PurePosixPath(name).parent
        pending += [
            _resolve(include, folder, f"firmware/{name}")
            for include in _includes(found[name])
            if include not in GENERATED_HEADERS and include not in generated
        ]
    return found


def _includes(data: bytes) -> list[str]:
    return [match.decode() for match in _QUOTED_INCLUDE.findall(data)]


def _in_generated(include: str, name: str, generated: Mapping[str, bytes]) -> bool:
    beside = os.path.normpath(PurePosixPath(name).parent / include)
    return include in generated or beside in generated


def _resolve(include: str, folder: PurePosixPath | None, where: str) -> str:
    """The firmware-relative name of an included file: beside the including one, in firmware/, or in its include/."""
    candidates = [PurePosixPath(include), PurePosixPath("include") / include]
    if folder is not None:
        candidates.insert(0, folder / include)
    for candidate in candidates:
        name = os.path.normpath(candidate)
        if not name.startswith("..") and firmware_file(name).is_file():
            return PurePosixPath(name).as_posix()
    raise BadInputError(f'{where}: includes "{include}", which is neither generated nor in the firmware')


def _board_header(board: Board) -> str:
    lines = [
        f"/* {board.name}: figures the port is compiled with. */",
        "#ifndef FW_BOARD_H",
        "#define FW_BOARD_H",
        "",
    ]
    lines += [f'#define FW_BOARD_ID "{board.id}"']
    lines += [f"#define {name} {value}" for name, value in board.port.defines.items()]
    if board.buttons:
        lines += [f"#define FW_BUTTON_PINS {{{', '.join(str(button.pin) for button in board.buttons)}}}"]
    if board.memory is not None and board.memory.store is not None:
        store = board.memory.store
        lines += [
            f"#define FW_STORE_ORIGIN {store.origin:#x}u",
            f"#define FW_STORE_BYTES {store.bytes}u",
            f"#define FW_STORE_PAGE_BYTES {store.page_bytes}u",
        ]
    return "\n".join([*lines, "", "#endif", ""])


def _platform(board: Board, sources: Sources) -> dict[str, bytes]:
    """The local development platform: its own files, the board's manifest and memory map."""
    source = paths.boards() / "platform"
    content = {
        f"platform/{path.relative_to(source).as_posix()}": path.read_bytes()
        for path in sorted(source.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    content[f"platform/boards/{board.id}.json"] = _json(_manifest(board, sources))
    if board.memory is not None:
        content[f"platform/ldscripts/{board.id}.ld"] = _memory_script(board).encode()
    return content


def _manifest(board: Board, sources: Sources) -> dict[str, object]:
    """PlatformIO's description of the board, derived from the board's definition."""
    toolchain = _toolchain(board)
    build: dict[str, object] = {
        "mcu": board.core.cpu,
        "toolchain": toolchain.prefix,
        "core_flags": list(board.core.flags),
        "link_flags": list(toolchain.link_flags),
        "formats": list(toolchain.formats),
    }
    upload: dict[str, object] = {"maximum_size": 0, "maximum_ram_size": 0}
    if board.clock_hz is not None:
        build["f_cpu"] = f"{board.clock_hz}L"
    if board.memory is not None:
        build["ldscript"] = f"{board.id}.ld"
        build["stack_bytes"] = stack_bytes(sources, board)
        upload = {"maximum_size": board.memory.app.bytes, "maximum_ram_size": board.memory.ram.bytes}
    return {"name": board.name, "vendor": "fieldwren", "url": "", "build": build, "upload": upload}


def _toolchain(board: Board) -> Toolchain:
    """The compiler of a bare board. Raises BadInputError for one that is only built with a framework."""
    if board.toolchain is None:
        raise BadInputError(f"{board.id}: is built with a framework of PlatformIO only: generate a project for it")
    return board.toolchain


def stack_bytes(sources: Sources, board: Board) -> int:
    """The stack's size: what the sources ask for, else the board's default; 0 where an operating system gives it."""
    if board.memory is None:
        return 0
    wanted = board.memory.stack_bytes if sources.stack_bytes is None else sources.stack_bytes
    return -(-wanted // 16) * 16


def _memory_script(board: Board) -> str:
    assert board.memory is not None
    regions = {"FLASH (rx)": board.memory.app, "RAM (rwx)": board.memory.ram}
    lines = [f"/* {board.name} */", "MEMORY", "{"]
    lines += [f"  {name} : ORIGIN = {r.origin:#010x}, LENGTH = {r.bytes:#x}" for name, r in regions.items()]
    return "\n".join([*lines, "}", "", f"INCLUDE {_toolchain(board).sections}", ""])


def _ini(sources: Sources, board: Board, *, offline: bool) -> str:
    """platformio.ini, or offline.ini, which differs in where PlatformIO finds SCons."""
    defines = [f"-D{name}" if value is None else f"-D{name}={value}" for name, value in sources.defines.items()]
    flags = [*COMPILER_FLAGS, *sources.optimise_flags, *defines]
    lines = ["; Builds without a network: `pio run -c offline.ini`"] if offline else ["; Build with `pio run`"]
    lines += ["[platformio]", f"default_envs = {board.id}"]
    # PlatformIO remembers a symlinked platform by its folder's name: in the user's own core folder, two fieldwren
    # projects would get in each other's way.
    if offline:
        lines += ["core_dir = .pio/core", "packages_dir = packages"]
    else:
        lines += ["platforms_dir = .pio/platforms"]
    lines += ["", f"[env:{board.id}]", "platform = symlink://./platform", f"board = {board.id}"]
    lines += ["lib_ldf_mode = off", "build_flags ="]
    return "\n".join([*lines, *(f"  {flag}" for flag in flags), ""])


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
