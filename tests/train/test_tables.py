"""Sensor tables: columns by name, row names, holes, time splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fieldwren.errors import BadInputError
from fieldwren.train import presence
from fieldwren.train.tables import read_table

HEADER = '"date","Light","CO2","Occupancy"'


def _file(folder: Path, *lines: str) -> Path:
    path = folder / "room.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("row_names", [True, False])
def test_columns_are_found_by_name(tmp_path: Path, row_names: bool) -> None:
    start = '"7",' if row_names else ""
    table = read_table(
        _file(tmp_path, HEADER, f'{start}"d",1.5,600,1', f'{start}"d",,601,0'), ("CO2", "Light"), "Occupancy"
    )
    assert table.name == "room"
    np.testing.assert_array_equal(table.rows, np.array([[600, 1.5], [601, np.nan]], np.float32))
    assert table.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER], "no rows"),
        ([HEADER.replace("CO2", "CO"), '"d",1,2,1'], "no column CO2"),
        ([HEADER, '"d",1,2,1', '"d",x,2,1'], "line 3"),
        ([HEADER, '"d",1,2,1', '"d",1'], "line 3"),
        ([HEADER, '"d",1,2,3'], "0 or 1"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(BadInputError, match=message) as error:
        read_table(_file(tmp_path, *lines), ("Light", "CO2"), "Occupancy")
    assert "room.txt" in str(error.value)


def test_time_split_keeps_the_order(tmp_path: Path) -> None:
    table = read_table(_file(tmp_path, HEADER, *(f'"d",{i},0,0' for i in range(10))), ("Light",), "Occupancy")
    earlier, later = presence.time_split(table, 0.2)
    assert earlier.rows[:, 0].tolist() == list(range(8))
    assert later.rows[:, 0].tolist() == [8, 9]
