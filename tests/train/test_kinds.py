"""Every kind of model is trained alike: budget before, run folder, interruption and resumption to the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.errors import BadInputError, OverBudgetError
from fieldwren.tflite.reader import read_model
from fieldwren.train.recipe import load, to_toml
from fieldwren.train.run import train
from support import require_module
from test_drawings import png

RUN = {"recipe.toml", "run.json", "log.txt", "history.json", "curve.svg", "metrics.json"}


def rows(folder: Path) -> None:
    rng = np.random.default_rng(0)
    names = ("Temperature", "Humidity", "Light", "CO2", "HumidityRatio")
    for name in ("monday", "tuesday"):
        values = np.cumsum(rng.normal(0, 1, (210, len(names))), axis=0)
        text = "\n".join(",".join(f"{value:.2f}" for value in row) for row in values)
        (folder / f"{name}.csv").write_text(f"{','.join(names)}\n{text}\n")


def drawings(folder: Path) -> None:
    """Two alphabets of two characters, each drawn by three people; a bar that lies elsewhere in each."""
    for alphabet in ("Runes", "Signs"):
        for character in range(2):
            for drawer in range(3):
                ink = np.full((30, 30), 255, np.uint8)
                ink[5 + drawer : 9 + drawer, 4:24] = 0
                if character:
                    ink[5:25, 10 + drawer : 13 + drawer] = 0
                if alphabet == "Signs":
                    ink = ink.T.copy()
                file = folder / alphabet / f"character{character:02d}" / f"0001_{drawer:02d}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(png(ink))


def nothing(folder: Path) -> None:
    """Data that are computed."""


KINDS: Mapping[str, tuple[Callable[[Path], None], dict[str, object]]] = {
    "anomaly": (rows, {"hold_out": "tuesday"}),
    "characters": (drawings, {"hold_out": "Signs"}),
    "sine": (nothing, {}),
}


def recipe_file(example: str, folder: Path) -> Path:
    """The example's recipe, of two epochs and little data."""
    settings = load(paths.examples() / example / "train.toml")
    plain = settings.model_dump(mode="json", exclude_none=True)
    plain["optimise"] |= {"epochs": 2, "batch_size": 32}
    plain["model"] |= {key: value for key, value in {"filters": (4, 8)}.items() if key in plain["model"]}
    plain |= {key: value for key, value in {"examples": 100}.items() if key in plain}
    file = folder / "quick.toml"
    file.write_text(to_toml(type(settings).model_validate(plain)))
    return file


class StopError(Exception):
    """Raised in the middle of a training."""


def stop(line: str) -> None:
    if line.startswith("epoch 1/"):
        raise StopError


@pytest.mark.slow
@pytest.mark.parametrize("example", ["characters", "sine"])  # both loops; anomaly's is the sine's
def test_stopped_and_resumed_it_has_the_bytes_of_one_run(example: str, tmp_path: Path) -> None:
    require_module("tensorflow")
    data = tmp_path / "data"
    data.mkdir()
    make, options = KINDS[example]
    make(data)
    file = recipe_file(example, tmp_path)
    shares: list[float] = []
    whole, parts, run = tmp_path / "whole", tmp_path / "parts", tmp_path / "run"
    train(example, data, whole, recipe_file=file, tick=shares.append, **options)
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert {path.name for path in (whole / "run").iterdir()} == RUN
    assert len(json.loads((whole / "run" / "history.json").read_text())) == 2
    measured = json.loads((whole / "run" / "metrics.json").read_text())
    training = json.loads(read_model(whole / "model.tflite").metadata["fieldwren.training"])
    assert training["data_sha256"] == measured["data_sha256"] and len(training["data_sha256"]) == 64
    again = {"recipe_file": file, "run": run, **options}
    with pytest.raises(StopError):
        train(example, data, parts, progress=stop, **again)
    assert (run / "checkpoint.npz").is_file() and not parts.exists()
    lines: list[str] = []
    train(example, data, parts, progress=lines.append, resume=True, **again)
    assert [line[:9] for line in lines if line.startswith("epoch")] == ["epoch 2/2"]
    assert (whole / "model.tflite").read_bytes() == (parts / "model.tflite").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("example", KINDS)
def test_what_is_over_its_budget_or_has_no_such_option_is_refused(example: str, tmp_path: Path) -> None:
    require_module("tensorflow")
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    make, options = KINDS[example]
    make(data)
    file = recipe_file(example, tmp_path)
    with pytest.raises(BadInputError, match=r"no \w+ model 'ds_cnn': choose one of"):
        train(example, data, out, recipe_file=file, model="ds_cnn", **options)
    with pytest.raises(BadInputError, match="--teacher: only classifiers"):
        train(example, data, out, recipe_file=file, teacher="transformer", **options)
    file.write_text(file.read_text() + "\n[budget]\nparams = 10\n")
    with pytest.raises(OverBudgetError, match="parameters and the budget is 10; the most goes to"):
        train(example, data, out, recipe_file=file, **options)
    assert not out.exists()
