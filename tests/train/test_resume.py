"""Interrupted trainings: killed without warning, resumed, the same bytes; and what a run folder holds."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from fieldwren.errors import BadInputError, OverBudgetError
from fieldwren.train import recipe
from fieldwren.train.checkpoint import Checkpoint, Epoch
from fieldwren.train.run import train
from fieldwren.train.run_folder import curve, data_hash
from support import require_module


def tables_of_rows(folder: Path) -> Path:
    """Two days of readings whose class follows the last rows, not the newest alone."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("monday", "tuesday"):
        rows = ["Light,CO2,Occupancy"]
        for i in range(300):
            occupied = int(i // 30 % 2)
            rows.append(f"{300 * occupied + rng.normal(0, 80):.1f},{500 + rng.normal(0, 30):.1f},{occupied}")
        (folder / f"{name}.csv").write_text("\n".join(rows))
    return folder


def recipe_file(folder: Path, epochs: int = 3) -> Path:
    text = f"""
schema_version = 1
kind = "presence"
seed = 0
channels = ["Light", "CO2"]
label = "Occupancy"
row_interval_ms = 60000
clip = [-6.0, 6.0]
missing_limit = 10
window_rows = 8

[model]
kind = "tcn"
channels = 8
blocks = 1

[optimise]
epochs = {epochs}
batch_size = 32
learning_rate = 1e-2
"""
    (folder / "train.toml").write_text(text)
    return folder / "train.toml"


KILLED = """
import os, signal, sys
from pathlib import Path
from fieldwren.train.run import train

def progress(line):
    if line.startswith("epoch 2/"):
        os.kill(os.getpid(), signal.SIGKILL)

data, settings, out = map(Path, sys.argv[1:])
train("presence", data, out, hold_out="tuesday", recipe_file=settings, progress=progress)
"""


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    """The network has dropout and batch normalisation: random generators and statistics go on as well."""
    require_module("tensorflow")
    data, settings = tables_of_rows(tmp_path / "data"), recipe_file(tmp_path, 4)
    arguments = [str(path) for path in (data, settings, tmp_path / "a")]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    checkpoint = tmp_path / "a" / "run" / "checkpoint.npz"
    assert checkpoint.is_file() and not (tmp_path / "a" / "model.tflite").exists()
    lines: list[str] = []
    options = {"hold_out": "tuesday", "recipe_file": settings}
    resumed = train("presence", data, tmp_path / "a", resume=True, progress=lines.append, **options)
    assert [line[:9] for line in lines if line.startswith("epoch")] == ["epoch 3/4", "epoch 4/4"]
    whole = train("presence", data, tmp_path / "b", **options)
    assert (tmp_path / "a" / "model.tflite").read_bytes() == (tmp_path / "b" / "model.tflite").read_bytes()
    assert resumed.float_accuracy == whole.float_accuracy > 0.8
    histories = [json.loads((tmp_path / x / "run" / "history.json").read_text()) for x in ("a", "b")]
    assert histories[0] == histories[1] and len(histories[0]) == 4
    assert not checkpoint.exists()


@pytest.mark.slow
def test_the_run_folder_says_everything_and_the_recipe_trains_again(tmp_path: Path) -> None:
    require_module("tensorflow")
    data, settings = tables_of_rows(tmp_path / "data"), recipe_file(tmp_path, 1)
    shares: list[float] = []
    train(
        "presence", data, tmp_path / "a", hold_out="tuesday", recipe_file=settings, model="logistic", seed=5,
        board="microbit", budget="dcase", run=tmp_path / "run", tick=shares.append,
    )  # fmt: skip
    run = tmp_path / "run"
    names = {"recipe.toml", "run.json", "log.txt", "history.json", "curve.svg", "metrics.json"}
    assert {path.name for path in run.iterdir()} == names
    facts = json.loads((run / "run.json").read_text())
    assert facts["seed"] == 5 and len(facts["data_sha256"]) == 64 and "tensorflow" in facts["versions"]
    assert shares[-1] == 1.0 and shares == sorted(shares)
    used = tomllib.loads((tmp_path / "a" / "train.toml").read_text())
    assert used["model"]["kind"] == "logistic" and used["budget"]["params"] == 128_000 and used["seed"] == 5
    assert (run / "recipe.toml").read_text() == (tmp_path / "a" / "train.toml").read_text()
    train("presence", data, tmp_path / "b", hold_out="tuesday", recipe_file=tmp_path / "a" / "train.toml")
    assert (tmp_path / "a" / "model.tflite").read_bytes() == (tmp_path / "b" / "model.tflite").read_bytes()
    with pytest.raises(OverBudgetError, match="tcn needs"):
        narrow = tmp_path / "narrow.toml"
        narrow.write_text(settings.read_text() + "\n[budget]\nparams = 10\n")
        train("presence", data, tmp_path / "c", hold_out="tuesday", recipe_file=narrow)
    assert not (tmp_path / "c").exists()


class Variable:
    """What a checkpoint asks of Keras's variables."""

    def __init__(self, value: np.ndarray) -> None:
        self.value = value

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.value

    def assign(self, value: np.ndarray) -> None:
        self.value = value


def test_checkpoints_of_another_training_or_broken_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    variables = [Variable(np.arange(3.0)), Variable(np.array(7))]
    assert Checkpoint(path, "a").restore(variables) == []
    Checkpoint(path, "a").save(variables, [Epoch(0.5, 0.25)])
    fresh = [Variable(np.zeros(3)), Variable(np.array(0))]
    assert Checkpoint(path, "a").restore(fresh) == [Epoch(0.5, 0.25)]
    np.testing.assert_array_equal(fresh[0].value, np.arange(3.0))
    with pytest.raises(BadInputError, match="another recipe, seed, data or version"):
        Checkpoint(path, "b").restore(fresh)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BadInputError, match="cannot be read"):
        Checkpoint(path, "a").restore(fresh)


def test_recipes_are_written_as_they_are_read(tmp_path: Path) -> None:
    source = recipe.load(Path(__file__).parents[2] / "examples" / "digits" / "train.toml")
    for name in ("ssm", "crnn", "mobilenet_audio", "ds_cnn_stream", "ds_cnn"):
        changed = recipe.with_model(source, name)
        (tmp_path / "t.toml").write_text(recipe.to_toml(changed))
        assert recipe.load(tmp_path / "t.toml") == changed
    front_end = recipe.with_model(source, "ssm").front_end  # type: ignore[union-attr]
    assert front_end["normalisation"] == "running-mean"
    with pytest.raises(BadInputError, match=r"no keyword model 'tcn': choose one of ds_cnn"):
        recipe.with_model(source, "tcn")


def test_a_hash_sees_shape_and_type() -> None:
    a = np.zeros((2, 3), np.float32)
    assert data_hash(a) == data_hash(a.copy())
    assert len({data_hash(x) for x in (a, a.reshape(3, 2), a.astype(np.float64), a + 1)}) == 4


def test_a_curve_of_any_length_is_drawn() -> None:
    for count in (0, 1, 5):
        text = curve([Epoch(2.0 / (i + 1), i / 5) for i in range(count)])
        assert text.startswith("<svg") and text.endswith("</svg>\n") and "nan" not in text
