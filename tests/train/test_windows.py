"""Labelled windows: a word (almost) whole under its label, less than half of it under the background."""

from __future__ import annotations

import numpy as np
import pytest

from fieldwren.train import windows
from fieldwren.train.augment import Augmentation
from fieldwren.train.clips import Clip
from fieldwren.train.windows import Sources

PLAIN = Augmentation(speed=0.0, tempo=0.0, gain_db=(0.0, 0.0), clean_share=1.0)


def _word(hz: float, label: str, samples: int = 6400) -> Clip:
    tone = np.sin(2 * np.pi * hz * np.arange(samples) / 16000).astype(np.float32)
    return Clip(0.3 * tone, label, "ann", label)


def _length_of(pcm: np.ndarray, hz: float) -> float:
    """Samples of a tone of amplitude 0.5 at `hz`, from the power in its band."""
    spectrum = np.fft.rfft(pcm / 32768)
    frequency = np.fft.rfftfreq(len(pcm), 1 / 16000)
    band = np.abs(frequency - hz) < 60
    return float(2 * np.sum(np.square(np.abs(spectrum[band]))) / len(pcm) / (0.5**2 / 2))


ONE, TWO = _word(1000, "one"), _word(2500, "two")
ALONE = Sources([ONE], [], [])
NEIGHBOURS = Sources([TWO], [], [])


def test_the_measure_finds_a_whole_word() -> None:
    pcm = windows.centred(ONE, np.random.default_rng(0))
    assert _length_of(pcm, 1000) == pytest.approx(6400, rel=0.05)


def test_a_labelled_word_is_inside_and_its_neighbours_are_not() -> None:
    starts = set()
    beside = 0
    for i in range(300):
        pcm = windows.compose_word(ONE, NEIGHBOURS, PLAIN, np.random.default_rng([1, i]))
        assert pcm.shape == (16000,)
        assert pcm.dtype == np.int16
        assert _length_of(pcm, 1000) > 0.88 * 6400
        neighbour = _length_of(pcm, 2500)
        assert neighbour < 2 * (windows.VISIBLE_AS_BACKGROUND + 0.05) * 6400 * 2  # one on each side, up to +3 dB
        beside += neighbour > 300
        starts.add(int(np.argmax(np.abs(pcm) > 3000)) // 1600)
    assert 60 < beside < 250
    assert len(starts) >= 6


def test_background_never_holds_most_of_a_word() -> None:
    longest = 0.0
    for i in range(400):
        pcm = windows.compose_background(ALONE, PLAIN, np.random.default_rng([2, i]))[0].astype(np.float64)
        spectrum = np.abs(np.fft.rfft(pcm))
        if spectrum.argmax() in range(980, 1020):  # the word, not noise or beeps
            # Runs of the window in which the word is heard, in samples.
            heard = np.convolve(np.abs(pcm) > 2000, np.ones(32), "same") > 0
            edges = np.flatnonzero(np.diff(np.concatenate([[0], heard.astype(int), [0]])))
            longest = max(longest, float(np.max(edges[1::2] - edges[::2])))
    assert 0.3 * 6400 < longest <= windows.VISIBLE_AS_BACKGROUND * 6400 + 64


def test_background_has_all_its_kinds() -> None:
    sources = Sources([ONE], [TWO], [_word(1700, "", 48000)])
    loudest = []
    for i in range(300):
        pcm, _ = windows.compose_background(sources, PLAIN, np.random.default_rng([3, i]))
        loudest.append(int(np.abs(np.fft.rfft(pcm / 32768)).argmax()) // 20)
    for hz in (1000, 2500, 1700):
        assert any(abs(bin_ - hz // 20) <= 1 for bin_ in loudest), hz
    assert len(set(loudest)) > 10  # noise and other sounds


def test_windows_depend_on_the_seed_alone() -> None:
    for compose in (
        lambda rng: windows.compose_word(ONE, NEIGHBOURS, Augmentation(), rng),
        lambda rng: windows.compose_background(ALONE, Augmentation(), rng)[0],
    ):
        first = [compose(np.random.default_rng([4, i])) for i in range(10)]
        again = [compose(np.random.default_rng([4, i])) for i in range(10)]
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first[0], compose(np.random.default_rng([5, 0])))


def test_a_word_longer_than_the_window_keeps_its_loudest_part() -> None:
    samples = np.concatenate([np.full(20000, 0.01, np.float32), _word(1000, "one").samples])
    pcm = windows.centred(Clip(samples, "one", "ann", "one"), np.random.default_rng(0))
    assert _length_of(pcm, 1000) > 0.95 * 6400
