"""`fieldwren data check`: what in a folder of labelled data would make a model look better than it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fieldwren.datasets import tables_in
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.rows import Cells, plain_text, read_cells
from fieldwren.train import clips as clip_module
from fieldwren.train.data.columns import Columns, Finding, check_columns
from fieldwren.train.data.duplicates import one_group_only, repeated_rows

_LABEL_NAMES = ("label", "labels", "class", "target", "occupancy", "occupied", "presence", "y")
_CLASSES_MOST = 20
_BINS = 10


@dataclass(frozen=True)
class CheckResult:
    """What was looked at and what was found; `clean` when nothing is a leak or suspected to be one.

    `columns` were checked against `label`; `skipped` are columns that are not numbers. Of recordings, `recordings` and
    `groups` (speakers) are counted.
    """

    data: str
    clean: bool
    findings: Sequence[Finding]
    label: str | None
    columns: Sequence[str]
    skipped: Sequence[str]
    rows: int
    recordings: int
    groups: int


def check_data(data: str | Path, *, label: str | None = None, columns: Sequence[str] = ()) -> CheckResult:
    """Looks for leaks in a table, or in the tables and recordings below a folder.

    `label` is the column to predict (default: one named so, else the last), `columns` those a model would see (default:
    all others that are numbers). Raises BadInputError naming the file, and MissingToolError where there is nothing.
    """
    path = Path(data)
    if not path.exists():
        raise MissingToolError(f"{path}: there is no such file or folder with data")
    recorded = [] if path.is_file() else recordings_below(path)
    files = [path] if path.is_file() else [] if recorded else tables_in(path)
    if not files:
        found = one_group_only(recorded)
        return CheckResult(
            str(data), not found, found, None, (), (), 0, len(recorded), len(clip_module.groups(recorded))
        )
    tables = [read_cells(file) for file in files]
    label = label or _label_column(tables[0])
    everywhere = set.intersection(*(set(table.numeric_columns()) for table in tables)) - {label}
    numeric = [name for name in tables[0].header if name in everywhere]
    chosen = list(columns) or numeric
    if not chosen:
        raise BadInputError(f"{tables[0].path}: has no column of numbers besides {label}")
    made = columns_of(tables, chosen, label)
    found = check_columns(made)
    if len(tables) > 1:
        found += _copied_files(made, tables)
    return CheckResult(
        str(data),
        not any(finding.severity != "note" for finding in found),
        found,
        label,
        chosen,
        [name for name in tables[0].header if name not in (*chosen, label)],
        len(made.labels),
        0,
        len(tables),
    )


def check_table(files: Sequence[Path], columns: Sequence[str], label: str) -> list[Finding]:
    """What the columns that a model is to see give away, over all rows of `files`."""
    return check_columns(columns_of([read_cells(file) for file in files], columns, label))


def refuse_leaks(findings: Sequence[Finding], allowed: Sequence[str], source: Path) -> list[str]:
    """Lines to warn with. Raises BadInputError for the first leak that is not in `allowed` (columns, or kinds)."""
    lines = []
    for finding in findings:
        if finding.severity == "note":
            lines.append(f"note: {finding.message}")
        elif finding.severity == "leak" and finding.where not in allowed:
            raise BadInputError(
                f"{source}: {finding.where} gives the label away: {finding.message}: leave it out of the recipe's channels, "
                f"or go on with --allow-leak {finding.where} if the device can measure it where nobody knows the label"
            )
        else:
            lines.append(f"warning: {finding.where} may give the label away: {finding.message}")
    return lines


def columns_of(tables: Sequence[Cells], columns: Sequence[str], label: str) -> Columns:
    """The columns of all tables one below the other, and their labels as numbers; many distinct numbers become tenths."""
    texts = np.array([plain_text(text) for table in tables for text in table.texts(label)])
    classes, labels = np.unique(texts, return_inverse=True)
    if len(classes) > _CLASSES_MOST:
        try:
            values = texts.astype(np.float64)
        except ValueError as error:
            raise BadInputError(
                f"{tables[0].path}: column {label} has {len(classes)} different texts: that is no label; name it with --label"
            ) from error
        edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1]))
        labels = np.searchsorted(edges, values, side="right")
        classes = np.array([f"{label} tenth {i + 1}" for i in range(len(edges) + 1)])
    if len(classes) < 2:
        raise BadInputError(
            f"{tables[0].path}: column {label} holds nothing but {str(classes[0])!r}: there is nothing to predict"
        )
    return Columns(
        tuple(columns),
        np.concatenate([table.numbers(columns) for table in tables]),
        labels.astype(np.int64),
        tuple(map(str, classes)),
        np.repeat(np.arange(len(tables)), [len(table.rows) for table in tables]),
    )


def recordings_below(folder: Path) -> list[clip_module.Clip]:
    """Every recording of a word below a folder, whatever its layout; none where there are none."""
    recorded = clip_module.load_speech_commands(folder)
    try:
        return recorded + clip_module.load_spoken_digits(folder)
    except MissingToolError:
        return recorded


def _copied_files(made: Columns, tables: Sequence[Cells]) -> list[Finding]:
    """Files that hold rows of the files before them: leaving one out for the test would not leave it out."""
    parts = [made.rows[made.file == number] for number in range(len(tables))]
    found = []
    for number in range(1, len(parts)):
        copied = repeated_rows(parts[:number], [parts[number]])
        if copied is not None:
            name = tables[number].path.name
            found.append(Finding(copied.severity, copied.kind, name, f"{name} repeats rows of the other files"))
    return found


def _label_column(table: Cells) -> str:
    named = [name for name in table.header if name.lower() in _LABEL_NAMES]
    return named[0] if len(named) == 1 else table.header[-1]
