"""Columns that know the label are found, whatever they look like; sensors are not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.rows import read_rows
from fieldwren.train import presence, run
from fieldwren.train.data.columns import Columns, check_columns
from fieldwren.train.data.leaks import check_data
from support import require_data

Real = npt.NDArray[np.float64]
SENSORS = ("Temperature", "Humidity", "Light", "CO2", "HumidityRatio")


def _room(name: str) -> tuple[Real, npt.NDArray[np.int64]]:
    values = read_rows(require_data("presence", "occupancy", f"{name}.txt"), (*SENSORS, "Occupancy"))
    return values[:, :-1], values[:, -1].astype(np.int64)


def _severities(rows: Real, labels: npt.NDArray[np.int64], extra: Real | None) -> dict[str, str]:
    names = SENSORS if extra is None else (*SENSORS, "extra")
    table = rows if extra is None else np.column_stack([rows, extra])
    found = check_columns(Columns(names, table, labels, ("vacant", "occupied"), np.zeros(len(labels), np.int64)))
    return {finding.where: finding.severity for finding in found}


def test_the_thermometer_of_the_pir_array_knows_the_label() -> None:
    result = check_data(require_data("presence", "pirvision"))
    assert (result.clean, result.label, result.skipped) == (False, "Label", ["Date", "Time"])
    worst = {finding.where: finding for finding in result.findings if finding.severity != "note"}
    assert list(worst) == ["Temperature_F"]
    assert "is 0 in 100 % of the rows labelled 3 and in 0 % of the others" in worst["Temperature_F"].message


def test_light_is_a_strong_sensor_and_no_leak() -> None:
    for data in (
        require_data("presence", "occupancy"),
        require_data("presence", "occupancy", "datatraining.txt"),
        require_data("presence", "occupancy", "datatest.txt"),
    ):
        result = check_data(data)
        assert result.clean
        assert {finding.where: finding.severity for finding in result.findings} == {"Light": "note"}


_RNG = np.random.default_rng(0)
_N = 8143  # rows of datatraining.txt


def _of_label(y: npt.NDArray[np.int64]) -> dict[str, Real]:
    rng = np.random.default_rng(1)
    n = len(y)
    runs = np.cumsum(np.r_[1, y[1:] != y[:-1]])
    return {
        "a copy": y * 1.0,
        "another code": 7 - 3.5 * y,
        "a copy with few errors": np.where(rng.random(n) < 0.004, 1 - y, y) * 1.0,
        "a copy with noise": y + rng.normal(0, 0.01, n),
        "the next label": np.r_[y[1:], 0] * 1.0,
        "a late copy": np.r_[0, 0, 0, y[:-3]] * 1.0,
        "an average of the label": np.convolve(y, np.ones(15) / 15, "same"),
        "a running sum of the label": np.cumsum(y) * 1.0,
        "a filler": np.where((y == 1) & (rng.random(n) < 0.3), -999.0, rng.normal(20, 1, n)),
        "missing": np.where((y == 1) & (rng.random(n) < 0.3), np.nan, rng.normal(20, 1, n)),
        "people": np.where(y == 1, rng.integers(1, 6, n), 0) * 1.0,
        "sessions": rng.permutation(10_000)[runs] * 1.0,
        "a row number": np.arange(n) * 1.0,
        "a time": 1_422_957_540.0 + 60 * np.arange(n),
    }


LEAKS = sorted(_of_label(np.zeros(100, np.int64)))


@pytest.mark.parametrize("name", LEAKS)
@pytest.mark.parametrize("room", ["datatraining", "datatest"])
def test_what_knows_the_label_is_a_leak(room: str, name: str) -> None:
    rows, labels = _room(room)
    assert _severities(rows, labels, _of_label(labels)[name])["extra"] == "leak"


@pytest.mark.parametrize("name", ["dark", "noise", "hour", "constant", "saturated", "outage", "holes", "motion"])
@pytest.mark.parametrize("room", ["datatraining", "datatest"])
def test_what_sensors_do_is_none(room: str, name: str) -> None:
    rows, labels = _room(room)
    n, rng = len(labels), np.random.default_rng(2)
    temperature = rows[:, 0]
    extra = {
        "dark": rows[:, 2] * 0.9 + rng.normal(0, 20, n),
        "noise": rng.normal(0, 1, n),
        "hour": (np.arange(n) / 60) % 24,
        "constant": np.ones(n),
        "saturated": np.minimum(rows[:, 3], 700),
        "outage": np.where((np.arange(n) > 1500) & (np.arange(n) < 1800), np.nan, temperature),
        "holes": np.where(rng.random(n) < 0.1, np.nan, temperature),
        "motion": np.where(rng.random(n) < 0.06, 1 - labels, labels),  # a detector that is right 94 % of the time
    }[name]
    assert set(_severities(rows, labels, extra).values()) <= {"note"}


def test_a_perfect_sensor_is_suspected_and_an_easy_task_is_not() -> None:
    rows, labels = _room("datatest")
    rng = np.random.default_rng(3)
    lamp = np.where(labels == 1, rng.normal(400, 80, len(labels)), rng.normal(5, 1, len(labels)))
    rows[:, 2] = 0  # without the light that is there, which tells nearly as much
    assert _severities(rows, labels, lamp)["extra"] == "suspect"
    easy = np.column_stack([3 * labels + rng.normal(0, 0.4, len(labels)) for _ in range(4)])
    found = check_columns(Columns("abcd", easy, labels, ("vacant", "occupied"), np.zeros(len(labels), np.int64)))
    assert not found


def test_tables_sorted_by_class_and_text_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    lines = ["a,code,kind"]
    for kind, code in (("cat", 3), ("dog", 5), ("owl", 4)):
        lines += [f"{rng.normal(0, 1):.3f},{code},{kind}" for _ in range(60)]
    (tmp_path / "animals.csv").write_text("\n".join(lines))
    result = check_data(tmp_path)
    assert [(finding.severity, finding.where) for finding in result.findings] == [("leak", "code")]
    assert result.label == "kind"
    assert check_data(tmp_path, columns=["a"]).clean


def test_a_number_to_predict_is_cut_into_tenths(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    target = rng.random(500)
    rows = [f"{t * 9 / 5 + 32},{rng.random()},{t}" for t in target]
    (tmp_path / "t.csv").write_text("\n".join(["fahrenheit,other,celsius", *rows]))
    assert [finding.where for finding in check_data(tmp_path).findings if finding.severity != "note"] == ["fahrenheit"]


def test_a_file_that_repeats_another_is_found(tmp_path: Path) -> None:
    rows, labels = _room("datatest")
    lines = [",".join(map(str, (*row, label))) for row, label in zip(rows, labels, strict=True)]
    header = ",".join((*SENSORS, "Occupancy"))
    (tmp_path / "a.csv").write_text("\n".join([header, *lines[:2000]]))
    (tmp_path / "b.csv").write_text("\n".join([header, *lines[2000:]]))
    assert check_data(tmp_path).clean
    (tmp_path / "b.csv").write_text("\n".join([header, *lines[1900:]]))
    (finding,) = (f for f in check_data(tmp_path).findings if f.kind == "copied rows")
    assert (finding.severity, finding.where) == ("leak", "b.csv")


def test_training_refuses_a_leak_and_goes_on_when_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    labels = np.arange(400) // 50 % 2
    lines = [f"{rng.normal(20, 1):.2f},{0 if label else rng.integers(85, 90)},{label}" for label in labels]
    (tmp_path / "room.csv").write_text("\n".join(["warmth,Temperature_F,there", *lines]))
    recipe = tmp_path / "train.toml"
    recipe.write_text(
        'schema_version = 1\nkind = "presence"\nseed = 0\nchannels = ["warmth", "Temperature_F"]\nlabel = "there"\n'
        'row_interval_ms = 1000\nclip = [-6.0, 6.0]\nmissing_limit = 0\n[model]\nkind = "mlp"\nhidden = [4]\nl2 = 0.0\n'
        "[optimise]\nepochs = 1\nbatch_size = 64\nlearning_rate = 1e-3\n"
    )
    with pytest.raises(BadInputError, match=r"Temperature_F gives the label away.*--allow-leak Temperature_F"):
        run.train("presence", tmp_path, tmp_path / "out", recipe_file=recipe)
    assert not (tmp_path / "out").exists()

    class ReachedError(Exception):
        pass

    def stop(*_: object, **__: object) -> None:
        raise ReachedError

    monkeypatch.setattr(presence, "load", stop)
    lines_said: list[str] = []
    with pytest.raises(ReachedError):
        run.train(
            "presence",
            tmp_path,
            tmp_path / "out",
            recipe_file=recipe,
            allow_leaks=["Temperature_F"],
            progress=lines_said.append,
        )
    assert any("Temperature_F may give the label away" in line for line in lines_said)


def test_the_verb_says_no(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\n".join(["x,label", *(f"{i % 2},{i % 2}" for i in range(100))]))
    done = subprocess.run(
        [sys.executable, "-m", "fieldwren", "data", "check", tmp_path, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert (answer["clean"], answer["findings"][0]["where"]) == (False, "x")


def test_what_cannot_be_checked_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError, match="no such file"):
        check_data(tmp_path / "none")
    with pytest.raises(MissingToolError, match=r"no \.csv or \.txt"):
        check_data(tmp_path)
    (tmp_path / "t.csv").write_text("a,b\nx,1\ny,1\n")
    with pytest.raises(BadInputError, match="no column of numbers"):
        check_data(tmp_path)
    (tmp_path / "t.csv").write_text("a,b\n1,1\n2,1\n")
    with pytest.raises(BadInputError, match="nothing but '1'"):
        check_data(tmp_path)
    (tmp_path / "t.csv").write_text("\n".join(["a,b", *(f"{i},name {i}" for i in range(50))]))
    with pytest.raises(BadInputError, match="50 different texts"):
        check_data(tmp_path)
