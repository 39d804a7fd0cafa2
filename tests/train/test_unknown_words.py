"""Two classes for what is no word: silence, and words that are none of the app's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.app_model import load_app_model
from fieldwren.errors import BadInputError
from fieldwren.evaluate.classify import wanted
from fieldwren.train import keyword, recipe, windows, windowset
from fieldwren.train.augment import Augmentation
from fieldwren.train.clips import Clip
from fieldwren.train.run import train
from fieldwren.train.windows import NOISE, Sources
from support import require_module
from train.data.test_words import _lamps, _write


def _recipe() -> recipe.KeywordRecipe:
    """Of lamp_on and lamp_off: stop is a word that is none of them."""
    loaded = recipe.load(paths.templates() / "train" / "keyword" / "train.toml")
    assert isinstance(loaded, recipe.KeywordRecipe)
    plain = loaded.model_dump(mode="json", exclude_none=True)
    plain["voices"]["count"] = 0
    plain["windows"] |= {"recorded": 1, "background_share": 0.5, "silence_and_unknown": True}
    plain["optimise"] |= {"epochs": 1}
    plain["model"] |= {"channels": 8, "blocks": 1}
    return recipe.KeywordRecipe.model_validate(plain | {"words": ["lamp_on", "lamp_off"]})


def _folder(folder: Path) -> Path:
    _lamps(folder)
    _write(folder / NOISE / "rain.wav", 99, 10.0)
    return folder


def test_what_holds_speech_is_told_from_what_holds_none() -> None:
    rng = np.random.default_rng(0)
    loud = rng.normal(0, 0.1, 8000).astype(np.float32)
    word, other, rain = Clip(loud, "lamp", "ann", ""), Clip(loud, "", "bob", ""), Clip(loud, "", "", "", NOISE)

    def share(sources: Sources) -> float:
        made = [windows.compose_background(sources, Augmentation(), np.random.default_rng([1, i])) for i in range(200)]
        assert all(np.abs(pcm).max() > 0 for pcm, spoken in made if spoken)
        return float(np.mean([spoken for _, spoken in made]))

    assert 0.2 < share(Sources([word], [], [])) < 0.3  # pieces of words at the edges: 0.28 of 0.91
    assert 0.2 < share(Sources([word], [], [rain])) < 0.3
    assert 0.65 < share(Sources([word], [other], [other])) < 0.85


def test_classes_and_what_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDWREN_CACHE", str(tmp_path / "cache"))
    settings = _recipe()
    folder = _folder(tmp_path / "data")
    options = {"hold_out": "bob", "without_classes": [], "seed": 0, "progress": lambda line: None}
    data = keyword.load(settings, folder, **options)
    assert data.labels == ["_silence", "_unknown", "lamp_on", "lamp_off"]
    ordinary = (data.words == windowset.NO_WORD) | (data.train.labels >= 2)  # not there for the embedding alone
    assert set(data.train.labels[~ordinary]) == {1} and not data.weights(0.25)[~ordinary].any()
    counts = np.bincount(data.train.labels[ordinary], minlength=4)
    assert counts[2:].tolist() == [12, 12] and counts[:2].sum() == 24 and counts[:2].min() > 3
    assert sorted({clip.label for clip in data.held_out}) == ["_unknown", "lamp_off", "lamp_on"]
    weights = data.weights(0.25)
    assert set(weights[ordinary & (data.train.labels < 2)]) == {0.25} and set(weights[data.train.labels >= 2]) == {1.0}
    together = settings.model_copy(
        update={"windows": settings.windows.model_copy(update={"silence_and_unknown": False})}
    )
    merged = keyword.load(together, folder, **options)
    assert merged.labels == ["_background", "lamp_on", "lamp_off"]
    np.testing.assert_array_equal(merged.train.features, data.train.features)  # only the labels differ
    np.testing.assert_array_equal(merged.train.labels, np.maximum(data.train.labels - 1, 0))


@pytest.mark.slow
def test_the_app_reports_neither_and_counts_other_words_as_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_module("tensorflow")
    monkeypatch.setenv("FIELDWREN_CACHE", str(tmp_path / "cache"))
    file, data, out = tmp_path / "own.toml", _folder(tmp_path / "data"), tmp_path / "app"
    file.write_text(recipe.to_toml(_recipe()))
    result = train("keyword", data, out, hold_out="bob", recipe_file=file)
    assert result.test_count == 9  # three takes of two words, and of the one that is none of them
    model, _ = load_app_model(load_app(out))
    assert model.labels == ("_silence", "_unknown", "lamp_on", "lamp_off")
    assert model.detector is not None and model.detector.background == (True, True, False, False)
    assert wanted(model, np.array(["lamp_on", "stop", "_silence"])).tolist() == [2, 1, 0]
    with pytest.raises(BadInputError, match="crnn answers frame by frame"):
        train("keyword", data, tmp_path / "other", hold_out="bob", recipe_file=file, model="crnn")
