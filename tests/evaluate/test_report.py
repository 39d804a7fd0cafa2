"""The page of an evaluation: well-formed, complete, and saying what the result says."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np

from fieldwren.datasets import Event
from fieldwren.evaluate.classify import ClassFigures, Confusion
from fieldwren.evaluate.evaluate import EvaluateResult, Spread
from fieldwren.evaluate.frames import frame_figures
from fieldwren.evaluate.operating_point import Material, Point
from fieldwren.evaluate.report import write_report
from fieldwren.evaluate.roc import roc
from fieldwren.evaluate.streams import Heard


def _result() -> EvaluateResult:
    rng = np.random.default_rng(0)
    truth = rng.random(200) < 0.4
    curve = roc(rng.normal(0, 1, 200) + truth, truth)
    assert curve is not None
    return EvaluateResult(
        app="a<b",
        data="recordings",
        accuracy=0.9,
        macro_f1=0.89,
        per_class={"on": ClassFigures(0.9, 0.8, 0.85, 10), "x&y": ClassFigures(None, None, None, 0)},
        confusion=Confusion(("on", "x&y"), ((8, 2), (0, 0))),
        per_group={"ann": 0.95, "bob": 0.85},
        count=10,
        ignored=0,
        robustness={"0": 0.5, "20": 0.88},
        hours=2.0,
        expected=50,
        detected=45,
        false_accepts=3,
        false_accepts_per_hour=1.5,
        fa_upper_95=3.9,
        false_reject_rate=0.1,
        frr_interval_95=(0.04, 0.21),
        event_f1=0.9,
        threshold=0.8,
        smoothing_ms=400.0,
        refractory_ms=500.0,
        tuned=False,
        curve=[Point(t, 4, 30 * (1 - t), t**3 / 3) for t in (0.3, 0.5, 0.7, 0.9)],
        accuracy_95=(0.6, 0.98),
        groups=Spread(0.9, 0.07, 0.85, "bob"),
        roc={"on": curve},
        frame_event_f1=None,
        psds=0.51,
    )


def test_the_page_and_its_pictures(tmp_path: Path) -> None:
    page = write_report(_result(), tmp_path / "report")
    names = {path.stem for path in page.parent.glob("*.svg")}
    assert names == {"confusion", "roc", "det", "noise", "groups"}
    for name in names:
        drawing = ET.parse(page.parent / f"{name}.svg").getroot()
        width, height = float(drawing.get("width", 0)), float(drawing.get("height", 0))
        for circle in drawing.iter("{http://www.w3.org/2000/svg}circle"):
            assert 0 < float(circle.get("cx", -1)) < width
            assert 0 < float(circle.get("cy", -1)) < height
    text = page.read_text(encoding="utf-8")
    for said in (
        "a&lt;b",
        "90.0 % of 10 samples right",
        "worst bob with 85.0 %",
        "3 false accepts in 2.00 h",
        "x&amp;y",
        "0.510",
    ):
        assert said in text
    counts = [e.text for e in ET.parse(page.parent / "confusion.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert {"8", "2"} <= set(counts)
    assert [p.name for p in page.parent.iterdir() if p.name.startswith(".")] == []


def test_frames_become_events() -> None:
    times_ms = np.arange(1, 101) * 10
    values = np.full((100, 2), 1000, np.uint16)
    values[20:60, 1] = 30_000
    heard = Heard(values, times_ms, 1.0)
    made = frame_figures(["_background", "bell"], [True, False], [Material(heard, (Event("bell", 0.2, 0.6),))], 0.5)
    assert made is not None
    assert made.event_f1 == 1.0
    assert made.psds > 0.9
    late = frame_figures(["_background", "bell"], [True, False], [Material(heard, (Event("bell", 0.5, 0.9),))], 0.5)
    assert late is not None
    assert late.event_f1 == 0.0
    assert late.psds == 0.0
    assert frame_figures(["_background", "bell"], [True, False], [Material(heard, ())], 0.5) is None
