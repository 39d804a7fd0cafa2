"""Synthetic speakers: distinct, seeded, cached, and clear about what went wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fieldwren.errors import MissingToolError
from fieldwren.train import synth, vocabulary
from fieldwren.train.clips import DIGITS, SAMPLE_RATE
from support import require_tool


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIELDWREN_CACHE", str(tmp_path))


def test_voices_are_distinct_seeded_and_partly_accented() -> None:
    drawn = synth.voices(200, 3, accented=0.25)
    assert len({voice.name for voice in drawn}) == 200
    assert drawn == synth.voices(200, 3, accented=0.25)
    assert drawn != synth.voices(200, 4, accented=0.25)
    accented = [voice for voice in drawn if voice.respelled]
    assert 30 <= len(accented) <= 70
    assert all(set(voice.respelled) == set(DIGITS) for voice in accented)
    assert not any(voice.language.startswith("en") for voice in accented)


def test_a_word_is_spoken_once_and_then_taken_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_tool("espeak-ng")
    first = synth.say("seven", synth.Voice("en-gb"))
    assert 0.3 < len(first) / SAMPLE_RATE < 1.0
    monkeypatch.setattr(synth.subprocess, "run", lambda *a, **k: pytest.fail("spoken twice"))
    np.testing.assert_array_equal(first, synth.say("seven", synth.Voice("en-gb")))
    assert len(list((tmp_path / "espeak").iterdir())) == 1


def test_every_accent_can_be_spoken() -> None:
    require_tool("espeak-ng")
    for language, spelling in synth.ACCENTS.items():
        voice = synth.Voice(language, "m3", respelled=dict(zip(DIGITS, spelling, strict=True)))
        (clip,) = synth.spoken_words(["seven"], [voice])
        assert (clip.label, clip.group) == ("seven", voice.name)
        assert 0.15 < len(clip.samples) / SAMPLE_RATE < 1.2, language


def test_an_unknown_voice_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    require_tool("espeak-ng")
    with pytest.raises(MissingToolError, match="xx-none"):
        synth.say("seven", synth.Voice("xx-none"))
    assert not list((tmp_path / "espeak").iterdir())


def test_missing_espeak_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    synth.espeak.cache_clear()
    monkeypatch.setenv("PATH", "")
    try:
        with pytest.raises(MissingToolError, match="espeak-ng is not installed"):
            synth.say("seven", synth.Voice("en-gb"))
    finally:
        synth.espeak.cache_clear()


def test_background_words_hold_no_digit_and_training_and_test_share_none() -> None:
    train, test = vocabulary.training_words(), vocabulary.test_words()
    assert not set(train) & set(test)
    assert len(train) > 250
    assert {"swan", "heaven"} <= set(train)
    assert len(test) > 50
    forbidden = {*DIGITS, "for", "fore", "to", "too", "won", "ate", "tu", "oh", "nein", "sics", "someone", "often"}
    assert not forbidden & {*train, *test}
    text = vocabulary.sentence(train, np.random.default_rng(0))
    assert 5 <= len(text.split()) <= 12
    assert set(text.split()) <= set(train)
