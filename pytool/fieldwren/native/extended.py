"""fw_run with the kernels of plug-ins: built by this machine's C compiler the first time, then kept in the cache.

fieldwren's own library is built with the package and cannot know them. Only models that use such kernels need a compiler.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fieldwren import __version__, paths
from fieldwren.errors import BuildError, MissingToolError
from fieldwren.kernel import Kernel, firmware_file, firmware_folders
from fieldwren.locks import locked

_COMPILERS = ("cc", "gcc", "clang")
_FLAGS = ("-std=c99", "-O2", "-ffp-contract=off", "-fPIC", "-shared")
_RUNTIME = ("runtime/fw_run.c", "runtime/crc32.c")
_TABLE = """#include "runtime/kernel_table.h"

{prototypes}

const fw_kernel_entry_t fw_kernel_table[] = {{
{entries}
}};
const uint32_t fw_kernel_table_size = sizeof fw_kernel_table / sizeof fw_kernel_table[0];
"""


def extended_library(kernels: Sequence[Kernel]) -> ctypes.CDLL:
    """fw_run with exactly `kernels`. Raises MissingToolError without a C compiler, BuildError when it refuses one."""
    return _built(tuple(sorted(set(kernels), key=lambda kernel: kernel.id)))


@functools.cache
def _built(kernels: tuple[Kernel, ...]) -> ctypes.CDLL:
    sources = sorted({*_RUNTIME, *(k.source for k in kernels), *(name for k in kernels for name in k.linked)})
    table = _TABLE.format(
        prototypes="\n".join(f"void fw_{k.name}(const void *params, void *const *operands);" for k in kernels),
        entries="\n".join(f"  {{fw_{k.name}, {k.id}}}," for k in kernels),
    )
    folder = paths.cache() / "plugins"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{_key(table)}.so"
    with locked(target.with_suffix(".lock")):
        if not target.is_file():
            _compile(table, [firmware_file(name) for name in sources], target)
    return ctypes.CDLL(str(target))


def _key(table: str) -> str:
    """A hash over the table and every C file that may be included."""
    digest = hashlib.sha256(f"{__version__}\n{table}".encode())
    for folder in firmware_folders():
        for path in sorted(p for p in folder.rglob("*") if p.suffix in (".c", ".h", ".def")):
            digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:32]


def _compile(table: str, sources: Sequence[Path], target: Path) -> None:
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        raise MissingToolError(
            "this model uses a plug-in's kernels, and there is no C compiler to build them for this machine: install gcc "
            "(`sudo apt-get install gcc`)"
        )
    includes = [f"-I{path}" for path in (*firmware_folders(), paths.firmware() / "include")]
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        listed = Path(scratch) / "kernel_table.c"
        listed.write_text(table)
        made = Path(scratch) / target.name
        arguments = [compiler, *_FLAGS, *includes, str(listed), *map(str, sources), "-o", str(made)]
        run = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            first = next((line for line in run.stderr.splitlines() if "error" in line), run.stderr.strip()[:200])
            raise BuildError(f"a plug-in's kernels do not compile for this machine: {first}")
        made.replace(target)
