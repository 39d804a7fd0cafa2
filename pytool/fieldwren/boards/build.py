"""Runs PlatformIO on a written project and turns its complaints into one sentence."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import Literal

from fieldwren import paths, tools
from fieldwren.boards import packages
from fieldwren.boards.definition import Board
from fieldwren.boards.image import Image, read_image
from fieldwren.boards.project import Project
from fieldwren.boards.registry import registry_answers
from fieldwren.errors import BuildError, MissingToolError
from fieldwren.locks import locked

Environment = Literal["offline", "registry", "auto"]

# What says why a build failed, the most telling first: compiler, linker, PlatformIO.
_REASONS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^(?!collect2: ).*: (?:[Ff]atal )?[Ee]rror: .*$",
        r"^.*(?:undefined reference to |multiple definition of |cannot find ).*$",
        r"^.*/ld: .*$",
        r"^(?:Error: |\*\*\* |[A-Za-z]+(?:Error|Exception): ).*$",
    )
)
_OVERFLOW = re.compile(r"region [`'](FLASH|RAM)' overflowed by (\d+) bytes")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# Variables that would make the result depend on the user's shell.
_FOREIGN = re.compile(r"^(PLATFORMIO_.*|CPATH|C_INCLUDE_PATH|CPLUS_INCLUDE_PATH|LIBRARY_PATH|COMPILER_PATH|GCC_.*)$")


def build(project: Project, *, environment: Environment = "auto", timeout_s: float = 600.0) -> Image:
    """Compiles and links the project with PlatformIO.

    `offline` needs neither network nor the user's PlatformIO folders; `registry` is what `pio run` does for
    everybody; `auto` is offline whenever all that the board needs is on this computer.
    Raises MissingToolError when the compiler is absent or the registry does not answer within 5 s, and BuildError
    when the tool chain refuses the project.
    """
    require_compiler(project.board)
    offline = environment != "registry" and project.board.framework is None
    if not offline and not registry_answers():
        instead = (
            f"the {project.board.framework} framework comes from there: try again with a network"
            if project.board.framework
            else "build with environment 'offline'"
        )
        raise MissingToolError(f"PlatformIO's registry does not answer within 5 s: {instead}")
    (project.directory / ".pio").mkdir(exist_ok=True)
    with locked(project.directory / ".pio" / "fieldwren.lock"):
        code, output = _run_platformio(project, offline=offline, timeout_s=timeout_s)
    elf = project.directory / ".pio" / "build" / project.board.id / "firmware.elf"
    if code != 0:
        raise BuildError(_explain(project, output))
    if not elf.is_file():
        raise BuildError(f"{project.board.id}: PlatformIO reported success but wrote no {elf}")
    return read_image(project, elf)


def require_compiler(board: Board) -> None:
    """Raises MissingToolError, saying how to get it, when the board's compiler is not on PATH."""
    if board.toolchain is None:
        return  # PlatformIO brings it
    prefix = board.toolchain.prefix
    tools.require(f"{prefix}gcc" if prefix else "cc", f"the compiler for {board.id}")


def _run_platformio(project: Project, *, offline: bool, timeout_s: float) -> tuple[int, str]:
    """Exit code and output, without colours. Whatever ends the wait ends all that PlatformIO started, too."""
    kept = ("PLATFORMIO_",) if not offline else ()
    variables = {key: value for key, value in os.environ.items() if key.startswith(kept) or not _FOREIGN.match(key)}
    variables |= {
        "LC_ALL": "C.UTF-8",
        "PLATFORMIO_NO_ANSI": "true",
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
        "PLATFORMIO_DISABLE_UPGRADE_CHECK": "true",
        "PLATFORMIO_CALLER": "fieldwren",
        "PYTHONDONTWRITEBYTECODE": "",
        "FIELDWREN_OBJECT_CACHE": str(paths.cache().absolute() / "objects"),
    }
    if offline:
        variables |= {
            "PLATFORMIO_CORE_DIR": str(project.directory / ".pio" / "core"),
            "PLATFORMIO_PACKAGES_DIR": str(packages.scons_packages().absolute()),
        }
    configuration = "offline.ini" if offline else "platformio.ini"
    command = [sys.executable, "-m", "platformio", "run", "--silent", "-c", configuration]
    with subprocess.Popen(
        command,
        cwd=project.directory,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            _kill(process)
            raise BuildError(f"{project.board.id}: the build did not end within {timeout_s:g} s") from error
        except BaseException:
            _kill(process)
            raise
    return process.returncode, _ANSI.sub("", output)


def _kill(process: subprocess.Popen[str]) -> None:
    """Ends the process and its children, which are a session of their own."""
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)


def _explain(project: Project, output: str) -> str:
    """One sentence about a failed build: the figures of an overflow, else the first error line."""
    board = project.board
    overflows = {region: int(excess) for region, excess in _OVERFLOW.findall(output)}
    if overflows and board.memory is not None:
        has = {"FLASH": board.memory.app.bytes, "RAM": board.memory.ram.bytes}
        parts = [
            f"needs {has[region] + excess} bytes of {region.lower() if region == 'FLASH' else region} "
            f"but the board has {has[region]}"
            for region, excess in sorted(overflows.items())
        ]
        return f"{board.id}: the image {' and '.join(parts)}: choose a smaller model or a larger board"
    found = next(filter(None, (reason.search(output) for reason in _REASONS)), None)
    line = found.group(0).strip() if found else (output.strip().splitlines() or ["no output"])[-1]
    return f"{board.id}: the build in {project.directory} failed: {line}"
