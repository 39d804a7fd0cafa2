"""`fieldwren mlperf-tiny`: accuracy and performance mode of the benchmark, against the firmware itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from fieldwren.boards import Board, load_board
from fieldwren.boards.definition import QemuMachine
from fieldwren.compiler import compile_model
from fieldwren.emulators import Qemu, emulator_for
from fieldwren.emulators.interface import ByteStream
from fieldwren.errors import BadInputError
from fieldwren.images import cached_image, core_of
from fieldwren.mlperf.dataset import Stimulus, read_stimuli
from fieldwren.mlperf.protocol import BenchmarkDevice
from fieldwren.mlperf.scores import area_under_curve, top1
from fieldwren.mlperf.sources import benchmark_sources, input_bytes
from fieldwren.mlperf.tasks import Task, task_of

PERFORMANCE_WINDOWS = 5
_COUNTED = ("-icount", "shift=0,sleep=off")
"""One instruction is one nanosecond of the emulated board's clock."""
_SECONDS_AT_LEAST = 60.0
_MACS_PER_SECOND = 2e6


@dataclass(frozen=True)
class FileResult:
    """One file of the data set: its class, the mean results over its windows, and the class they point at.

    `predicted` is None for anomaly detection, whose result is a score without a threshold.
    """

    file: str
    label: int
    predicted: int | None
    results: tuple[float, ...]


@dataclass(frozen=True)
class MlperfResult:
    """Both modes. `accuracy` is None for anomaly detection, `auc` where a class has no file.

    `laps_us`: microseconds of the device's clock for `iterations` inferences, one value for each window.
    `instructions_per_inference`: from those laps on an emulated board, whose clock counts instructions; None elsewhere.
    """

    model: str
    task: str
    board: str
    name: str
    profile: str
    accuracy: float | None
    auc: float | None
    iterations: int
    warm_ups: int
    laps_us: tuple[int, ...]
    instructions_per_inference: float | None
    files: tuple[FileResult, ...]


def mlperf_tiny(
    model: str | Path,
    *,
    task: str,
    data: str | Path,
    board: str = "mps2-an386",
    address: str | None = None,
    limit: int | None = None,
) -> MlperfResult:
    """Runs accuracy mode over the data set (or its first `limit` files), then performance mode.

    The firmware runs in the board's emulator, or, flashed before, on the board at `address` (as for monitor). Every
    byte goes over the link, as the public runner sends it.
    Raises BadInputError for a model or data that are not the task's, LinkLostError for a device that does not answer.
    """
    target = load_board(board)
    planned = compile_model(model, core_of(target))
    chosen = task_of(planned.program, task)
    stimuli = read_stimuli(data, chosen, input_bytes(planned, chosen))[:limit]
    sources = benchmark_sources(planned, target, task)
    elf = None if address else cached_image(sources, target).elf
    seconds = _SECONDS_AT_LEAST + (chosen.iterations + chosen.warm_ups) * planned.program.macs / _MACS_PER_SECOND
    with _device(elf, target, address, counted=False) as device:
        name, profile, reported = device.identify()
        if reported != chosen.id:
            raise BadInputError(
                f"{target.id}: the device runs {reported}, not {chosen.id}: flash the image of this model"
            )
        files = tuple(_score(device, stimulus, chosen, seconds) for stimulus in stimuli)
    with _device(elf, target, address, counted=True) as device:
        laps = tuple(_window(device, stimuli[i % len(stimuli)], chosen, seconds) for i in range(PERFORMANCE_WINDOWS))
    scores, labels = np.array([f.results for f in files]), np.array([f.label for f in files])
    emulated = elf is not None and isinstance(target.emulator, QemuMachine)
    return MlperfResult(
        model=planned.program.name,
        task=chosen.id,
        board=target.id,
        name=name,
        profile=profile,
        accuracy=top1(scores, labels) if chosen.result == "values" else None,
        auc=area_under_curve(scores, labels),
        iterations=chosen.iterations,
        warm_ups=chosen.warm_ups,
        laps_us=laps,
        instructions_per_inference=1000.0 * median(laps) / chosen.iterations if emulated else None,
        files=files,
    )


@contextlib.contextmanager
def _device(elf: Path | None, board: Board, address: str | None, *, counted: bool) -> Iterator[BenchmarkDevice]:
    """The device, behind its first `m-ready`."""
    if elf is None:
        from fieldwren.device.transport import open_transport

        assert address is not None
        stream = open_transport(address)
        try:
            yield BenchmarkDevice(stream, address)
        finally:
            stream.close()
        return
    emulator = Qemu(_COUNTED) if counted and isinstance(board.emulator, QemuMachine) else emulator_for(board)
    with emulator.start(elf, board) as started:
        yield ready(started, board.id)


def ready(stream: ByteStream, name: str) -> BenchmarkDevice:
    """A device that has just been started: the lines it says by itself are taken off the stream."""
    device = BenchmarkDevice(stream, name)
    device.wait_until_ready()
    return device


def _score(device: BenchmarkDevice, stimulus: Stimulus, task: Task, timeout_s: float) -> FileResult:
    rows = []
    for window in stimulus.windows():
        device.load(window)
        rows.append(device.infer(1, 0, timeout_s).results)
    mean = np.mean(np.array(rows), axis=0)
    predicted = int(np.argmax(mean)) if task.result == "values" else None
    return FileResult(stimulus.path.name, stimulus.label, predicted, tuple(float(v) for v in mean))


def _window(device: BenchmarkDevice, stimulus: Stimulus, task: Task, timeout_s: float) -> int:
    device.load(next(stimulus.windows()))
    return device.infer(task.iterations, task.warm_ups, timeout_s).elapsed_us
