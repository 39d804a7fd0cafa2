"""The C side of fieldwren.kernel: what the headers declare is what Python reads, and wrappers pass all of it."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from fieldwren import paths
from fieldwren.kernel import Kernel, kernels
from support import require_tool

FIRMWARE = paths.firmware()
KERNELS = sorted(kernels().values(), key=lambda kernel: kernel.id)
HEADERS = sorted({kernel.header for kernel in KERNELS})
COMPILERS = {
    "gcc": [],
    "arm-none-eabi-gcc": ["-mcpu=cortex-m3", "-mthumb"],
    "riscv64-unknown-elf-gcc": ["-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs"],
}


def compiles(compiler: str, source: Path) -> str:
    """What the compiler says about `source`; empty when it has nothing to say."""
    command = [str(require_tool(compiler)), *COMPILERS[compiler], "-std=c99", "-fsyntax-only"]
    command += ["-Wall", "-Wextra", "-Wconversion", "-pedantic"]
    command += [f"-I{FIRMWARE}", f"-I{FIRMWARE / 'include'}", str(source)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_ids_are_unique_and_in_order() -> None:
    text = (FIRMWARE / "kernels" / "kernels.def").read_text()
    ids = [int(number) for number in re.findall(r"^FW_KERNEL\((\d+)", text, re.M)]
    assert ids == sorted(set(ids))
    assert len(ids) == len(KERNELS)


def test_every_kernel_of_the_folder_is_listed() -> None:
    bodies = Counter(
        name
        for header in (FIRMWARE / "kernels").glob("*.h")
        for name in re.findall(r"^FW_KERNEL_BODY void fw_(\w+)_body\(", header.read_text(), re.M)
    )
    assert bodies == Counter(kernel.name for kernel in KERNELS)


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_wrapper_passes_each_operand(kernel: Kernel) -> None:
    text = " ".join((FIRMWARE / kernel.source).read_text().split())
    found = re.search(
        rf"void fw_{kernel.name}\(const void \*params, void \*const \*operands\) {{ fw_{kernel.name}_body\(([^;]*)\); }}",
        text,
    )
    assert found is not None, f"{kernel.source} has no wrapper of {kernel.name} in the usual form"
    assert found[1] == ", ".join(["params", *(f"operands[{i}]" for i in range(len(kernel.operands)))])


def test_operands_fit_fw_run() -> None:
    limit = int(re.findall(r"#define FW_MAX_OPERANDS +(\d+)", (FIRMWARE / "runtime" / "fw_run.h").read_text())[0])
    assert max(len(kernel.operands) for kernel in KERNELS) <= limit
    assert max(len(kernel.parameters) for kernel in KERNELS) < 256


@pytest.mark.parametrize("compiler", COMPILERS)
def test_structs_are_what_a_program_holds(compiler: str, tmp_path: Path) -> None:
    """Parameters are consecutive 32-bit words in the order that Python reads, on every kind of target."""
    lines = ["#include <stddef.h>", *(f'#include "{header}"' for header in HEADERS)]
    for kernel in KERNELS:
        struct = f"fw_{kernel.name}_params_t"
        checks = [f"sizeof({struct}) == {4 * len(kernel.parameters)}"]
        for number, parameter in enumerate(kernel.parameters):
            checks.append(f"offsetof({struct}, {parameter.name}) == {4 * number}")
            checks.append(f"sizeof((({struct} *)0)->{parameter.name}) == 4")
        # A negative array size fails to compile; C99 has no static assertions.
        lines.append(f"typedef char check_{kernel.name}[{' && '.join(checks)} ? 1 : -1];")
    source = tmp_path / "structs.c"
    source.write_text("\n".join(lines) + "\n")
    assert compiles(compiler, source) == ""


@pytest.mark.parametrize("header", HEADERS)
def test_header_stands_alone(header: str, tmp_path: Path) -> None:
    source = tmp_path / "alone.c"
    source.write_text(f'#include "{header}"\n')
    assert compiles("gcc", source) == ""


@pytest.mark.parametrize("compiler", COMPILERS)
def test_wrappers_compile_without_warnings(compiler: str, tmp_path: Path) -> None:
    source = tmp_path / "all.c"
    source.write_text("".join(f'#include "{name}"\n' for name in sorted({kernel.source for kernel in KERNELS})))
    assert compiles(compiler, source) == ""
