"""Manifests of microWakeWord, as ESPHome takes them, become apps; what is wrong with one is said in a sentence."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from fieldwren.app import load_app
from fieldwren.app_model import AppModel, load_app_model
from fieldwren.cli import frame
from fieldwren.errors import BadInputError
from fieldwren.features import MicroFrontEnd
from fieldwren.features.extract import extract
from fieldwren.micro_wake_word import read_manifest
from fieldwren.new import new_from_manifest

V2: dict[str, Any] = {
    "type": "micro",
    "wake_word": "Okay Nabu",
    "author": "A. Author",
    "website": "https://example.org/",
    "model": "models/nabu.tflite",
    "trained_languages": ["en", "de"],
    "version": 2,
    "micro": {
        "probability_cutoff": 0.97,
        "feature_step_size": 10,
        "sliding_window_size": 5,
        "tensor_arena_size": 22860,
        "minimum_esphome_version": "2024.7.0",
    },
}
V1 = {key: value for key, value in V2.items() if key != "trained_languages"} | {
    "version": 1,
    "micro": {"probability_cutoff": 0.4, "sliding_window_average_size": 10},
}


@pytest.fixture
def source(shared_data: Path, tmp_path: Path) -> Path:
    """A folder with the model; `write` puts the manifest beside it."""
    (tmp_path / "source" / "models").mkdir(parents=True)
    shutil.copy(shared_data / "models" / "mww_v2_okay_nabu.tflite", tmp_path / "source" / "models" / "nabu.tflite")
    return tmp_path / "source"


def write(folder: Path, manifest: Any) -> Path:
    path = folder / "hey.json"
    path.write_text(json.dumps(manifest))
    return path


def changed(**fields: Any) -> dict[str, Any]:
    """The manifest with some fields replaced, in it or in its table `micro`; None leaves a field out."""
    table = {key: fields.get(key, value) for key, value in V2.items()}
    table["micro"] = {key: fields.get(key, value) for key, value in V2["micro"].items()}
    for part in (table, table["micro"]):
        for key in [key for key, value in part.items() if value is None]:
            del part[key]
    return table


def loaded(folder: Path) -> AppModel:
    return load_app_model(load_app(folder))[0]


def test_version_2(source: Path, tmp_path: Path) -> None:
    made = new_from_manifest(tmp_path / "hey", write(source, V2))
    assert (made.name, made.kind, made.wake_word) == ("hey", "keyword", "Okay Nabu")
    assert made.files == ("README.md", "fieldwren.toml", "model.tflite")
    assert made.manifest_arena_bytes == 22860
    planned = load_app_model(load_app(tmp_path / "hey"))[1]
    assert made.arena_bytes == planned.arena_bytes + planned.state_bytes < 22860
    assert (tmp_path / "hey" / "model.tflite").read_bytes() == (source / "models" / "nabu.tflite").read_bytes()
    model = loaded(tmp_path / "hey")
    assert model.front_end == MicroFrontEnd(variant="microfrontend", hop_samples=160, window_frames=3)
    assert (model.labels, model.stride_ms) == (("Okay Nabu",), 30.0)
    assert model.detector is not None
    assert (model.detector.mode, model.detector.smoothing, model.detector.minimum_count) == ("events", 5, 5)
    assert model.detector.thresholds == (0.97,)
    readme = (tmp_path / "hey" / "README.md").read_text()
    for said in ("Okay Nabu", "A. Author", "https://example.org/", "en, de", "2024.7.0", "22860 bytes"):
        assert said in readme


def test_version_1_counts_in_steps_of_20_ms(source: Path, tmp_path: Path) -> None:
    made = new_from_manifest(tmp_path / "hey", write(source, V1))
    model = loaded(tmp_path / "hey")
    assert made.manifest_arena_bytes is None
    assert model.front_end == MicroFrontEnd(variant="microfrontend", hop_samples=320, window_frames=3)
    assert model.stride_ms == 60.0
    assert model.detector is not None
    assert (model.detector.smoothing, model.detector.thresholds) == (10, (0.4,))
    assert "in ESPHome" not in (tmp_path / "hey" / "README.md").read_text()


def test_names_are_kept_letter_by_letter(source: Path, tmp_path: Path) -> None:
    word = 'Größe "\\" 🐦 | #'
    manifest = write(source, changed(wake_word=word, author=None, website=None, trained_languages=None))
    assert new_from_manifest(tmp_path / "hey", manifest).wake_word == word
    table = tomllib.loads((tmp_path / "hey" / "fieldwren.toml").read_text(encoding="utf-8"))
    assert table["labels"] == [word]
    assert "| author |" not in (tmp_path / "hey" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ([V2], "must hold one JSON object"),
        (changed(version=None), "version: is missing"),
        (changed(version=3), "version: is 3, and the manifests of microWakeWord have 1 or 2"),
        (changed(version=True), "version: is true"),
        (changed(type="macro"), "type: is 'macro'"),
        (changed(wake_word=None), "wake_word: is missing"),
        (changed(wake_word="a\nb"), "wake_word: is 'a\\nb', and must be one line"),
        (changed(wake_word=""), "wake_word: is ''"),
        (changed(probability_cutoff=None), "micro.probability_cutoff: is missing"),
        (changed(probability_cutoff=97), "micro.probability_cutoff: is 97, and should be less than or equal to 1"),
        (changed(sliding_window_size=0), "micro.sliding_window_size: is 0, and should be greater"),
        (changed(sliding_window_size="5"), "micro.sliding_window_size: is '5', and should be a valid integer"),
        (changed(feature_step_size=None), "micro.feature_step_size: is missing"),
        (changed(feature_step_size=0), "micro.feature_step_size: is 0"),
        (V2 | {"micro": V1["micro"]}, "micro.feature_step_size: is missing"),
        (V1 | {"micro": V2["micro"]}, "micro.sliding_window_average_size: is missing"),
        (changed(model="nabu.tflite"), "model: there is no file"),
        (changed(model="models"), "model: there is no file"),
        (changed(model="https://example.org/nabu.tflite"), "is not a file: download it"),
    ],
)
def test_what_is_wrong_with_a_manifest(source: Path, manifest: Any, sentence: str) -> None:
    path = write(source, manifest)
    with pytest.raises(BadInputError) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert sentence in str(caught.value)


def test_files_that_are_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="there is no such file"):
        read_manifest(tmp_path / "hey.json")
    (tmp_path / "hey.json").write_bytes(b"{\xff")
    with pytest.raises(BadInputError, match="is not JSON"):
        read_manifest(tmp_path / "hey.json")
    with pytest.raises(BadInputError, match="cannot be read"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("mlperf_kws_dscnn", "the front end gives frames of 40"),
        ("tflm_micro_speech", r"its outputs are \[1, 4\], and a wake word has one probability"),
        ("mlperf_strww", "the micro front end's int8 form"),
    ],
)
def test_models_of_somebody_else(source: Path, shared_data: Path, tmp_path: Path, model: str, sentence: str) -> None:
    shutil.copy(shared_data / "models" / f"{model}.tflite", source / "models" / "other.tflite")
    before = sorted(tmp_path.rglob("*"))
    manifest = write(source, changed(model="models/other.tflite"))
    with pytest.raises(BadInputError, match=sentence):
        new_from_manifest(tmp_path / "hey", manifest)
    assert sorted(tmp_path.rglob("*")) == sorted([*before, manifest])


def test_an_app_says_its_features_front_end(source: Path, shared_data: Path, tmp_path: Path) -> None:
    new_from_manifest(tmp_path / "hey", write(source, V2))
    windows = extract(tmp_path / "hey", shared_data / "audio" / "clips" / "yes_1000ms.wav")
    assert (windows.shape, windows.dtype.name) == ((33, 3, 40), "int8")


def test_the_verb(source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    manifest, folder = write(source, changed(tensor_arena_size=100)), tmp_path / "hey"
    assert frame.run(["new", str(folder), "--from", str(manifest), "--json"]) == 0
    said = json.loads(capfd.readouterr().out)
    assert said["wake_word"] == "Okay Nabu"
    assert said["manifest_arena_bytes"] == 100 < said["arena_bytes"]
    assert frame.run(["new", str(folder), "--from", str(manifest)]) == 2
    assert "exists already" in capfd.readouterr().err
    shutil.rmtree(folder)
    assert frame.run(["new", str(folder), "--from", str(manifest)]) == 0
    assert "tensor_arena_size is too small" in capfd.readouterr().out
    for arguments in ([], ["--from", str(manifest), "--kind", "keyword"]):
        assert frame.run(["new", str(tmp_path / "other"), *arguments]) == 2
        assert "Give either --kind or --from" in capfd.readouterr().err
