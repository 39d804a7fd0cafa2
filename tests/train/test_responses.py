"""Impulse responses against what physics and SciPy say of them, and feature changes against their definitions."""

from __future__ import annotations

import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.signal

from fieldwren.errors import MissingToolError
from fieldwren.train import augment, responses, vary
from fieldwren.train.augment import Augmentation

RATE = 16_000


def test_a_response_is_a_convolution() -> None:
    rng = np.random.default_rng(0)
    samples, response = rng.normal(0, 1, 3000).astype(np.float32), rng.normal(0, 1, 700).astype(np.float32)
    expected = scipy.signal.fftconvolve(samples.astype(np.float64), response)[:3000]
    np.testing.assert_allclose(responses.apply(samples, response), expected, atol=1e-4)


def test_minimum_phase_keeps_the_magnitude_and_the_zeros_inside() -> None:
    poles, zeros = [0.6, 0.3 + 0.4j, 0.3 - 0.4j], [0.8, -0.5 + 0.6j, -0.5 - 0.6j]
    _, transfer = scipy.signal.freqz_zpk(zeros, poles, 1.0, worN=np.linspace(0, np.pi, 513))
    made = responses.minimum_phase(np.abs(transfer))
    # The filter is minimum phase itself, so its own impulse response must come back.
    expected = scipy.signal.lfilter(*scipy.signal.zpk2tf(zeros, poles, 1.0), np.eye(1, 1024)[0])
    np.testing.assert_allclose(made, expected, atol=1e-4)


def test_microphones_differ_and_let_speech_through() -> None:
    bank = responses.microphones()
    gains = np.array([np.abs(np.fft.rfft(response, 4096)) for response in bank])
    frequency = np.fft.rfftfreq(4096, 1 / RATE)
    speech = (frequency >= 300) & (frequency <= 3400)
    np.testing.assert_allclose(np.sqrt(np.mean(gains[:, speech] ** 2, axis=1)), 1, rtol=1e-3)
    at_300, at_3000 = gains[:, np.argmin(np.abs(frequency - 300))], gains[:, np.argmin(np.abs(frequency - 3000))]
    assert np.std(20 * np.log10(at_300 / at_3000)) > 3
    again = responses.microphone(np.random.default_rng([0, 0x6D6963, 3]))
    np.testing.assert_array_equal(again, bank[3])


def test_first_echoes_are_where_mirrors_put_them() -> None:
    size, source, listener = np.array([5.0, 4.0, 3.0]), np.array([1.0, 1.0, 1.0]), np.array([4.0, 2.0, 1.5])
    made = responses.images(size, source, listener, 0.5)
    assert made[0] == 1.0
    direct = np.linalg.norm(source - listener)
    for axis in range(3):
        for wall in (0.0, size[axis]):
            mirror = source.copy()
            mirror[axis] = 2 * wall - source[axis]
            far = np.linalg.norm(mirror - listener)
            place = round((far - direct) / responses.SOUND_M_PER_S * RATE)
            assert made[place] >= 0.5 * direct / far - 1e-6


def test_all_echoes_are_those_of_mirrored_mirrors() -> None:
    size, source, listener = np.array([4.1, 4.7, 3.9]), np.array([1.1, 1.3, 1.2]), np.array([2.9, 3.1, 2.0])
    bounces = {tuple(np.round(source, 9)): 0}
    newest = [source]
    for order in range(1, 7):  # mirror everything at every wall, again and again
        found = []
        for place in newest:
            for axis in range(3):
                for wall in (0.0, size[axis]):
                    mirror = place.copy()
                    mirror[axis] = 2 * wall - place[axis]
                    key = tuple(np.round(mirror, 9))
                    if key not in bounces:
                        found.append(mirror)
                        bounces[key] = order
        newest = found
    complete = min(np.linalg.norm(np.array(p) - listener) for p, order in bounces.items() if order == 6)
    direct = np.linalg.norm(source - listener)
    expected = np.zeros(4000)
    for place, order in bounces.items():
        far = np.linalg.norm(np.array(place) - listener)
        if far < complete:
            expected[round((far - direct) / responses.SOUND_M_PER_S * RATE)] += 0.7**order * direct / far
    last = int((complete - direct) / responses.SOUND_M_PER_S * RATE) - 1
    made = responses.images(size, source, listener, 0.7)[:last]
    assert np.count_nonzero(expected[:last]) > 50
    np.testing.assert_allclose(made, expected[:last], atol=1e-5)


