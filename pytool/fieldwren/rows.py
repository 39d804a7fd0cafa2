"""Sensor rows from .csv files: named columns, one row a time step."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fieldwren.errors import BadInputError


@dataclass(frozen=True)
class Cells:
    """The text of a table: the names in its header, and rows of fields without the row name that some files add."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def place(self, *names: str) -> list[int]:
        """Positions of columns. Raises BadInputError naming those that are not there."""
        missing = [name for name in names if name not in self.header]
        if missing:
            shown = f"{', '.join(self.header[:12])}{' …' * (len(self.header) > 12)}"
            raise BadInputError(f"{self.path}: has no column {', '.join(missing)}; its header is {shown}")
        return [self.header.index(name) for name in names]

    def texts(self, column: str) -> list[str]:
        """The fields of a column, without spaces around them."""
        (place,) = self.place(column)
        try:
            return [row[place].strip() for row in self.rows]
        except IndexError as error:
            raise self._short(place) from error

    def numbers(self, columns: Sequence[str]) -> NDArray[np.float64]:
        """float64 [rows, columns]; empty fields are NaN. Raises BadInputError naming the line that is no number."""
        places = self.place(*columns)
        values = np.empty((len(self.rows), len(places)))
        for number, row in enumerate(self.rows):
            try:
                values[number] = [float(row[place]) if row[place].strip() else np.nan for place in places]
            except (ValueError, IndexError) as error:
                raise BadInputError(
                    f"{self.path}: line {number + 2}: a value is missing or no number ({error})"
                ) from error
        return values

    def numeric_columns(self) -> list[str]:
        """Names of the columns whose fields are all numbers or empty, and not all empty."""
        return [name for place, name in enumerate(self.header) if self._is_numeric(place)]

    def _is_numeric(self, place: int) -> bool:
        some = False
        for row in self.rows:
            text = row[place].strip() if place < len(row) else ""
            if text:
                try:
                    float(text)
                except ValueError:
                    return False
                some = True
        return some

    def _short(self, place: int) -> BadInputError:
        line = next(number for number, row in enumerate(self.rows, 2) if place >= len(row))
        return BadInputError(f"{self.path}: line {line}: has no field for column {self.header[place]}")


def read_cells(path: str | Path) -> Cells:
    """A comma-separated file with a header. Where rows are one field longer than that, they start with a row name.

    Raises BadInputError naming the file and what is wrong.
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise BadInputError(f"{path}: is not a readable table: {reason}") from error
    if len(lines) < 2:
        raise BadInputError(f"{path}: has no rows below its header")
    header = [name.strip() for name in lines[0]]
    shift = len(lines[1]) - len(header)
    if shift not in (0, 1):
        raise BadInputError(f"{path}: its rows have {len(lines[1])} fields and its header {len(header)}")
    return Cells(path, tuple(header), tuple(tuple(line[shift:]) for line in lines[1:]))


def read_rows(path: str | Path, columns: Sequence[str]) -> NDArray[np.float64]:
    """float64 [rows, columns] of a file (`read_cells`), in the order of `columns`; empty fields are NaN.

    Raises BadInputError naming the file, and the column or line that is wrong.
    """
    return read_cells(path).numbers(columns)


def label_names(cells: Cells, column: str, names: Mapping[str, str]) -> list[str]:
    """What `names` calls each field of the label column; "1", "1.0" and "1e0" are the same field.

    Raises BadInputError naming the line whose label is not among them.
    """
    known = {plain_text(text): name for text, name in names.items()}
    found = []
    for number, text in enumerate(cells.texts(column), 2):
        name = known.get(plain_text(text))
        if name is None:
            raise BadInputError(
                f"{cells.path}: line {number}: column {column} must hold {' or '.join(names)}, not {text!r}"
            )
        found.append(name)
    return found


def plain_text(text: str) -> str:
    """Numbers in one form, all else as it is."""
    try:
        return f"{float(text):.12g}"
    except ValueError:
        return text
