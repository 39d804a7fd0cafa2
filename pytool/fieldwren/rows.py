"""Sensor rows from .csv files: named columns, one row a time step."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import BadInputError


def read_rows(path: str | Path, columns: Sequence[str]) -> NDArray[np.float64]:
    """float64 [rows, columns] of a comma-separated file with a header, in the order of `columns`; empty fields are NaN.

    Where rows are one field longer than the header, they start with a row name. Raises BadInputError naming the file,
    and the column or line that is wrong.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadInputError(f"{path}: is not a readable table: {reason}") from error
    if len(lines) < 2:
        raise BadInputError(f"{path}: has no rows below its header")
    header = [name.strip() for name in lines[0]]
    shift = len(lines[1]) - len(header)
    missing = [name for name in columns if name not in header]
    if missing:
        raise BadInputError(
            f"{path}: has no column {', '.join(missing)}; its header is {', '.join(header[:12])}{' …' * (len(header) > 12)}"
        )
    if shift not in (0, 1):
        raise BadInputError(f"{path}: its rows have {len(lines[1])} fields and its header {len(header)}")
    places = [header.index(name) + shift for name in columns]
    values = np.empty((len(lines) - 1, len(places)))
    for number, line in enumerate(lines[1:], 2):
        try:
            values[number - 2] = [float(line[place]) if line[place].strip() else np.nan for place in places]
        except (ValueError, IndexError) as error:
            raise BadInputError(f"{path}: line {number}: a value is missing or no number ({error})") from error
    return values