def test_measured_responses_come_from_a_folder(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError, match="impulse responses"):
        responses.measured(tmp_path)
    pcm = np.zeros(4000, "<i2")
    pcm[1000], pcm[1400] = 20_000, 8_000
    (tmp_path / "hall").mkdir()
    with wave.open(str(tmp_path / "hall" / "a.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(pcm.tobytes())
    (made,) = responses.measured(tmp_path / "hall")
    assert int(np.argmax(made)) <= 16
    assert made[np.argmax(made) + 400] / made.max() == pytest.approx(0.4, rel=1e-3)


def test_paths_are_off_by_default_and_seeded() -> None:
    window = np.random.default_rng(1).normal(0, 0.1, RATE).astype(np.float32)
    off, on = Augmentation(), Augmentation(microphones=1.0, rooms=1.0)
    rng = np.random.default_rng(2)
    assert augment.through_a_microphone(augment.in_a_room(window, off, rng), off, rng) is window
    assert rng.integers(1 << 30) == np.random.default_rng(2).integers(1 << 30)  # nothing was drawn
    assert off.key == (0.16, 0.3, (5.0, 40.0), (-40.0, 6.0), 0.15)
    assert replace(off, microphones=0.5).key != off.key
    first, second = (
        augment.through_a_microphone(augment.in_a_room(window, on, g), on, g)
        for g in (np.random.default_rng(3), np.random.default_rng(3))
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - window).max() > 0.01


def test_masks_are_spans_of_the_mean() -> None:
    batch = np.random.default_rng(4).normal(5, 1, (40, 30, 10, 1)).astype(np.float32)
    made = vary.Variation(spec_augment=1.0)(batch, np.random.default_rng(5))
    changed = np.any(made != batch, axis=(1, 2, 3))
    assert 30 <= changed.sum() <= 40
    for before, after in zip(batch, made, strict=True):
        masked = (after != before)[..., 0]
        rows, columns = np.flatnonzero(masked.all(axis=1)), np.flatnonzero(masked.all(axis=0))
        assert len(rows) <= round(0.15 * 30)
        assert len(columns) <= 2
        for places in (rows, columns):
            assert not len(places) or np.array_equal(places, np.arange(places[0], places[-1] + 1))
    np.testing.assert_array_equal(vary.Variation(spec_augment=1.0)(batch, np.random.default_rng(5)), made)


def test_freq_mixstyle_gives_bands_another_level_and_spread() -> None:
    rng = np.random.default_rng(6)
    colour = rng.normal(0, 4, (2, 1, 10, 1))
    batch = (rng.normal(0, 1, (2, 500, 10, 1)) + colour).astype(np.float32)
    mixed = vary.freq_mixstyle(batch, 1.0, 0.4, np.random.default_rng(9))
    for one, other, now in ((batch[0], batch[1], mixed[0]), (batch[1], batch[0], mixed[1])):
        low, high = np.minimum(one.mean(0), other.mean(0)), np.maximum(one.mean(0), other.mean(0))
        assert (now.mean(0) > low - 1e-3).all()
        assert (now.mean(0) < high + 1e-3).all()
        # What is said, the course over time, stays.
        likeness = [np.corrcoef(one[:, band, 0], now[:, band, 0])[0, 1] for band in range(10)]
        assert min(likeness) > 0.999
    np.testing.assert_array_equal(vary.freq_mixstyle(batch, 0.0, 0.4, rng), vary.freq_mixstyle(batch, 0.0, 0.1, rng))
