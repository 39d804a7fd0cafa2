"""Training on sensor tables: rows in, a small int8 network that says what the newest row's label is out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from fieldwren.datasets import tables_in
from fieldwren.errors import BadInputError
from fieldwren.features import SensorFrontEnd, row_windows
from fieldwren.train.data.columns import Finding
from fieldwren.train.data.leaks import check_table
from fieldwren.train.recipe import PresenceRecipe, TimeSplit
from fieldwren.train.tables import Table, read_parts

LAST_FIFTH = TimeSplit(share=0.2)


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


def leaks_in(recipe: PresenceRecipe, folder: Path) -> list[Finding]:
    """What the recipe's channels give away in the tables below `folder`."""
    return check_table(tables_in(folder), recipe.channels, recipe.label)


def load(recipe: PresenceRecipe, folder: Path, *, hold_out: str | None) -> PresenceData:
    """Every .txt and .csv table below `folder`; `hold_out` is the stem of the file to measure on.

    Without it the last part of every file, in time, is kept for measuring: the recipe's `split`, else a fifth.
    """
    files = tables_in(folder)
    if hold_out is None:
        split = recipe.split or LAST_FIFTH
        parts = [
            time_split(table, split.share)
            for file in files
            for table in read_parts(file, recipe.channels, recipe.label, recipe.labels, each=split.each)
        ]
        kept, held = [a for a, _ in parts], [b for _, b in parts]
        measured_on = f"the last {100 * split.share:g} % in time of every {split.each or 'file'}"
    else:
        tables = [read_parts(f, recipe.channels, recipe.label, recipe.labels, each=None)[0] for f in files]
        kept, held = [t for t in tables if t.name != hold_out], [t for t in tables if t.name == hold_out]
        if not kept or not held:
            raise BadInputError(f"cannot hold out {hold_out!r}: the data have {', '.join(t.name for t in tables)}")
        measured_on = hold_out
    front_end = SensorFrontEnd.fit(
        np.concatenate([t.rows for t in kept]),
        channels=recipe.channels,
        row_interval_ms=recipe.row_interval_ms,
        input_clip=recipe.input_clip,
        clip=recipe.clip,
        missing_limit=recipe.missing_limit,
        difference_rows=recipe.difference_rows,
        window_frames=recipe.window_rows,
    )
    data = PresenceData(front_end, inputs_of(front_end, kept), inputs_of(front_end, held), measured_on)
    if not len(data.train[1]) or not len(data.test[1]):
        raise BadInputError(
            f"{folder}: no window of {front_end.first_window_rows} rows is left to train on or to measure with ({measured_on})"
        )
    return data
