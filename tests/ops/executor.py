"""fw_run in a sanitised process of its own: built once per content of the C sources, fed through pipes."""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren.graph import DTYPES
from fieldwren.plan import Plan, encode
from fieldwren.plan.planner import aligned
from fieldwren.program import Place, Program
from support import CHECKOUT, require_tool

_FLAGS = [
    "-std=c99",
    "-O1",
    "-g",
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined,float-cast-overflow",
    "-fno-sanitize-recover=all",
]
_PARTS = ("features", "kernels", "runtime")
_REDZONE_BYTES = 32
_PLACE_NUMBERS = {Place.ARENA: 0, Place.CONST: 1, Place.STATE: 2}


def _gcc(compiler: Path, *arguments: str) -> bytes:
    """What the compiler writes to stdout; a C error fails the test with its messages."""
    includes = (f"-I{CHECKOUT / 'firmware'}", f"-I{CHECKOUT / 'firmware' / 'include'}")
    run = subprocess.run([str(compiler), *_FLAGS, *includes, *arguments], capture_output=True, check=False)
    if run.returncode != 0:
        pytest.fail(f"the sanitised executor does not build:\n{run.stderr.decode()}", pytrace=False)
    return run.stdout


def _compile(compiler: Path, source: Path, cache: Path) -> Path:
    """The object of `source`, from `cache` when its preprocessed text and the flags are the same as before."""
    text = _gcc(compiler, "-E", str(source)) + " ".join([str(compiler), *_FLAGS]).encode()
    target = cache / f"{source.stem}-{hashlib.sha256(text).hexdigest()[:24]}.o"
    if not target.exists():
        partial = target.with_suffix(f".{os.getpid()}.o")
        _gcc(compiler, "-c", str(source), "-o", str(partial))
        partial.rename(target)
    return target


def build_executor() -> Path:
    """Path of the sanitised executable, compiled if any C file changed since the last time."""
    compiler = require_tool("gcc")
    cache = CHECKOUT / "build" / "operator-tests"
    cache.mkdir(parents=True, exist_ok=True)
    firmware = CHECKOUT / "firmware"
    sources = [
        Path(__file__).with_name("executor.c"),
        *(p for part in _PARTS for p in sorted((firmware / part).rglob("*.c"))),
    ]
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with ThreadPoolExecutor(2) as pool:
            objects = list(pool.map(lambda source: _compile(compiler, source, cache), sources))
        key = hashlib.sha256("".join(o.name for o in objects).encode()).hexdigest()[:24]
        target = cache / f"executor-{key}"
        if not target.exists():
            partial = target.with_suffix(f".{os.getpid()}")
            _gcc(compiler, *map(str, objects), "-o", str(partial))
            partial.rename(target)
    return target


@dataclass(frozen=True)
class Zone:
    """Bytes of a place that belong to no buffer."""

    place: Place
    offset: int
    nbytes: int


def guarded_plan(program: Program) -> tuple[Plan, list[Zone]]:
    """A layout in which no two buffers share memory and red zones lie between all of them."""
    totals = dict.fromkeys(Place, 0)
    offsets, zones = [], []
    for buffer in program.buffers:
        start = totals[buffer.place] + _REDZONE_BYTES
        end = start + buffer.nbytes
        zones.append(Zone(buffer.place, totals[buffer.place], _REDZONE_BYTES))
        totals[buffer.place] = aligned(end + 1, 16)
        zones.append(Zone(buffer.place, end, totals[buffer.place] - end))
        offsets.append(start)
    plan = Plan(
        program=program,
        offsets=tuple(offsets),
        arena_bytes=totals[Place.ARENA],
        arena_bound_bytes=totals[Place.ARENA],
        const_bytes=totals[Place.CONST],
        state_bytes=totals[Place.STATE],
    )
    return plan, zones


class Executor:
    """The running process. A crash or a sanitiser's report fails its test; the next one gets a new process."""

    def __init__(self) -> None:
        self._path = build_executor()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the session)
        self._plan: Plan | None = None

    def open(self, plan: Plan, zones: Sequence[Zone] = ()) -> None:
        """Loads a Program; bytes of `zones` must not be touched by it."""
        parts = itertools.chain.from_iterable((_PLACE_NUMBERS[z.place], z.offset, z.nbytes) for z in zones)
        status, _ = self._request("O", struct.pack(f"<I{3 * len(zones)}I", len(zones), *parts) + encode(plan))
        assert status == 0, f"fw_program_open refuses the Program (status {status})"
        self._plan = plan

    def reset(self) -> None:
        """State as after a reset."""
        self._request("R", b"")

    def invoke(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """One inference."""
        assert self._plan is not None
        ports = self._plan.program.inputs
        assert [(str(i.dtype), i.shape) for i in inputs] == [(p.dtype, p.shape) for p in ports]
        _, reply = self._request("I", b"".join(i.tobytes() for i in inputs))
        outputs, position = [], 0
        for port in self._plan.program.outputs:
            content = reply[position : position + port.nbytes]
            outputs.append(np.frombuffer(content, DTYPES[port.dtype]).reshape(port.shape))
            position += port.nbytes
        return outputs

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _start(self) -> subprocess.Popen[bytes]:
        self._errors.seek(0)
        self._errors.truncate()
        environment = os.environ | {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
        return subprocess.Popen(
            [str(self._path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
        )

    def _request(self, command: str, payload: bytes) -> tuple[int, bytes]:
        if self._process is None:
            self._process = self._start()
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(struct.pack("<II", ord(command), len(payload)) + payload)
            process.stdin.flush()
            head = process.stdout.read(8)
            if len(head) == 8:
                status, size = struct.unpack("<iI", head)
                return status, process.stdout.read(size)
            process.stdin.close()
        except BrokenPipeError:
            pass
        process.wait(timeout=30)
        self.close()
        self._errors.seek(0)
        raise AssertionError(f"fw_run ended the process:\n{self._errors.read().decode(errors='replace')[:6000]}")
