"""Our event scores beside those of psds_eval, sed_eval and scikit-learn (tools/event_goldens.py), on random detections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fieldwren.datasets import Event
from fieldwren.evaluate.events import PsdsSettings, event_figures, psds
from fieldwren.evaluate.roc import roc

GOLDENS: dict[str, Any] = json.loads((Path(__file__).parent / "goldens" / "events.json").read_text(encoding="utf-8"))


def by_file(rows: list[tuple[str, float, float, str]]) -> dict[str, list[Event]]:
    made: dict[str, list[Event]] = {}
    for file, start, end, label in rows:
        made.setdefault(file, []).append(Event(label, start, end))
    return made


@pytest.mark.parametrize("case", range(len(GOLDENS["cases"])))
def test_psds_is_that_of_psds_eval(case: int) -> None:
    given = GOLDENS["cases"][case]
    points = [by_file(point) for point in given["points"]]
    for number, setting in enumerate(GOLDENS["settings"]):
        for wanted, shown in ((given["psds"], points), (given["psds_of_first"], points[:1])):
            made = psds(by_file(given["events"]), shown, GOLDENS["labels"], GOLDENS["seconds"], PsdsSettings(*setting))
            assert made == pytest.approx(wanted[number], abs=1e-9)
    assert len(set(given["psds"])) == len(GOLDENS["settings"])  # the settings do matter


@pytest.mark.parametrize("case", range(len(GOLDENS["cases"])))
def test_event_based_counts_are_those_of_sed_eval(case: int) -> None:
    given = GOLDENS["cases"][case]
    for point, row in zip(given["points"], given["f1"], strict=True):
        for (collar, share), wanted in zip(GOLDENS["collars"], row, strict=True):
            made = event_figures(by_file(given["events"]), by_file(point), collar_s=collar, offset_share=share)
            assert (made.matched, made.expected, made.found) == (wanted["matched"], wanted["expected"], wanted["found"])


@pytest.mark.parametrize("case", range(len(GOLDENS["roc"])))
def test_roc_and_the_equal_error_are_those_of_scikit_learn(case: int) -> None:
    given = GOLDENS["roc"][case]
    made = roc(np.array(given["scores"]), np.array(given["positive"]))
    assert made is not None
    assert made.area == pytest.approx(given["area"], abs=1e-12)
    ours = np.column_stack([made.false_positive, made.true_positive])
    theirs = np.column_stack([given["false_positive"], given["true_positive"]])
    assert len(ours) > 3
    assert np.abs(ours[:, None] - theirs).max(axis=-1).min(axis=1).max() < 1e-6  # ours are the corners of theirs
    gap = np.array(given["det_false_positive"]) - np.array(given["det_missed"])  # falls
    after = int(np.argmax(gap <= 0))
    around = [given[name][i] for name in ("det_false_positive", "det_missed") for i in (after - 1, after)]
    assert min(around) <= made.equal_error <= max(around)
