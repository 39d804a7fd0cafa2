"""Folders of words as people make them: names, speakers, official lists, noise, and splits that hold."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.datasets import spoken_words, words_in
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.train import keyword, recipe, synth
from fieldwren.train.data.words import read_words, split_words
from fieldwren.train.digits import KeywordData
from support import require_data


def _write(path: Path, seed: int, seconds: float = 0.5) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(rng.normal(0, 2000, round(16_000 * seconds)).astype("<i2").tobytes())


def _lamps(folder: Path, people: tuple[str, ...] = ("ann", "bob", "cy", "dee", "eve"), takes: int = 3) -> Path:
    seed = 0
    for word in ("lamp_on", "lamp_off", "stop"):
        for person in people:
            for take in range(takes):
                seed += 1
                _write(folder / word / f"{person}_{take}.wav", seed)
    return folder


@pytest.mark.parametrize(
    ("path", "label", "group"),
    [
        ("3_theo_7.wav", "three", "theo"),
        ("lamp_on_ann_7.wav", "lamp_on", "ann"),
        ("yes/0a7c2a8d_nohash_1.wav", "yes", "0a7c2a8d"),
        ("lamp/ann_3.wav", "lamp", "ann"),
        ("lamp/ann-b-3.wav", "lamp", "ann-b"),
        ("lamp/lamp 3.wav", "lamp", ""),
        ("lamp/recording-12.wav", "lamp", ""),
        ("lamp/20240102-1.wav", "lamp", ""),
        ("lamp/x.wav", "lamp", ""),
    ],
)
def test_a_name_says_word_and_speaker(tmp_path: Path, path: str, label: str, group: str) -> None:
    _write(tmp_path / path, 0)
    (word,) = spoken_words(tmp_path)
    assert (word.label, word.group) == (label, group)


def test_eval_reads_the_same_folders(tmp_path: Path) -> None:
    _lamps(tmp_path)
    _write(tmp_path / "evening.wav", 99, seconds=6)
    words = words_in(tmp_path, ["_background", "lamp_on", "lamp_off"])
    assert len(words) == 45
    assert {(word.label, word.group) for word in words if word.path.name == "cy_1.wav"} == {
        ("lamp_on", "cy"),
        ("lamp_off", "cy"),
        ("stop", "cy"),
    }


def test_speakers_stay_on_one_side(tmp_path: Path) -> None:
    recorded = read_words(_lamps(tmp_path))
    split = split_words(recorded, None)
    assert split.measured_on.startswith("1 of 5 speakers")
    held, kept = ({clip.group for clip in side} for side in (split.held, split.kept))
    assert len(held) == 1
    assert not held & kept
    _lamps(tmp_path, ("fay", "gus"))  # more speakers do not bring one from the test into the training
    assert {clip.group for clip in split_words(read_words(tmp_path), None).held} <= {*held, "fay", "gus"}
    chosen = split_words(recorded, "bob")
    assert {clip.group for clip in chosen.held} == {"bob"}
    with pytest.raises(BadInputError, match="ann, bob, cy, dee, eve"):
        split_words(recorded, "zoe")


def test_without_speakers_the_last_recordings_are_kept(tmp_path: Path) -> None:
    for take in range(10):
        _write(tmp_path / "lamp" / f"{take:02}.wav", take)
        _write(tmp_path / "door" / f"{take:02}.wav", 100 + take)
    split = split_words(read_words(tmp_path), None)
    assert sorted(clip.name for clip in split.held) == ["door/08", "door/09", "lamp/08", "lamp/09"]
    assert len(split.kept) == 16
    assert "SPEAKER_N.wav" in split.notes[0]


def test_a_copy_on_the_other_side_is_left_out(tmp_path: Path) -> None:
    _lamps(tmp_path)
    (held,) = {clip.group for clip in split_words(read_words(tmp_path), None).held}
    other = "ann" if held != "ann" else "bob"
    shutil.copy(tmp_path / "stop" / f"{held}_0.wav", tmp_path / "stop" / f"{other}_9.wav")
    split = split_words(read_words(tmp_path), None)
    assert not any(clip.name == f"stop/{other}_9" for clip in split.kept)
    assert any("1 recordings are copies" in note for note in split.notes)


def test_official_lists_decide(tmp_path: Path) -> None:
    for number in range(6):
        for word in ("yes", "no"):
            _write(tmp_path / "v1" / word / f"{number:08x}_nohash_0.wav", number + 50 * (word == "no"))
    _write(tmp_path / "v1" / "yes" / "00000005_nohash_1.wav", 200)  # its speaker is tested, too
    _write(tmp_path / "v1" / "_background_noise_" / "tap.wav", 300, seconds=9)
    (tmp_path / "v1" / "testing_list.txt").write_text("yes/00000005_nohash_0.wav\nno/00000005_nohash_0.wav\n")
    (tmp_path / "v1" / "validation_list.txt").write_text("yes/00000004_nohash_0.wav\n")
    recorded = read_words(tmp_path)
    split = split_words(recorded, None)
    assert {clip.name for clip in split.held} == {"v1/yes/00000005_nohash_0", "v1/no/00000005_nohash_0"}
    names = {clip.name for clip in split.kept}
    assert "v1/yes/00000004_nohash_0" not in names
    assert "v1/no/00000004_nohash_0" in names
    assert not any("00000005" in name for name in names)
    assert split.measured_on == "the official test list"
    assert [round(len(piece.samples) / 16_000) for piece in recorded.noise] == [4, 4]


def test_speech_commands_as_they_come() -> None:
    recorded = read_words(require_data("audio", "speech_commands"))
    assert len(recorded.clips) == 205
    assert recorded.parts is None
    split = split_words(recorded, None)
    assert not {c.group for c in split.kept} & {c.group for c in split.held}


def _recipe(**changes: object) -> recipe.KeywordRecipe:
    loaded = recipe.load(paths.templates() / "train" / "keyword" / "train.toml")
    assert isinstance(loaded, recipe.KeywordRecipe)
    fewer = {
        "voices": loaded.voices.model_copy(update={"count": 0}),
        "windows": loaded.windows.model_copy(update={"recorded": 1}),
    }
    return loaded.model_copy(update={**fewer, **changes})


def test_a_folder_becomes_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDWREN_CACHE", str(tmp_path / "cache"))
    lines: list[str] = []
    folder = _lamps(tmp_path / "data")

    def load(**changes: object) -> KeywordData:
        return keyword.load(
            _recipe(**changes), folder, hold_out="bob", without_classes=["stop"], seed=0, progress=lines.append
        )

    data = load()
    assert data.labels == ["_background", "lamp_off", "lamp_on"]
    assert {clip.group for clip in data.held_out} == {"bob"}
    assert len(data.held_out) == 6
    assert np.bincount(data.train.labels).tolist() == [10 + 48, 12, 12]  # 48 whole other words, for the embedding alone
    weights = data.weights(0.5)
    assert [int(np.sum(weights == value)) for value in (0.0, 0.5, 1.0)] == [48, 10, 24]
    assert load(words=("lamp_on",)).classes == ("lamp_on",)
    with pytest.raises(BadInputError, match="no recordings of lamp; there are lamp_off, lamp_on, stop"):
        load(words=("lamp",))


def test_without_espeak_the_recordings_have_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> tuple[str, str]:
        raise MissingToolError("espeak-ng is not installed")

    monkeypatch.setenv("FIELDWREN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(synth, "espeak", absent)
    lines: list[str] = []
    wanted = _recipe().model_copy(update={"voices": _recipe().voices.model_copy(update={"count": 3})})
    data = keyword.load(
        wanted, _lamps(tmp_path / "data"), hold_out=None, without_classes=[], seed=0, progress=lines.append
    )
    assert len(data.classes) == 3
    assert any("going on with the recordings alone" in line for line in lines)


def test_too_few_recordings_are_named(tmp_path: Path) -> None:
    _lamps(tmp_path)
    _write(tmp_path / "door" / "ann_0.wav", 500)
    with pytest.raises(BadInputError, match="too few recordings of door"):
        keyword.load(_recipe(), tmp_path, hold_out=None, without_classes=[], seed=0, progress=lambda line: None)
    with pytest.raises(MissingToolError, match="one folder a word"):
        read_words(tmp_path / "door" / "none")
