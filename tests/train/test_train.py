"""`train`: one epoch on a handful of examples, to see that every step is there; accuracy is measured elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.features import METADATA_KEY, SensorFrontEnd, from_json
from fieldwren.tflite.reader import read_model
from fieldwren.train import digits, recipe, windowset
from fieldwren.train.augment import Augmentation
from fieldwren.train.clips import Clip
from fieldwren.train.run import TrainResult, train
from fieldwren.train.windows import Sources
from support import require_data, require_module, require_tool


def _quick(example: str, folder: Path, **changes: str) -> Path:
    """The example's recipe with one epoch and next to no data."""
    text = (paths.examples() / example / "train.toml").read_text(encoding="utf-8")
    lines = []
    for line in text.splitlines():
        name = line.split("=")[0].strip()
        lines.append(f"{name} = {changes[name]}" if name in changes else line)
    file = folder / "quick.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def _some_digits(folder: Path) -> Path:
    """Two digits of two speakers, indices 0 (test) and 5 to 7 (training)."""
    source = require_data("audio", "fsdd")
    target = folder / "data"
    target.mkdir()
    for speaker in ("theo", "jackson"):
        for digit in (3, 7):
            for index in (0, 5, 6, 7):
                shutil.copy(source / f"{digit}_{speaker}_{index}.wav", target)
    return target


QUICK_DIGITS = {
    "count": "2",
    "other_words": "2",
    "sentences": "2",
    "spoken_digits": "4",
    "espeak": "1",
    "channels": "8",
    "blocks": "1",
    "epochs": "1",
}


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIELDWREN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.slow
def test_digits_become_an_app_with_a_described_model(tmp_path: Path, own_cache: Path) -> None:
    require_tool("espeak-ng")
    require_module("tensorflow")
    settings = _quick("digits", tmp_path, **QUICK_DIGITS)
    data = _some_digits(tmp_path)
    lines: list[str] = []
    result = train("digits", data, tmp_path / "app", hold_out="theo", recipe_file=settings, progress=lines.append)
    assert isinstance(result, TrainResult)
    assert (result.measured_on, result.test_count) == ("theo", 8)
    assert 0 <= result.int8_accuracy <= 1
    assert any("epoch 1/1" in line for line in lines)
    graph = read_model(tmp_path / "app" / "model.tflite")
    loaded = recipe.load(settings)
    assert isinstance(loaded, recipe.KeywordRecipe)
    assert from_json(graph.metadata[METADATA_KEY]) == digits.front_end_of(loaded)
    labels = json.loads(graph.metadata["fieldwren.labels"])
    assert labels == ["_background", "zero", "one", *labels[3:-1], "nine"]
    assert len(labels) == 11
    assert (tmp_path / "app" / "train.toml").read_bytes() == settings.read_bytes()
    assert (tmp_path / "app" / "fieldwren.toml").is_file()
    assert not list((tmp_path / "app").glob(".*"))


