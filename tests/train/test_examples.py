"""The shipped examples: small, described, made by their recipes, and as good as their cards say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.app import load_app
from fieldwren.app_model import AppModel, load_app_model
from fieldwren.evaluate.streams import listen, score
from fieldwren.features import METADATA_KEY, SensorFrontEnd, from_json, row_windows
from fieldwren.plan import Plan
from fieldwren.runtime import Interpreter
from fieldwren.tflite.reader import read_model
from fieldwren.train import clips, digits, recipe, streams, synth, windowset
from fieldwren.train.tables import read_table
from support import require_data, require_tool

ALLOWED = {"CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "FULLY_CONNECTED", "SOFTMAX", "RESHAPE"}


def _load(example: str) -> tuple[AppModel, Plan]:
    return load_app_model(load_app(paths.examples() / example))


def _predict(planned: Plan, features: np.ndarray) -> np.ndarray:
    source = planned.program.inputs[0]
    interpreter = Interpreter(planned)
    rows = np.clip(np.round(features / np.float32(source.scale)) + source.zero_point, -128, 127).astype(np.int8)
    return np.array([int(np.argmax(interpreter.invoke([row.reshape(source.shape)])[0])) for row in rows])


@pytest.mark.parametrize(
    ("example", "labels"),
    [("digits", ["_background", *clips.DIGITS]), ("presence", ["vacant", "occupied"])],
)
def test_model_is_small_and_says_what_it_needs(example: str, labels: list[str]) -> None:
    folder = paths.examples() / example
    graph = read_model(folder / "model.tflite")
    assert (folder / "model.tflite").stat().st_size < 100_000
    assert {op.name for op in graph.subgraphs[0].operators} <= ALLOWED
    assert [op.name for op in graph.subgraphs[0].operators][-2:] == ["FULLY_CONNECTED", "SOFTMAX"]
    assert json.loads(graph.metadata["fieldwren.labels"]) == labels
    training = json.loads(graph.metadata["fieldwren.training"])
    settings = recipe.load(folder / "train.toml")
    assert type(settings).model_validate(training["recipe"]) == settings  # what came later has its default
    front_end = from_json(graph.metadata[METADATA_KEY])
    if isinstance(settings, recipe.KeywordRecipe):
        assert front_end == digits.front_end_of(settings)
    else:
        assert isinstance(front_end, SensorFrontEnd)
        assert front_end.channels == settings.channels


@pytest.mark.parametrize("example", ["digits", "presence"])
def test_card_repeats_the_figures_of_the_model(example: str) -> None:
    folder = paths.examples() / example
    training = json.loads(read_model(folder / "model.tflite").metadata["fieldwren.training"])
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"{100 * training['int8_accuracy']:.1f} %" in card
    for file in sorted((folder / "results").glob("*.json")):
        assert file.name in card
        assert json.loads(file.read_text(encoding="utf-8"))["command"] in card


def test_presence_is_as_accurate_as_its_card_says() -> None:
    app, planned = _load("presence")
    assert isinstance(app.front_end, SensorFrontEnd)
    table = read_table(require_data("presence", "occupancy", "datatest.txt"), app.front_end.channels, "Occupancy")
    made = row_windows(app.front_end, table.rows)
    found = _predict(planned, made.inputs.reshape(len(made.inputs), -1))
    assert np.mean(found == table.labels[made.last_row]) >= 0.975


def test_digits_recognises_recordings_that_training_left_out() -> None:
    app, planned = _load("digits")
    folder = require_data("audio", "fsdd")
    speakers = ("jackson", "nicolas", "theo", "yweweler")
    words = [
        clips.Clip(clips.read_wav(folder / f"{digit}_{speaker}_{index}.wav"), clips.DIGITS[digit], speaker, "")
        for digit in range(10)
        for speaker in speakers
        for index in (0, 1)
    ]
    test = windowset.of_clips(app.front_end, words, clips.DIGITS)  # type: ignore[arg-type]  # digits listens
    assert np.mean(_predict(planned, test.features) == test.labels) >= 0.95


def test_digits_hears_ten_synthesised_digits_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_tool("espeak-ng")
    monkeypatch.setenv("FIELDWREN_CACHE", str(tmp_path))
    app, planned = _load("digits")
    for voice in (synth.Voice("en"), synth.Voice("en-us")):
        words = synth.spoken_words(clips.DIGITS, [voice])
        pcm, said = streams.sequence(words, np.random.default_rng(0))
        result = score(listen(app, planned, pcm), said, 0.0)
        assert (result.missed, result.wrong) == ((), ()), voice.name
