"""Training the presence example: sensor rows in, a small int8 network that says whether the room is occupied out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.features import SensorFrontEnd, row_windows
from fieldwren.train.recipe import PresenceRecipe
from fieldwren.train.tables import Table, read_table

LABELS = ("vacant", "occupied")


@dataclass(frozen=True)
class PresenceData:
    """Model inputs [n, values] and labels [n] for training and for measuring; apart in time."""

    front_end: SensorFrontEnd
    train: tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]
    test: tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]
    measured_on: str


def time_split(table: Table, share: float) -> tuple[Table, Table]:
    """(the earlier part, the last `share`) of a table: what comes later is never seen in training."""
    cut = round(len(table.rows) * (1 - share))
    return (
        Table(table.name, table.rows[:cut], table.labels[:cut]),
        Table(table.name, table.rows[cut:], table.labels[cut:]),
    )


def inputs_of(
    front_end: SensorFrontEnd, tables: Sequence[Table]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Windows of every table from a fresh front-end state, flattened to [n, values], and the newest row's labels."""
    made = [row_windows(front_end, table.rows) for table in tables]
    inputs = np.concatenate([w.inputs.reshape(len(w.inputs), -1) for w in made]).astype(np.float32)
    return inputs, np.concatenate([t.labels[w.last_row] for t, w in zip(tables, made, strict=True)])


def load(recipe: PresenceRecipe, folder: Path, *, hold_out: str | None) -> PresenceData:
    """Every .txt and .csv table below `folder`; `hold_out` is the stem of the file to measure on.

    Without it the last fifth of every file, in time, is kept for measuring.
    """
    files = sorted(f for f in Path(folder).rglob("*") if f.suffix in (".txt", ".csv"))
    if not files:
        raise MissingToolError(f"no .csv or .txt table in {folder}; point --data at the sensor tables")
    tables = [read_table(f, recipe.channels, recipe.label) for f in files]
    if hold_out is None:
        parts = [time_split(table, 0.2) for table in tables]
        kept, held = [a for a, _ in parts], [b for _, b in parts]
        measured_on = "the last fifth in time of every file"
    else:
        kept, held = [t for t in tables if t.name != hold_out], [t for t in tables if t.name == hold_out]
        if not kept or not held:
            raise BadInputError(f"cannot hold out {hold_out!r}: the data have {', '.join(t.name for t in tables)}")
        measured_on = hold_out
    front_end = SensorFrontEnd.fit(
        np.concatenate([t.rows for t in kept]),
        channels=recipe.channels,
        row_interval_ms=recipe.row_interval_ms,
        clip=recipe.clip,
        missing_limit=recipe.missing_limit,
        window_frames=recipe.window_rows,
    )
    return PresenceData(front_end, inputs_of(front_end, kept), inputs_of(front_end, held), measured_on)
