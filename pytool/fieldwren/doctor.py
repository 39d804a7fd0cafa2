"""What this computer has and lacks for generating, building, emulating and flashing.

Nothing is installed or changed. All probes run at the same time and each is bounded, so that a doctor's visit takes
at most a little over `timeout_s`.
"""

from __future__ import annotations

import importlib.util
import os
import queue
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from fieldwren import __version__, paths, tools
from fieldwren.boards import Board, board_ids, load_board
from fieldwren.boards.definition import QemuMachine
from fieldwren.errors import FieldwrenError

if TYPE_CHECKING:
    from fieldwren.device.serial_port import PortInfo

DEFAULT_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked for.

    `needed`: the host and the emulated boards do not work without it. `detail` is a version, a path or what is wrong;
    `remedy` says how to get it and is None where it was found.
    """

    group: str
    name: str
    found: bool
    needed: bool
    use: str
    detail: str | None
    remedy: str | None


@dataclass(frozen=True)
class Diagnosis:
    """All checks; `ready` when everything needed for the host and the emulated boards was found."""

    ready: bool
    fieldwren: str
    platform: str
    checks: tuple[Check, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of what is needed and was not found."""
        return tuple(check.name for check in self.checks if check.needed and not check.found)


C_LIBRARIES = (
    # name, compiler, arguments that fail without the library
    ("newlib", "arm-none-eabi-gcc", ("--specs=nano.specs",)),
    ("picolibc", "riscv64-unknown-elf-gcc", ("--specs=picolibc.specs",)),
)

EXTRAS = (
    # extra, module, use
    ("train", "tensorflow", "training, quantising, reading .keras and SavedModel"),
    ("verify", "tflite_micro", "fieldwren verify: the TensorFlow Lite Micro reference"),
)

DATA_SETS = (
    # folder in the data root, name, use
    ("audio/fsdd", "Free Spoken Digit Dataset", "training and evaluating examples/digits"),
    ("audio/speech_commands", "Speech Commands (part)", "tests of the audio front ends"),
    ("presence/occupancy", "UCI Occupancy Detection", "training and evaluating examples/presence"),
    ("models", "public .tflite models with golden outputs", "tests"),
)


def doctor(*, timeout_s: float = DEFAULT_TIMEOUT_S) -> Diagnosis:
    """Looks for everything fieldwren uses. `timeout_s` bounds every single probe (version calls, registry)."""
    probes: list[Callable[[], list[Check]]] = [
        _python,
        *(partial(_tool, *row, timeout_s=timeout_s) for row in _tools_of_boards()),
        partial(_c_libraries, timeout_s),
        partial(_tool, "emulators", "renode", "emulated nRF52840 boards", False, timeout_s=timeout_s),
        partial(_tool, "speech", "espeak-ng", "synthetic speech: make demo, training", False, timeout_s=timeout_s),
        partial(_platformio, timeout_s),
        _uploaders,
        _serial,
        _extras,
        _data_sets,
    ]
    with ThreadPoolExecutor(len(probes)) as pool:
        found = [check for checks in pool.map(lambda probe: probe(), probes) for check in checks]
    groups = list(dict.fromkeys(check.group for check in found))
    checks = tuple(sorted(found, key=lambda check: groups.index(check.group)))
    ready = all(check.found for check in checks if check.needed)
    return Diagnosis(ready, __version__, sys.platform, checks)


def _python() -> list[Check]:
    from fieldwren import native

    version = ".".join(map(str, sys.version_info[:3]))
    checks = [Check("Python", "python", True, True, "fieldwren itself", f"{version} {sys.executable}", None)]
    try:
        library = native.library()
    except (FieldwrenError, OSError) as error:
        return [*checks, Check("Python", "C library", False, True, "front ends, fw_run", None, str(error))]
    return [*checks, Check("Python", "C library", True, True, "front ends, fw_run", library._name, None)]


def _tools_of_boards() -> list[tuple[str, str, str, bool]]:
    """(group, program, use, needed) of every compiler and emulator that a board's definition names.

    Needed is what the boards that run on this computer need.
    """
    users: dict[tuple[str, str], list[Board]] = {}
    for board in map(load_board, board_ids()):
        if board.toolchain is None:
            continue
        prefix = board.toolchain.prefix
        users.setdefault(("compilers", f"{prefix}gcc" if prefix else "cc"), []).append(board)
        if isinstance(board.emulator, QemuMachine):
            users.setdefault(("emulators", board.emulator.program), []).append(board)
    return [
        (group, name, f"boards {', '.join(board.id for board in boards)}", any(board.emulator for board in boards))
        for (group, name), boards in sorted(users.items())
    ]


def _tool(group: str, name: str, use: str, needed: bool, *, timeout_s: float) -> list[Check]:
    path = tools.find(name)
    if path is None:
        return [Check(group, name, False, needed, use, None, tools.how_to_get(name))]
    version = _version((str(path), *tools.tool(name).version_arguments), timeout_s)
    return [Check(group, name, True, needed, use, f"{version or 'version unknown'} {path}", None)]


def _c_libraries(timeout_s: float) -> list[Check]:
    """The C libraries of the cross compilers, which distributions package apart from the compilers."""
    checks = []
    for library, compiler, arguments in C_LIBRARIES:
        path = tools.find(compiler)
        found = path is not None and _succeeds((str(path), *arguments, "-E", "-x", "c", os.devnull), timeout_s)
        remedy = None if found else tools.how_to_get(compiler)
        use = f"C library of {compiler}"
        checks.append(Check("compilers", library, found, True, use, "found by the compiler" if found else None, remedy))
    return checks


