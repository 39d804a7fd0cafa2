"""Layout, warnings and forbidden things in the C code, on every core family."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support import CHECKOUT, require_tool

FIRMWARE = CHECKOUT / "firmware"
PORTABLE = [
    path
    for part in ("app", "benchmark", "features", "kernels", "runtime", "learn", "link", "store")
    for path in sorted((FIRMWARE / part).rglob("*.c"))
]
FLAGS = ("-std=c99", "-ffp-contract=off", "-Wall", "-Wextra", "-Wconversion", "-Werror")
INCLUDES = (f"-I{FIRMWARE}", f"-I{FIRMWARE / 'include'}")


def tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name]


def run(*command: str, folder: Path = CHECKOUT) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        complaints = f"{done.stdout}{done.stderr}".splitlines()
        pytest.fail(
            "\n".join([f"{Path(command[0]).name} (`make format` mends layout):", *complaints[:40]]), pytrace=False
        )


def test_clang_format() -> None:
    tool = require_tool("clang-format")
    run(str(tool), "--dry-run", "-Werror", *tracked("*.c", "*.h"))


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [
        # One compiles for real, because some warnings (array bounds, uninitialised values) come from the optimiser.
        ("gcc", ("-O1", "-c")),
        ("arm-none-eabi-gcc", ("-mcpu=cortex-m0", "-mthumb", "-fsyntax-only")),
        ("arm-none-eabi-gcc", ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-fsyntax-only")),
        ("riscv64-unknown-elf-gcc", ("--specs=picolibc.specs", "-march=rv32imc", "-mabi=ilp32", "-fsyntax-only")),
        # The LX106 of the ESP8266: the compiler's Xtensa back end, though neither the ESP32's core nor its FPU.
        ("xtensa-lx106-elf-gcc", ("--specs=/usr/lib/xtensa-lx106-elf/picolibc.specs", "-O1", "-c")),
    ],
    ids=["host", "cortex-m0", "cortex-m4", "rv32imc", "xtensa-lx106"],
)
def test_no_warnings(compiler: str, flags: tuple[str, ...], tmp_path: Path) -> None:
    tool = require_tool(compiler)
    run(str(tool), *FLAGS, *flags, *INCLUDES, *map(str, PORTABLE), folder=tmp_path)


def test_clang_tidy() -> None:
    tool = require_tool("clang-tidy")
    run(str(tool), "--quiet", "--checks=-clang-analyzer-*", *map(str, PORTABLE), "--", "-std=c99", *INCLUDES)


@pytest.mark.long
@pytest.mark.parametrize("path", PORTABLE, ids=lambda path: path.relative_to(FIRMWARE).as_posix())
def test_clang_analyzer(path: Path) -> None:
    """Follows paths through the code: fifty times slower than the rest, so only in make lint and make long."""
    tool = require_tool("clang-tidy")
    run(str(tool), "--quiet", "--checks=-*,clang-analyzer-*", str(path), "--", "-std=c99", *INCLUDES)


FORBIDDEN = {
    "heap": r"\b(malloc|calloc|realloc|free|alloca|strdup)\s*\(",
    "libm": r"#\s*include\s*<(math|tgmath|complex)\.h>",
    "standard input and output": r"#\s*include\s*<stdio\.h>",
    "function pointer": r"\(\s*\*\s*\w*\s*(\[[^\]]*\])?\s*\)\s*\(",
    "goto": r"\bgoto\b",
}
# The kernel table is where fw_run finds kernels.
ALLOWED = {("function pointer", "kernels/fw_kernel.h"), ("function pointer", "runtime/kernel_table.c")}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_portable_code_does_without(what: str) -> None:
    found = []
    for path in sorted({*PORTABLE, *(h for c in PORTABLE for h in c.parent.glob("*.h"))}):
        name = path.relative_to(FIRMWARE).as_posix()
        if (what, name) in ALLOWED:
            continue
        for number, line in enumerate(_without_comments(path.read_text()).splitlines(), 1):
            if re.search(FORBIDDEN[what], line):
                found.append(f"{name}:{number}: {line.strip()}")
    assert not found, "\n".join(found)


def _without_comments(text: str) -> str:
    """C source with its comments replaced by empty lines."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", lambda comment: re.sub(r"[^\n]", "", comment[0]), text, flags=re.DOTALL)


FLOAT = [path for path in PORTABLE if re.search(r"\bfloat\b", _without_comments(path.read_text()))]


@pytest.mark.parametrize("path", FLOAT, ids=lambda path: path.relative_to(FIRMWARE).as_posix())
def test_float_code_is_guarded_against_contraction_and_fast_math(path: Path) -> None:
    """Users build generated projects with their own flags: the bits must stay the same, or the build must stop."""
    compiler = str(require_tool("gcc"))
    common = (compiler, "-std=gnu11", *INCLUDES, "-E", str(path))
    plain = subprocess.run(common, capture_output=True, text=True, check=True)
    assert '#pragma GCC optimize("fp-contract=off")' in plain.stdout, 'include "fw_float.h"'
    fast = subprocess.run([*common, "-ffast-math"], capture_output=True, text=True, check=False)
    assert fast.returncode != 0, "compiles with -ffast-math"
