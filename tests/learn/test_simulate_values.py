"""Simulated learning of values, and of alphabets that an app has never seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.errors import BadInputError
from fieldwren.evaluate import evaluate
from fieldwren.evaluate.values import ValuesEvaluation
from fieldwren.learn import simulate
from support import require_data

EXAMPLES = paths.examples()
CHANNELS = "Temperature,Humidity,Light,CO2,HumidityRatio"


def sine(path: Path, amplitude: float, phase: float, noise: float = 0.03) -> None:
    rng = np.random.default_rng(int(10 * amplitude))
    x = rng.uniform(0, 2 * np.pi, 600)
    y = amplitude * np.sin(x + phase) + rng.normal(0, noise, 600)
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header="x,y", comments="")


def test_a_sine_that_drifts_is_as_good_as_before_within_200_rows(tmp_path: Path) -> None:
    """The noise is that of a real sensor: 3 % of the amplitude."""
    for name, amplitude, phase in (("as-trained", 1.0, 0.0), ("drifted", 1.2, 0.5), ("back", 0.9, -0.6)):
        sine(tmp_path / f"{name}.csv", amplitude, phase)
    result = evaluate(EXAMPLES / "sine", tmp_path, only=["as-trained"])
    assert isinstance(result, ValuesEvaluation)
    before = result.figures["rmse"]
    assert 0.03 < before < 0.04
    for name in ("drifted", "back"):
        taught = simulate(EXAMPLES / "sine", tmp_path, only=[name], shots=200)
        assert taught.figures["rmse_before"] > 0.3
        assert taught.figures["rmse_after"] <= 1.2 * before
        assert taught.updates == 200
        assert taught.agreement is not None and taught.agreement >= 0.995
    with pytest.raises(BadInputError, match="200 shots leave none"):
        (tmp_path / "short.csv").write_text("x,y\n1,2\n")
        simulate(EXAMPLES / "sine", tmp_path, only=["short"], shots=200)


def test_an_unknown_alphabet_takes_the_place_of_the_known_one() -> None:
    data = require_data("omniglot")
    named = ["character01", "Greek/character02", "character03"]
    result = simulate(EXAMPLES / "characters", data, only=["Greek"], shots=5, new_classes=named, repeats=3)
    assert result.accuracy_before == 0.0
    assert result.accuracy_old_before is None
    assert result.accuracy_new == result.accuracy_after > 0.9
    drawn = simulate(EXAMPLES / "characters", data, only=["Greek"], shots=5, repeats=20)
    assert drawn.accuracy_after > 0.95  # results/few_shot.json has alphabets that the backbone never saw
    with pytest.raises(BadInputError, match="has no samples of the new class 'character99'"):
        simulate(EXAMPLES / "characters", data, only=["Greek"], shots=5, new_classes=["character99"])


@pytest.mark.slow
def test_labelled_faults_are_told_from_normal_rows(tmp_path: Path) -> None:
    lines = require_data("presence", "occupancy", "datatest.txt").read_text().splitlines()[1:500]
    rows = [line.split(",")[2:7] for line in lines]
    faulty = [200 <= number < 240 for number in range(len(rows))]
    for row, is_faulty in zip(rows, faulty, strict=True):
        if is_faulty:
            row[3] = "5"
    table = [",".join([*row, str(int(is_faulty))]) for row, is_faulty in zip(rows, faulty, strict=True)]
    (tmp_path / "room.csv").write_text("\n".join([f"{CHANNELS},fault", *table]))
    result = evaluate(EXAMPLES / "anomaly" / "model.tflite", tmp_path)
    assert isinstance(result, ValuesEvaluation)
    assert result.figures["auroc"] > 0.95
    assert result.per_class is None and result.metric == "AUROC of labelled rows"
