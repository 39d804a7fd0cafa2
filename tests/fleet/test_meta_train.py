"""`fleet meta-train` on tasks that one start suits: lines through a common point."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fieldwren.cli.frame import run
from support import require_module

pytestmark = pytest.mark.slow
keras = require_module("keras")


def _lines(count: int, seed: int) -> dict[str, np.ndarray]:
    """y = 3 + slope (x - 1): every task's line goes through (1, 3)."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (count, 8, 1)).astype(np.float32)
    slopes = rng.uniform(-1, 1, (count, 1, 1))
    return {"x": x, "y": (3 + slopes * (x - 1)).astype(np.float32)}


def test_a_start_that_all_tasks_share(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """By symmetry of the slopes, Reptile must find the line y = 3."""
    start = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    start.set_weights([np.array([[-1.0]]), np.array([0.0])])
    start.save(tmp_path / "start.keras")
    np.savez(tmp_path / "tasks.npz", **_lines(400, 0))
    arguments = ["--tasks", str(tmp_path / "tasks.npz"), "--out", str(tmp_path / "end.keras"), "--iterations", "400"]
    assert (
        run(
            [
                "fleet",
                "meta-train",
                str(tmp_path / "start.keras"),
                *arguments,
                "--inner-steps",
                "3",
                "--inner-lr",
                "0.1",
                "--json",
            ]
        )
        == 0
    )
    said = json.loads(capfd.readouterr().out)
    assert (said["tasks"], said["parameters"]) == (400, 2)
    assert said["loss_last"] < said["loss_first"]
    slope, bias = keras.models.load_model(tmp_path / "end.keras").get_weights()
    assert abs(float(slope[0, 0])) < 0.25
    assert float(bias[0]) == pytest.approx(3.0, abs=0.25)


def test_what_it_refuses(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "flat.npz", x=np.zeros((3, 4), np.float32), y=np.zeros((3, 4), np.float32))
    np.savez(tmp_path / "good.npz", **_lines(3, 0))
    for tasks, words in (
        ("flat.npz", "must both begin"),
        ("none.npz", "must be an .npz"),
        ("good.npz", "no Keras model"),
    ):
        arguments = ["--tasks", str(tmp_path / tasks), "--out", str(tmp_path / "o.keras")]
        assert run(["fleet", "meta-train", str(tmp_path / "no.keras"), *arguments]) == 2
        assert words in capfd.readouterr().err
    assert not (tmp_path / "o.keras").exists()
