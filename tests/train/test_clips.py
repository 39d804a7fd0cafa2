"""Loading and splitting recordings: band, rate, labels, and nobody on both sides of a split."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.train import clips
from fieldwren.train.clips import Clip


def _sine(hz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * hz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def _write(path: Path, samples: np.ndarray, rate: int, channels: int = 1, width: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def _loudest_hz(samples: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * clips.SAMPLE_RATE / len(samples))


def _clip(label: str, group: str, corpus: str = "a") -> Clip:
    return Clip(np.ones(10, np.float32), label, group, f"{label}_{group}", corpus)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
def test_every_rate_becomes_16_khz(tmp_path: Path, rate: int) -> None:
    _write(tmp_path / "x.wav", _sine(1000, rate), rate)
    samples = clips.read_wav(tmp_path / "x.wav")
    assert samples.dtype == np.float32
    assert abs(len(samples) - 8000) <= 1
    assert abs(_loudest_hz(samples) - 1000) <= 2
    middle = samples[1000:7000]
    assert np.max(np.abs(middle)) == pytest.approx(0.4, rel=0.02)


def test_nothing_above_the_band_and_no_dc_is_left(tmp_path: Path) -> None:
    _write(tmp_path / "x.wav", _sine(500, 16000) + _sine(6000, 16000) + 0.1, 16000)
    spectrum = np.abs(np.fft.rfft(clips.read_wav(tmp_path / "x.wav"))) / 4000
    frequency = np.fft.rfftfreq(8000, 1 / 16000)
    assert spectrum[np.argmin(np.abs(frequency - 500))] == pytest.approx(0.4, rel=0.02)
    assert spectrum[frequency > 4200].max() < 0.004
    assert spectrum[0] < 0.001


@pytest.mark.parametrize(
    ("channels", "samples", "message"),
    [(2, 8000, "2 channels that differ"), (1, 20, "less than 10 ms")],
)
def test_unusable_files_are_named(tmp_path: Path, channels: int, samples: int, message: str) -> None:
    _write(tmp_path / "x.wav", np.arange(samples) / 32768, 16000, channels)
    with pytest.raises(BadInputError, match=message) as error:
        clips.read_wav(tmp_path / "x.wav")
    assert "x.wav" in str(error.value)


def test_a_file_that_is_no_wav_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_bytes(b"no sound at all")
    with pytest.raises(BadInputError, match=r"x\.wav: is not a WAV file"):
        clips.read_wav(tmp_path / "x.wav")


def test_digit_and_speaker_come_from_the_file_name(tmp_path: Path) -> None:
    for name in ("7_ann_0", "0_bob_12"):
        _write(tmp_path / "recordings" / f"{name}.wav", _sine(300, 8000), 8000)
    loaded = clips.load_spoken_digits(tmp_path)
    assert [(c.label, c.group, c.name) for c in loaded] == [("zero", "bob", "0_bob_12"), ("seven", "ann", "7_ann_0")]
    with pytest.raises(MissingToolError, match="DIGIT_SPEAKER_INDEX"):
        clips.load_spoken_digits(tmp_path / "nothing")
    _write(tmp_path / "5_carl_last.wav", _sine(300, 8000), 8000)
    with pytest.raises(BadInputError, match=r"5_carl_last\.wav: is not named"):
        clips.load_spoken_digits(tmp_path)


def test_speech_commands_take_word_and_speaker_and_lose_their_silence(tmp_path: Path) -> None:
    word = np.concatenate([np.zeros(6000, np.float32), _sine(300, 16000, 0.25), np.zeros(6000, np.float32)])
    _write(tmp_path / "left" / "abc_nohash_0.wav", word, 16000)
    _write(tmp_path / "_background_noise_" / "abc_nohash_1.wav", word, 16000)
    (clip,) = clips.load_speech_commands(tmp_path)
    assert (clip.label, clip.group, clip.corpus) == ("left", "abc", clips.SPEECH_COMMANDS)
    assert 4000 <= len(clip.samples) <= 4000 + 2 * 320 + 320


def test_holding_out_a_speaker_or_a_corpus_leaves_nobody_on_both_sides() -> None:
    data = [
        _clip("one", "ann"),
        _clip("two", "ann"),
        _clip("one", "bob"),
        _clip("one", "carl", "b"),
        _clip("left", "bob", "b"),
    ]
    for name, held_groups in (("ann", {"ann"}), ("b", {"bob", "carl"})):
        kept, held = clips.hold_out(data, name)
        assert {c.group for c in held} == held_groups
        assert not {c.group for c in kept} & held_groups
        assert len(kept) + len(held) == len(data)
    with pytest.raises(BadInputError, match="ann, bob, carl"):
        clips.hold_out(data, "dora")
    with pytest.raises(BadInputError):
        clips.hold_out(data[:2], "ann")


def test_real_digits_are_2000_words_of_four_speakers(shared_data: Path) -> None:
    names = sorted((shared_data / "audio" / "fsdd").glob("7_theo_*.wav"))
    assert len(names) == 50
    samples = clips.read_wav(names[0])
    assert 0.1 < len(samples) / clips.SAMPLE_RATE < 2.5
