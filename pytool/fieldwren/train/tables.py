"""Sensor tables with a label in every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fieldwren.rows import label_names, read_cells

BINARY: Mapping[str, str] = {"0": "0", "1": "1"}


@dataclass(frozen=True)
class Table:
    """Rows of one file, or of a part of it, in time order: channels [n, channels] (NaN where empty) and labels [n]."""

    name: str  # file stem
    rows: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


def read_table(path: Path, channels: Sequence[str], label: str, names: Mapping[str, str] = BINARY) -> Table:
    """The columns `channels` and `label` of a table (see rows.read_cells).

    `names` maps each text of the label column to a class; labels are the classes' places in it.
    """
    return read_parts(path, channels, label, names, each=None)[0]


def read_parts(
    path: Path, channels: Sequence[str], label: str, names: Mapping[str, str], *, each: str | None
) -> list[Table]:
    """`read_table`, in one part for every value of the column `each` (a date, a room), in the order they appear."""
    cells = read_cells(path)
    values = cells.numbers(channels).astype(np.float32)
    classes = list(dict.fromkeys(names.values()))
    labels = np.array([classes.index(name) for name in label_names(cells, label, names)], np.int64)
    if each is None:
        return [Table(path.stem, values, labels)]
    texts = np.array(cells.texts(each))
    return [Table(path.stem, values[texts == part], labels[texts == part]) for part in dict.fromkeys(texts)]
