"""The benchmark's public runner, unmodified, against the firmware in QEMU.

The runner looks for USB serial ports. It gets one pseudo terminal under USB ids of its devices file: this module moves
bytes between that terminal and the emulated board's link, and starts the runner through fieldwren.mlperf.launch.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from fieldwren.boards import load_board
from fieldwren.compiler import compile_model
from fieldwren.emulators import emulator_for
from fieldwren.emulators.terminal import terminal
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.images import cached_image, core_of
from fieldwren.mlperf import launch
from fieldwren.mlperf.benchmark import ready
from fieldwren.mlperf.sources import benchmark_sources

NEEDS = {"yaml": "pyyaml", "sklearn": "scikit-learn", "matplotlib": "matplotlib", "serial": "pyserial"}
"""What the runner imports, and the package that brings it."""

_MODES = {"accuracy": "a", "performance": "p"}
_DEVICES = f"""- name: fieldwren
  type: dut
  baud: 115200
  usb:
    {launch.VENDOR:#06x}: {launch.PRODUCT:#06x}
"""


@dataclass(frozen=True)
class PublicRun:
    """Where the runner left its sessions, and its exit code."""

    task: str
    board: str
    mode: str
    output: str
    exit_code: int


def run_public(
    model: str | Path,
    *,
    task: str,
    data: str | Path,
    board: str,
    runner: str | Path,
    mode: str = "accuracy",
    output: str | Path | None = None,
) -> PublicRun:
    """Starts `runner`/main.py (mlcommons/tiny, benchmark/runner) in `output`, its sessions are written there.

    `data` is the folder that holds one folder for each task, or the task's own. Raises MissingToolError when the runner
    or a package it imports is not there.
    """
    main = Path(runner).absolute() / "main.py"
    if not main.is_file():
        raise MissingToolError(
            f"{runner}: has no main.py: give the folder benchmark/runner of github.com/mlcommons/tiny"
        )
    missing = [package for module, package in NEEDS.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise MissingToolError(f"the public runner needs {', '.join(missing)}: pip install {' '.join(missing)}")
    target = load_board(board)
    planned = compile_model(model, core_of(target))
    image = cached_image(benchmark_sources(planned, target, task), target)
    folder = Path(output) if output is not None else Path("mlperf-tiny")
    root = Path(data).absolute()
    datasets = root if (root / task).is_dir() else root.parent
    if not (datasets / task).is_dir():
        raise BadInputError(f"{data}: the public runner wants the data set in a folder named {task}")
    folder.mkdir(parents=True, exist_ok=True)
    devices = folder / "devices.yaml"
    devices.write_text(_DEVICES, encoding="utf-8")
    script = main.with_name(f"tests_{mode}.yaml")
    with emulator_for(target).start(image.elf, target) as device:
        ready(device, target.id)
        with terminal(device) as path:
            arguments = ["-d", str(devices.absolute()), "-t", str(script), "-s", str(datasets), "-m", _MODES[mode]]
            command = [sys.executable, launch.__file__, path, str(main), *arguments]
            done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    return PublicRun(task, target.id, mode, str(folder), done.returncode)
