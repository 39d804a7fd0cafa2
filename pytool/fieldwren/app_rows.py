"""The rows of an app's tables: its channels, and what a regression that learns should have answered."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fieldwren.app_model import AppModel
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.features import SensorFrontEnd
from fieldwren.features.sensor import row_windows
from fieldwren.program import Port
from fieldwren.rows import read_rows

TABLES = (".txt", ".csv")


@dataclass(frozen=True)
class ValueWindows:
    """Model inputs [n, frames, values] of one table and what the outputs should be, float32 [n, outputs].

    `last_row` [n] is the row that each window ends with.
    """

    group: str
    path: Path
    inputs: NDArray[Any]
    wanted: NDArray[np.float32]
    last_row: NDArray[np.int64]


def header_of(path: Path) -> list[str]:
    """The names in a table's first line; none for a file that cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [name.strip() for name in next(csv.reader(file), [])]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def read_app_rows(path: str | Path, model: AppModel) -> NDArray[np.float32]:
    """float32 [rows, model.columns]; targets that the table does not have are NaN, which is unknown."""
    front_end = model.front_end
    assert isinstance(front_end, SensorFrontEnd)
    header = header_of(Path(path))
    targets = [name for name in model.targets if name in header]
    values = read_rows(path, [*front_end.channels, *targets]).astype(np.float32)
    rows = np.full((len(values), model.columns), np.nan, np.float32)
    rows[:, : len(front_end.channels)] = values[:, : len(front_end.channels)]
    for number, name in enumerate(targets):
        rows[:, model.row_columns.index(name)] = values[:, len(front_end.channels) + number]
    return rows


def tables_in(folder: Path, only: Sequence[str] = ()) -> list[Path]:
    """Every .csv and .txt table below `folder`, by path; with `only` those of these stems. MissingToolError: none."""
    if not folder.is_dir():
        raise MissingToolError(f"{folder}: there is no such folder with data")
    found = [path for path in sorted(folder.rglob("*")) if path.suffix in TABLES]
    if not found:
        raise MissingToolError(f"{folder}: has no .csv or .txt tables; point --data at some")
    stems = [path.stem for path in found]
    unknown = [name for name in only if name not in stems]
    if unknown:
        raise BadInputError(f"{folder}: has no group {unknown[0]!r}; there are {', '.join(stems)}")
    return [path for path in found if not only or path.stem in only]


def regression_windows(model: AppModel, port: Port, folder: Path, only: Sequence[str] = ()) -> list[ValueWindows]:
    """Windows of all tables whose newest row says what the outputs should be; each table is a group."""
    front_end = model.front_end
    assert isinstance(front_end, SensorFrontEnd)
    made = []
    for path in tables_in(folder, only):
        values = read_rows(path, [*front_end.channels, *model.outputs]).astype(np.float32)
        count = len(front_end.channels)
        windows = row_windows(front_end, values[:, :count], np.dtype(port.dtype), port.scale, port.zero_point)
        wanted = values[windows.last_row, count:]
        known = np.isfinite(wanted).all(axis=1)
        made.append(ValueWindows(path.stem, path, windows.inputs[known], wanted[known], windows.last_row[known]))
    return made