def _platformio(timeout_s: float) -> list[Check]:
    checks = []
    for package in ("platformio", "scons"):
        version = _installed_version(package)
        remedy = None if version else f"pip install {package}"
        use = "builds all firmware" if package == "platformio" else "PlatformIO's build tool, for building offline"
        checks.append(Check("PlatformIO", package, version is not None, True, use, version, remedy))
    answers = registry_answers(timeout_s)
    checks.append(
        Check(
            "PlatformIO",
            "registry",
            answers,
            False,
            "toolchains of ESP32 and Arduino boards",
            None if answers else f"no answer (waited at most {timeout_s:g} s)",
            None if answers else "check the network or proxy (HTTPS_PROXY); the emulated boards build without it",
        )
    )
    return checks


def registry_answers(timeout_s: float) -> bool:
    """Whether PlatformIO's package registry answers over HTTPS within `timeout_s`, name resolution included."""
    try:
        from platformio import __registry_mirror_hosts__ as hosts
    except ImportError:
        return False
    answers: queue.Queue[bool] = queue.Queue()

    def ask(host: str) -> None:
        try:
            with urllib.request.urlopen(f"https://api.{host}/", timeout=timeout_s):
                answers.put(True)
        except urllib.error.HTTPError:
            answers.put(True)  # any HTTP status is an answer
        except OSError:
            answers.put(False)

    # Name resolution ignores timeouts: a thread that is stuck in it is left behind.
    for host in hosts:
        threading.Thread(target=ask, args=(host,), daemon=True).start()
    end = time.monotonic() + timeout_s
    try:
        return any(answers.get(timeout=max(0.0, end - time.monotonic())) for _ in hosts)
    except queue.Empty:
        return False


def _uploaders() -> list[Check]:
    """The tools that write images, each with the boards it is a way for."""
    from fieldwren.flash.place import UPLOADERS

    checks = []
    for way, uploader in UPLOADERS.items():
        users = [b.id for b in map(load_board, board_ids()) if b.upload is not None and way in b.upload.ways]
        lacking = uploader.lacks()
        use = f"flash: boards {', '.join(users)}"
        checks.append(Check("uploaders", way, lacking is None, False, use, None if lacking else use, lacking))
    return checks


def _serial() -> list[Check]:
    from fieldwren.device.serial_port import serial_ports

    checks = []
    for port in serial_ports():
        if port.vid is None:
            continue  # a serial port of the mainboard, not a development board
        usable = os.access(port.path, os.R_OK | os.W_OK) or sys.platform == "win32"
        remedy = None if usable else _serial_remedy(port)
        checks.append(Check("serial ports", port.path, usable, False, "flash, monitor", port.description, remedy))
    if not checks:
        checks.append(
            Check(
                "serial ports",
                "board",
                False,
                False,
                "flash, monitor",
                "no USB serial port",
                "plug a board in with a cable that carries data, not only power",
            )
        )
    if sys.platform == "linux":
        checks.append(_udev_rules())
    return checks


def _serial_remedy(port: PortInfo) -> str:
    """How the user gets access to a serial device that exists but cannot be opened."""
    if sys.platform != "linux":
        return f"allow this user to read and write {port.path}"
    import grp

    from fieldwren.flash.place import RULES, udev_line

    rule = f"put {udev_line('tty', port.vid or 0, port.pid or 0)} into {RULES} and plug the board in again"
    group = grp.getgrgid(Path(port.path).stat().st_gid).gr_name
    if group == "root":
        return rule
    return f"sudo usermod -aG {group} {os.environ.get('USER', '$USER')}, then log out and in again; or {rule}"


def _udev_rules() -> Check:
    folders = (Path("/etc/udev/rules.d"), Path("/usr/lib/udev/rules.d"), Path("/lib/udev/rules.d"))
    found = next((p for f in folders if (p := f / "99-platformio-udev.rules").exists()), None)
    remedy = "see https://docs.platformio.org/en/latest/core/installation/udev-rules.html"
    use = "access to debug probes and boards in bootloader mode"
    return Check(
        "serial ports",
        "udev rules",
        found is not None,
        False,
        use,
        str(found) if found else None,
        None if found else remedy,
    )


def _extras() -> list[Check]:
    checks = []
    for extra, module, use in EXTRAS:
        found = importlib.util.find_spec(module) is not None
        # An import name may be provided by packages of several names (tensorflow, tensorflow-cpu).
        names = (module.replace("_", "-"), f"{module}-cpu")
        version = next((v for name in names if (v := _installed_version(name))), None)
        remedy = None if found else f"pip install 'fieldwren[{extra}]'"
        if extra == "verify" and not found and sys.platform != "linux":
            remedy = "there are no tflite-micro wheels for this platform: verify works on Linux only"
        checks.append(Check("extras", extra, found, False, use, version, remedy))
    return checks


def _data_sets() -> list[Check]:
    root = paths.shared_data()
    checks = []
    for folder, name, use in DATA_SETS:
        path = root / folder if root else None
        found = path is not None and path.is_dir()
        remedy = None if found else f"set FIELDWREN_DATA to a folder that holds {folder} (docs/data.md)"
        checks.append(Check("data sets", name, found, False, use, str(path) if found else None, remedy))
    return checks


def _version(command: tuple[str, ...], timeout_s: float) -> str | None:
    """The first dotted number that the command prints."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\d+(\.\d+)*", done.stdout)
    return match[0] if match else None


def _succeeds(command: tuple[str, ...], timeout_s: float) -> bool:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _installed_version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
