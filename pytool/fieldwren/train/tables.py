"""Sensor tables with a label in every row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError
from fieldwren.rows import read_rows


@dataclass(frozen=True)
class Table:
    """Rows of one file in time order: channels [n, channels] (NaN where empty) and labels [n]."""

    name: str  # file stem
    rows: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


def read_table(path: Path, channels: Sequence[str], label: str) -> Table:
    """The columns `channels` and `label` of a table (see rows.read_rows); the label is 0 or 1 in every row."""
    values = read_rows(path, [*channels, label])
    if not np.isin(values[:, -1], (0, 1)).all():
        raise BadInputError(f"{path}: column {label} must hold 0 or 1 only")
    return Table(path.stem, values[:, :-1].astype(np.float32), values[:, -1].astype(np.int64))
