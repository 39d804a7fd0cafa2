"""Figures of published packages for random detections, which tests/evaluate/test_events.py compares ours with.

    python -m venv oracle
    oracle/bin/pip install psds_eval==0.5.3 sed_eval==0.2.1 scikit-learn==1.9.1 pandas==2.2.3 numpy==1.26.4
    oracle/bin/python tools/event_goldens.py tests/evaluate/goldens/events.json

The packages bring pandas, librosa and matplotlib along, and so are no part of what the tests need.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import psds_eval
import sed_eval
from sklearn import metrics

LABELS = ["a", "b", "c"]
FILES = ["x", "y", "z"]
SECONDS = 20.0
SETTINGS = [
    # (detection, truth, cross_trigger, cross_weight, spread_weight, most_per_hour)
    (0.7, 0.7, 0.3, 0.0, 1.0, 100.0),  # scenario 1 of DCASE task 4
    (0.1, 0.1, 0.3, 0.5, 1.0, 100.0),  # scenario 2
    (0.5, 0.5, 0.3, 0.0, 0.0, 100.0),
    (0.5, 0.5, 0.3, 1.0, 0.0, 400.0),
    (0.3, 0.6, 0.5, 0.7, 0.5, 1000.0),
]
COLLARS = [(0.2, 0.5), (0.1, 0.2), (0.25, 0.0)]

Rows = list[list[Any]]  # file, start, end, label


def truth(rng: np.random.Generator) -> Rows:
    """Events that do not overlap others of their label."""
    made: Rows = []
    for file in FILES:
        for label in LABELS:
            at = rng.uniform(0, 2)
            while at < SECONDS - 4:
                end = at + rng.uniform(0.2, 3)
                made.append([file, round(at, 3), round(end, 3), label])
                at = end + rng.uniform(0.3, 5)
    return made


def detections(events: Rows, rng: np.random.Generator, hits: float, extra: int) -> Rows:
    """Some of the events, moved a little and at times mislabelled, and others out of nowhere."""
    made: Rows = []
    for file, start, end, label in events:
        if rng.random() < hits:
            moved = start + rng.normal(0, 0.15), end + rng.normal(0, 0.25)
            heard = label if rng.random() < 0.85 else str(rng.choice(LABELS))
            made.append([file, round(max(0.0, moved[0]), 3), round(max(moved[0] + 0.05, moved[1]), 3), heard])
    for _ in range(extra):
        start = rng.uniform(0, SECONDS - 3)
        made.append(
            [str(rng.choice(FILES)), round(start, 3), round(start + rng.uniform(0.1, 2), 3), str(rng.choice(LABELS))]
        )
    return without_overlaps(made)


def without_overlaps(rows: Rows) -> Rows:
    """A label is detected once at a time, as runs above a threshold are."""
    made: Rows = []
    for row in sorted(rows, key=lambda row: (row[0], row[3], row[1])):
        if made and made[-1][0] == row[0] and made[-1][3] == row[3] and row[1] <= made[-1][2]:
            continue
        made.append(row)
    return made


def frame(rows: Rows) -> pandas.DataFrame:
    """As psds_eval takes them."""
    return pandas.DataFrame(
        [[f"{file}.wav", start, end, label] for file, start, end, label in rows],
        columns=["filename", "onset", "offset", "event_label"],
    )


def psds_of(events: Rows, points: list[Rows], setting: tuple[float, ...]) -> float:
    """psds_eval's score of the operating points together."""
    detection, covered, cross, cross_weight, spread_weight, most = setting
    files = pandas.DataFrame([[f"{file}.wav", SECONDS] for file in FILES], columns=["filename", "duration"])
    made = psds_eval.PSDSEval(detection, covered, cross, ground_truth=frame(events), metadata=files)
    for point in points:
        made.add_operating_point(frame(point))
    return float(made.psds(alpha_ct=cross_weight, alpha_st=spread_weight, max_efpr=most).value)


def f1_of(events: Rows, found: Rows, collar: float, share: float) -> dict[str, Any]:
    """sed_eval's counts over all files."""
    made = sed_eval.sound_event.EventBasedMetrics(
        LABELS, t_collar=collar, percentage_of_length=share, event_matching_type="optimal"
    )

    def listed(rows: Rows, file: str) -> list[dict[str, Any]]:
        return [
            {"file": file, "event_onset": start, "event_offset": end, "event_label": label}
            for name, start, end, label in rows
            if name == file
        ]

    for file in FILES:
        made.evaluate(listed(events, file), listed(found, file))
    counted = made.overall
    return {"matched": int(counted["Ntp"]), "expected": int(counted["Nref"]), "found": int(counted["Nsys"])}


def roc_of(rng: np.random.Generator, count: int, levels: int) -> dict[str, Any]:
    """Scores with ties, and scikit-learn's figures of them."""
    positive = rng.random(count) < 0.3
    scores = np.round((rng.normal(positive * 1.2, 1.0) + 4) / 9 * levels) / levels
    false, true, _ = metrics.roc_curve(positive, scores, drop_intermediate=False)
    det_false, det_missed, _ = metrics.det_curve(positive, scores)
    return {
        "scores": scores.tolist(),
        "positive": positive.tolist(),
        "area": float(metrics.roc_auc_score(positive, scores)),
        "false_positive": false.tolist(),
        "true_positive": true.tolist(),
        "det_false_positive": det_false.tolist(),
        "det_missed": det_missed.tolist(),
    }


def main() -> None:
    """Writes the goldens."""
    rng = np.random.default_rng(0)
    cases = []
    for _ in range(6):
        events = truth(rng)
        points = [
            detections(events, rng, hits, extra)
            for hits, extra in ((0.95, 25), (0.8, 12), (0.6, 6), (0.4, 2), (0.2, 0))
        ]
        cases.append(
            {
                "events": events,
                "points": points,
                "psds": [psds_of(events, points, setting) for setting in SETTINGS],
                "psds_of_first": [psds_of(events, points[:1], setting) for setting in SETTINGS],
                "f1": [[f1_of(events, point, *collar) for collar in COLLARS] for point in points],
            }
        )
    document = {
        "command": "python tools/event_goldens.py tests/evaluate/goldens/events.json",
        "versions": {name: importlib.metadata.version(name) for name in ("psds_eval", "sed_eval", "scikit-learn")},
        "labels": LABELS,
        "seconds": SECONDS * len(FILES),
        "settings": SETTINGS,
        "collars": COLLARS,
        "cases": cases,
        "roc": [roc_of(rng, count, levels) for count, levels in ((40, 10), (120, 1000), (60, 4))],
    }
    Path(sys.argv[1]).write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
