"""Programs that fieldwren runs but does not bring along, and how to get each on this computer."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from fieldwren.errors import MissingToolError


@dataclass(frozen=True)
class Tool:
    """A program by the name it has on PATH; the packages that bring it; the arguments that print its version.

    `elsewhere` says what to do where there is neither apt nor Homebrew.
    """

    name: str
    apt: str | None
    brew: str | None
    version_arguments: tuple[str, ...] = ("--version",)
    elsewhere: str = "install it and put it on PATH"


_KNOWN = (
    Tool("cc", "gcc libc6-dev", None, ("-dumpversion",), "install a C compiler (macOS: xcode-select --install)"),
    Tool(
        "arm-none-eabi-gcc",
        "gcc-arm-none-eabi libnewlib-arm-none-eabi",
        "--cask gcc-arm-embedded",
        ("-dumpfullversion",),
    ),
    Tool(
        "riscv64-unknown-elf-gcc",
        "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
        None,
        ("-dumpfullversion",),
    ),
    Tool("qemu-system-arm", "qemu-system-arm", "qemu"),
    Tool("qemu-system-riscv32", "qemu-system-misc", "qemu"),
    Tool("xtensa-lx106-elf-gcc", "gcc-xtensa-lx106 picolibc-xtensa-lx106-elf", None, ("-dumpfullversion",)),
    Tool("qemu-system-xtensa", "qemu-system-misc", "qemu"),
    Tool("renode", None, None, elsewhere="install Renode from https://renode.io and put `renode` on PATH"),
    Tool("pyocd", None, None, elsewhere="pip install pyocd"),
    Tool("adafruit-nrfutil", None, None, ("version",), elsewhere="pip install adafruit-nrfutil"),
    Tool("espeak-ng", "espeak-ng", "espeak-ng"),
)

_BY_NAME = {known.name: known for known in _KNOWN}


def tool(name: str) -> Tool:
    """What is known about a program; for one that is not in the table, its name and general advice."""
    return _BY_NAME.get(name, Tool(name, None, None))


def find(name: str) -> Path | None:
    """Where the program is on PATH, or beside this Python, where pip puts programs; or None."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    return Path(found) if found else None


def require(name: str, purpose: str) -> Path:
    """Where the program is on PATH. Raises MissingToolError: "NAME, PURPOSE, is not installed: how to get it"."""
    found = find(name)
    if found is None:
        raise MissingToolError(f"{name}, {purpose}, is not installed: {how_to_get(name)}")
    return found


def how_to_get(name: str) -> str:
    """A command for this computer's package manager, or a sentence."""
    known = tool(name)
    if known.apt and shutil.which("apt-get"):
        return f"sudo apt-get install {known.apt}"
    if known.brew and shutil.which("brew"):
        return f"brew install {known.brew}"
    return known.elsewhere
