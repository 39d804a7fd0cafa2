"""Augmentation changes what it says, by how much it says, and only by the seed."""

from __future__ import annotations

import numpy as np
import pytest

from fieldwren.train import augment
from fieldwren.train.augment import Augmentation

RATE = 16_000


def _sine(hz: float, seconds: float = 0.6) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(RATE * seconds)) / RATE)).astype(np.float32)


def _loudest_hz(samples: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * RATE / len(samples))


@pytest.mark.parametrize("rate", [0.7, 1.0, 1.3])
def test_tempo_changes_length_and_keeps_pitch(rate: float) -> None:
    changed = augment.tempo(_sine(440), rate)
    assert len(changed) == round(9600 / rate)
    assert abs(_loudest_hz(changed) - 440) < 5
    assert np.std(changed[1000:-1000]) == pytest.approx(np.std(_sine(440)), rel=0.03)


def test_speed_changes_pitch_and_length_together() -> None:
    ranges = Augmentation(speed=0.16, tempo=0.0)
    rng = np.random.default_rng(0)
    for _ in range(5):
        changed = augment.vary_word(_sine(500), ranges, rng)
        assert _loudest_hz(changed) / 500 == pytest.approx(9600 / len(changed), rel=0.02)
        assert 1 / 1.17 < len(changed) / 9600 < 1 / 0.83


@pytest.mark.parametrize("kind", augment.NOISE_KINDS)
def test_noise_has_unit_power_and_its_own_colour(kind: str) -> None:
    made = augment.noise(RATE, np.random.default_rng(3), kind)
    assert np.sqrt(np.mean(np.square(made))) == pytest.approx(1.0, rel=1e-3)
    power = np.square(np.abs(np.fft.rfft(made)))
    low_share = power[:500].sum() / power.sum()
    assert (low_share < 0.1) == (kind == "white")


def test_noise_is_added_at_the_wanted_distance() -> None:
    ranges = Augmentation(snr_db=(20.0, 20.0), clean_share=0.0)
    noisy = augment.add_noise(np.zeros(RATE, np.float32), 0.1, ranges, np.random.default_rng(1))
    assert np.sqrt(np.mean(np.square(noisy))) == pytest.approx(0.01, rel=1e-3)
    clean = Augmentation(clean_share=1.0)
    assert not augment.add_noise(np.zeros(RATE, np.float32), 0.1, clean, np.random.default_rng(1)).any()


def test_the_same_seed_gives_the_same_samples() -> None:
    def once(seed: int) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        word = augment.vary_word(_sine(300), Augmentation(), rng)
        return [
            word,
            augment.noise(500, rng),
            augment.tones(RATE, rng),
            augment.add_noise(word, 0.1, Augmentation(), rng),
        ]

    for a, b in zip(once(5), once(5), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(once(5)[1], once(6)[1])


def test_pcm_rounds_and_clips() -> None:
    pcm = augment.to_pcm(np.array([0.0, 1.4 / 32768, 1.0, 3.0, -2.0], np.float32))
    assert pcm.dtype == np.int16
    assert pcm.tolist() == [0, 1, 32767, 32767, -32768]


def test_changing_noise_changes_within_the_window() -> None:
    ratios = []
    for seed in range(40):
        made = augment.changing_noise(RATE, np.random.default_rng(seed))
        assert np.max(np.abs(made)) <= 2.0
        levels = np.sqrt(np.mean(np.square(made.reshape(20, -1)), axis=1)) + 1e-5
        ratios.append(levels.max() / levels.min())
    assert np.median(ratios) > 3
    assert min(ratios) < max(ratios)


def test_tones_are_sounds_of_limited_level() -> None:
    made = [augment.tones(RATE, np.random.default_rng(seed)) for seed in range(30)]
    assert all(0.02 < np.max(np.abs(wave)) < 6 for wave in made)
    assert len({int(np.abs(np.fft.rfft(wave)).argmax()) for wave in made}) > 20
