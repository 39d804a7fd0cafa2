"""Builds the bare-metal test image of tests/features/device for a set of front ends and runs it under QEMU."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fieldwren import paths
from fieldwren.features import FrontEndParameters
from fieldwren.features.render import render_front_end
from fieldwren.render.environment import Provenance
from fieldwren.render.literals import c_array
from support import require_tool

HERE = Path(__file__).parent / "device"
MATH_STEP = 0x0007A123
"""From one float's bits to the next in the image's run over the elementary functions."""


@dataclass(frozen=True)
class Machine:
    """A QEMU machine and what compiles for it."""

    family: str
    compiler: str
    flags: str
    qemu: str


THUMB = "-mthumb -mcpu="
RISCV = "--specs=picolibc.specs -march=rv32i"
MACHINES = {
    "cortex-m3": Machine("arm", "arm-none-eabi-gcc", f"{THUMB}cortex-m3", "qemu-system-arm -M mps2-an385"),
    "cortex-m4f": Machine(
        "arm",
        "arm-none-eabi-gcc",
        f"{THUMB}cortex-m4 -mfloat-abi=hard -mfpu=fpv4-sp-d16",
        "qemu-system-arm -M mps2-an386",
    ),
    "cortex-m7": Machine(
        "arm",
        "arm-none-eabi-gcc",
        f"{THUMB}cortex-m7 -mfloat-abi=hard -mfpu=fpv5-sp-d16",
        "qemu-system-arm -M mps2-an500",
    ),
    "cortex-m55": Machine(
        "arm", "arm-none-eabi-gcc", f"{THUMB}cortex-m55 -mfloat-abi=hard", "qemu-system-arm -M mps3-an547"
    ),
    "rv32imc": Machine(
        "riscv", "riscv64-unknown-elf-gcc", f"{RISCV}mc -mabi=ilp32", "qemu-system-riscv32 -M virt -bios none"
    ),
    "rv32imafc": Machine(
        "riscv", "riscv64-unknown-elf-gcc", f"{RISCV}mafc -mabi=ilp32f", "qemu-system-riscv32 -M virt -bios none"
    ),
}


@dataclass(frozen=True)
class Outcome:
    """CRC over all results, mean instructions of a frame, instructions of writing a quantised window."""

    crc: int
    frame_instructions: int
    window_instructions: int


@dataclass(frozen=True)
class Run:
    """CRC over the elementary functions, and the front ends' outcomes in their order."""

    math_crc: int
    outcomes: tuple[Outcome, ...]


def _input_header(pcm: npt.NDArray[np.int16], rows: npt.NDArray[np.float32]) -> str:
    """Rows travel as bits: NaN has no literal."""
    bits = np.ascontiguousarray(rows, np.float32).view(np.uint32)
    channels = rows.shape[1]
    return f"""#include <stdint.h>
#define IMAGE_MATH_STEP {MATH_STEP}u
#define IMAGE_SAMPLES {len(pcm)}u
#define IMAGE_ROWS {len(rows)}u
#define IMAGE_CHANNELS {channels}u
static const int16_t image_samples[] = {{
{c_array(pcm)}
}};
static const union {{
  uint32_t bits;
  float value;
}} image_bits[] = {{{", ".join(f"{{{b}u}}" for b in bits.flat)}}};
static const float (*const image_rows)[{channels}] = (const float (*)[{channels}])image_bits;
"""


def _compiled_config(command: list[object], folder: Path, parameters: FrontEndParameters) -> Path:
    """The rendered front end as an object file, its configuration named after `folder`."""
    folder.mkdir(exist_ok=True)
    for name, content in render_front_end(parameters, Provenance()).items():
        (folder / name).write_bytes(content)
    done = folder / "frontend.o"
    renamed = f"-Dfw_frontend_config={folder.name}"
    subprocess.run([*map(str, command), renamed, "-c", str(folder / "frontend.c"), "-o", str(done)], check=True)
    return done


def build_and_run(
    folder: Path,
    machine: str,
    front_ends: list[FrontEndParameters],
    pcm: npt.NDArray[np.int16],
    rows: npt.NDArray[np.float32],
    flags: str = "-std=c99 -O2",
) -> Run:
    """Compiles everything for `machine` with `flags`, runs it, and reads what it prints."""
    target = MACHINES[machine]
    compiler, qemu = require_tool(target.compiler), require_tool(target.qemu.split()[0])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "image_input.h").write_text(_input_header(pcm, rows))
    names = [f"config{i}" for i in range(len(front_ends))]
    firmware = paths.firmware()
    command = [
        *(compiler, *target.flags.split(), *flags.split(), "-ffunction-sections", "-fdata-sections"),
        *("-Wall", "-Wextra", "-Wconversion", f"-I{folder}", f"-I{HERE}", f"-I{firmware}", f"-I{firmware}/include"),
    ]
    objects = [
        _compiled_config(command, folder / name, parameters) for name, parameters in zip(names, front_ends, strict=True)
    ]
    listing = '#include "fw_frontend.h"\n' + "".join(f"extern const fw_frontend_config_t {n};\n" for n in names)
    listing += "extern const fw_frontend_config_t *const image_configs[];\nextern const uint32_t image_config_count;\n"
    listing += f"const fw_frontend_config_t *const image_configs[] = {{{', '.join('&' + n for n in names)}}};\n"
    listing += f"const uint32_t image_config_count = {len(names)};\n"
    (folder / "configs.c").write_text(listing)
    elf = folder / "image.elf"
    subprocess.run(
        [
            *(*command, "-nostartfiles", "-Wl,--gc-sections", "-T", HERE / f"{target.family}.ld"),
            *(HERE / "image.c", HERE / f"{target.family}.c", folder / "configs.c", *objects),
            *(*sorted((firmware / "features").glob("*.c")), "-o", elf),
        ],
        check=True,
    )
    output = subprocess.run(
        [
            *(
                qemu,
                *target.qemu.split()[1:],
                "-nographic",
                "-monitor",
                "none",
                "-serial",
                "none",
                "-icount",
                "shift=0",
            ),
            *("-semihosting-config", "enable=on,target=native", "-kernel", elf),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    numbers = [int(n) for n in (output.stdout + output.stderr).split()]
    return Run(numbers[0], tuple(Outcome(*numbers[i : i + 3]) for i in range(1, len(numbers), 3)))