@pytest.mark.slow
def test_presence_from_the_command_line_and_from_python_is_the_same(tmp_path: Path) -> None:
    require_module("tensorflow")
    data = tmp_path / "data"
    data.mkdir()
    rng = np.random.default_rng(0)
    for name in ("monday", "tuesday"):
        rows = ['"date","Temperature","Humidity","Light","CO2","HumidityRatio","Occupancy"']
        for i in range(200):
            occupied = int(i // 50 % 2)
            light = 400 * occupied + rng.normal(0, 20)
            rows.append(f'"{i}","2015-02-04",{rng.normal(21, 1)},{rng.normal(25, 5)},{light},600,0.004,{occupied}')
        (data / f"{name}.txt").write_text("\n".join(rows))
    command = [
        sys.executable,
        "-m",
        "fieldwren",
        "train",
        "presence",
        "--json",
        "--data",
        data,
        "--out",
        tmp_path / "a",
    ]
    run = subprocess.run([*command, "--hold-out", "tuesday"], capture_output=True, text=True, check=True)
    answer = json.loads(run.stdout)
    assert answer["int8_accuracy"] > 0.9
    assert (answer["params"], answer["macs"], answer["test_count"]) == (130, 112, 200)
    here = train("presence", data, tmp_path / "b", hold_out="tuesday")
    assert asdict(here) | {"seconds": 0} == answer | {"seconds": 0}
    models = [(tmp_path / out / "model.tflite").read_bytes() for out in ("a", "b")]
    assert models[0] == models[1]
    train("presence", data, tmp_path / "c", hold_out="tuesday", seed=1)
    assert (tmp_path / "c" / "model.tflite").read_bytes() != models[0]
    front_end = from_json(read_model(tmp_path / "a" / "model.tflite").metadata[METADATA_KEY])
    assert isinstance(front_end, SensorFrontEnd)
    assert front_end.channels[2] == "Light"
    assert 150 < front_end.offset[2] < 250  # of monday alone


def test_a_held_out_speaker_is_in_no_training_window(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_tool("espeak-ng")
    loaded = recipe.load(_quick("digits", tmp_path, **QUICK_DIGITS))
    assert isinstance(loaded, recipe.KeywordRecipe)
    seen: list[Sources] = []
    real = windowset.make

    def spy(*args: object, **kwargs: object) -> windowset.WindowSet:
        sources = args[1]
        assert isinstance(sources, Sources)
        seen.append(sources)
        return real(*args, **kwargs)  # type: ignore[arg-type]  # handed through unchanged

    monkeypatch.setattr(windowset, "make", spy)
    data = digits.load(
        loaded, _some_digits(tmp_path), hold_out="theo", without_classes=["three"], seed=0, progress=lambda line: None
    )
    assert {clip.group for clip in data.held_out} == {"theo"}
    assert {clip.label for clip in data.held_out} == {"seven"}
    assert "three" not in data.labels
    heard = {clip.group for s in seen for part in (s.words, s.others, s.speech) for clip in part}
    assert "jackson" in heard
    assert "theo" not in heard
    for sources in seen:  # windows of one speaker hold no other recorded speaker
        assert len({c.group for c in sources.words if c.corpus == "spoken_digits"}) <= 1


def test_without_hold_out_the_data_sets_own_split_is_measured(tmp_path: Path, own_cache: Path) -> None:
    require_tool("espeak-ng")
    loaded = recipe.load(_quick("digits", tmp_path, **QUICK_DIGITS))
    assert isinstance(loaded, recipe.KeywordRecipe)
    data = digits.load(
        loaded, _some_digits(tmp_path), hold_out=None, without_classes=[], seed=0, progress=lambda line: None
    )
    assert sorted(clip.name for clip in data.held_out) == ["3_jackson_0", "3_theo_0", "7_jackson_0", "7_theo_0"]
    ordinary = (data.words == windowset.NO_WORD) | (data.train.labels > 0)
    assert np.mean(data.train.labels[ordinary] == 0) == pytest.approx(loaded.windows.background_share, abs=0.02)


def test_data_without_test_recordings_ask_for_a_speaker_to_hold_out(tmp_path: Path, own_cache: Path) -> None:
    loaded = recipe.load(_quick("digits", tmp_path, **QUICK_DIGITS))
    assert isinstance(loaded, recipe.KeywordRecipe)
    folder = _some_digits(tmp_path)
    for file in folder.glob("*_0.wav"):
        file.unlink()
    with pytest.raises(BadInputError, match="--hold-out: jackson, theo"):
        digits.load(loaded, folder, hold_out=None, without_classes=[], seed=0, progress=lambda line: None)


def test_window_sets_are_reproducible_and_cached(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    front_end = digits.AudioFrontEnd(coefficient_count=10, normalisation="window-mean")
    rng = np.random.default_rng(0)
    words = [Clip(rng.normal(0, 0.1, 5000).astype(np.float32), label, "ann", label) for label in ("one", "two")]
    options = {"per_clip": 3, "background_share": 0.25, "seed": 0}
    first = windowset.make(front_end, Sources(words, [], []), ["one", "two"], Augmentation(), **options)
    assert first.features.shape == (8, 98, 10)
    assert first.labels.tolist() == [1, 2, 1, 2, 1, 2, 0, 0]
    (stored,) = (own_cache / "windows").iterdir()
    made_again = []
    monkeypatch.setattr(windowset.windows, "compose_word", lambda *a: made_again.append(a))
    cached = windowset.make(front_end, Sources(words, [], []), ["one", "two"], Augmentation(), **options)
    np.testing.assert_array_equal(cached.features, first.features)
    assert not made_again
    monkeypatch.undo()
    monkeypatch.setenv("FIELDWREN_CACHE", str(own_cache))
    stored.unlink()
    again = windowset.make(front_end, Sources(words, [], []), ["one", "two"], Augmentation(), **options)
    np.testing.assert_array_equal(again.features, first.features)
    other = windowset.make(front_end, Sources(words, [], []), ["one", "two"], Augmentation(), **{**options, "seed": 1})
    assert not np.array_equal(other.features, first.features)


def test_what_cannot_be_trained_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="no example 'birds'"):
        train("birds", tmp_path, tmp_path / "out")
    with pytest.raises(MissingToolError, match="not a folder"):
        train("digits", tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(MissingToolError, match="no \\.csv or \\.txt table"):
        train("presence", tmp_path, tmp_path / "out")
    with pytest.raises(MissingToolError, match="DIGIT_SPEAKER_INDEX"):
        train("digits", tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": '"many"'}, "optimise.epochs"),
        ({"kind": '"ds_rnn"'}, "kind is 'ds_rnn'"),
        ({"seed": "0\nspeed_up = 2"}, "speed_up"),
        ({"window_frames": '98\nwindow_shape = "kaiser"'}, "window_shape"),
    ],
)
def test_a_wrong_recipe_names_the_field(tmp_path: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        loaded = recipe.load(_quick("digits", tmp_path, **change))
        assert isinstance(loaded, recipe.KeywordRecipe)
        digits.front_end_of(loaded)
