"""The demo counts what the firmware reported, not what it hoped for."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fieldwren.device import Detected, StreamEnd
from fieldwren.rows import read_rows
from fieldwren.run import Started
from support import CHECKOUT, require_tool


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("demo", CHECKOUT / "tools" / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "demo", module)
    spec.loader.exec_module(module)
    return module


def test_only_the_right_label_at_the_right_time_counts(
    demo: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    heard = [
        Detected(t_ms=1500, label="three", confidence=0.9, number=0),
        Detected(t_ms=1600, label="three", confidence=0.9, number=1),  # said once, reported twice
        Detected(t_ms=9000, label="one", confidence=0.9, number=2),  # too late
        Detected(t_ms=3000, label="nine", confidence=0.9, number=3),  # not said
    ]

    def run(*arguments: Any, **options: Any) -> Iterator[Any]:
        yield Started(SimpleNamespace(app="digits", board="b", image="ab" * 32))  # type: ignore[arg-type]
        yield from heard
        yield StreamEnd(9000, 90, 4)

    monkeypatch.setattr(demo, "run", run)
    expected = [demo.Expected("three", 900, 2500), demo.Expected("one", 2200, 3900)]
    assert demo.listen("digits", "b", expected) == demo.Outcome(2, 1, "ab" * 32)
    lines = capsys.readouterr().out
    assert lines.count("(not expected)") == 3
    assert "one                  missed" in lines
    assert demo.listen("digits", "b", None) == demo.Outcome(None, 4, "ab" * 32)


def test_every_word_is_where_it_is_said_to_be(demo: ModuleType) -> None:
    require_tool("espeak-ng")
    samples, expected = demo.speech(("three", "one"))
    assert [e.label for e in expected] == ["three", "one"]
    assert samples.dtype == np.int16
    loud = np.abs(samples.astype(np.int32)) > 600
    for word in expected:
        begin, end = (round(ms * 16) for ms in (word.from_ms, word.to_ms - demo.LATEST_MS))
        assert loud[begin:end].mean() > 0.2
        loud[begin:end] = False
    assert not loud.any()


def test_the_made_up_day_has_the_examples_columns(demo: ModuleType, tmp_path: Path) -> None:
    changes = demo.office_day(tmp_path / "rows.csv")
    rows = read_rows(tmp_path / "rows.csv", ("Temperature", "Humidity", "Light", "CO2", "HumidityRatio"))
    assert len(rows) > changes[-1][0]
    assert np.isfinite(rows).all()
