"""A task's data set as the benchmark keeps it: `y_labels.csv` and the files it names."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.mlperf.tasks import Task

LABELS = "y_labels.csv"


@dataclass(frozen=True)
class Stimulus:
    """One file and its class; `windows()` are the inputs made from it, `window_bytes` each, `stride_bytes` apart."""

    path: Path
    label: int
    window_bytes: int
    stride_bytes: int

    def windows(self) -> Iterator[bytes]:
        """The inputs of this file. Raises BadInputError when it cannot be read or is too short for one."""
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise BadInputError(f"{self.path}: cannot be read: {error.strerror or error}") from error
        count = 1 + (len(data) - self.window_bytes) // self.stride_bytes if self.stride_bytes else 1
        if len(data) < self.window_bytes or (not self.stride_bytes and len(data) != self.window_bytes):
            raise BadInputError(f"{self.path}: has {len(data)} bytes, and an input has {self.window_bytes}")
        for index in range(count):
            yield data[index * self.stride_bytes :][: self.window_bytes]


def read_stimuli(folder: str | Path, task: Task, input_bytes: int) -> list[Stimulus]:
    """The stimuli of `folder`, or of the subfolder named after the task.

    Raises MissingToolError without y_labels.csv, and BadInputError naming the line of one that cannot be used.
    """
    root = Path(folder)
    if not (root / LABELS).is_file() and (root / task.id / LABELS).is_file():
        root /= task.id
    labels = root / LABELS
    if not labels.is_file():
        raise MissingToolError(
            f"{folder}: has no {LABELS}: give the folder with the data set of {task.id}, from the benchmark's repository "
            "(benchmark/evaluation/datasets) and the files it names"
        )
    with labels.open(newline="", encoding="utf-8") as file:
        rows = [(number, row) for number, row in enumerate(csv.reader(file), 1) if row]
    if not rows:
        raise BadInputError(f"{labels}: names no file")
    return [_stimulus(root, f"{labels}, line {number}", row, input_bytes) for number, row in rows]


def _stimulus(root: Path, where: str, row: list[str], input_bytes: int) -> Stimulus:
    try:
        name, classes, label, *window = (field.strip() for field in row)
        window_bytes, stride_bytes = (int(window[0]), int(window[1])) if window else (input_bytes, 0)
        if not 0 <= int(label) < int(classes) or stride_bytes < 0 or len(window) not in (0, 2):
            raise ValueError
    except (ValueError, IndexError) as error:
        raise BadInputError(f"{where}: must be file,classes,class or file,classes,class,bytes,stride") from error
    if window_bytes != input_bytes:
        raise BadInputError(f"{where}: says {window_bytes} bytes for one input, and the model takes {input_bytes}")
    return Stimulus(root / name, int(label), window_bytes, stride_bytes)
