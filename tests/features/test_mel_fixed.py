"""The integer log-mel front end against the float one.

The bound: natural logarithms of magnitudes differ by at most 0.002, plus half a step of the 16-bit values, plus what an
error 120 dB below a sine of the frame's largest sample makes of a band: nothing in speech or noise, something only where
a pure tone leaves other bands nearly empty (the float front end's own rounding is as large there).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from features.signals import HARSH, VARIANTS, harsh, speech_like
from fieldwren.errors import BadInputError
from fieldwren.features import PRESETS, AudioFrontEnd, AudioStream, frames
from fieldwren.features.tables import front_end_data, mel

Pcm = npt.NDArray[np.int16]

BOUND = 0.002
FLOOR = 1e-6
"""120 dB below the sine."""
MAGNITUDES = [name for name, p in VARIANTS.items() if not p.coefficient_count]
COEFFICIENTS = [name for name, p in VARIANTS.items() if p.coefficient_count]


def fixed(p: AudioFrontEnd) -> AudioFrontEnd:
    return dataclasses.replace(p, arithmetic="fixed")


def sine_magnitudes(p: AudioFrontEnd, pcm: Pcm) -> npt.NDArray[np.float64]:
    """Magnitude of a sine that is as large as the largest sample of each frame."""
    starts = range(0, len(pcm) - p.window_samples + 1, p.hop_samples)
    largest = np.array([np.abs(pcm[s : s + p.window_samples].astype(int)).max() for s in starts]) / 32768.0
    return np.asarray(largest * mel.window(p.window_shape, p.window_samples, p.window_periodic).sum() / 2.0)


def band_magnitudes(p: AudioFrontEnd, pcm: Pcm) -> npt.NDArray[np.float64]:
    """Mel magnitudes or powers (as magnitudes) of each frame by the float front end."""
    plain = dataclasses.replace(
        p, log="natural", output_scale=1.0, output_offset=0.0, clip=None, coefficient_count=0, energy_scale=1.0
    )
    energy = np.exp(frames(dataclasses.replace(plain, energy_floor=1e-30, energy_offset=0.0), pcm).astype(np.float64))
    return np.asarray(energy if p.spectrum == "magnitude" else np.sqrt(energy))


def tolerances(p: AudioFrontEnd, pcm: Pcm) -> npt.NDArray[np.float64]:
    sines = sine_magnitudes(p, pcm)[:, np.newaxis]
    nepers = (BOUND + FLOOR * sines / band_magnitudes(p, pcm)) * (2.0 if p.spectrum == "power" else 1.0)
    return nepers * p.output_scale * (10.0 / np.log(10.0) if p.log == "decibel" else 1.0)


def step(p: AudioFrontEnd) -> float:
    return front_end_data(fixed(p)).frame_unit


@pytest.mark.parametrize("name", MAGNITUDES)
def test_follows_the_float_front_end(name: str) -> None:
    p = VARIANTS[name]
    for pcm in [speech_like(p.window_samples + 20 * p.hop_samples), *(harsh(kind, 1) for kind in HARSH)]:
        difference = np.abs(frames(fixed(p), pcm) - frames(p, pcm))
        assert (difference <= tolerances(p, pcm) + 0.5 * step(p) + 1e-4).all(), difference.max()


@pytest.mark.parametrize("name", MAGNITUDES)
def test_speech_stays_within_a_step(name: str) -> None:
    """For anything but pure tones the difference is that of 16-bit values and of two short tables."""
    p = VARIANTS[name]
    difference = np.abs(frames(fixed(p), speech_like(8000)) - frames(p, speech_like(8000)))
    assert difference.max() < 0.002 * p.output_scale * (4.35 if p.log == "decibel" else 1.0) + 0.5 * step(p)


@pytest.mark.parametrize("name", COEFFICIENTS)
def test_mfcc_follow_the_float_front_end(name: str) -> None:
    p = VARIANTS[name]
    for pcm in (speech_like(8000), harsh("white", 1), harsh("faint", 2), harsh("zero", 0), harsh("random square", 3)):
        difference = np.abs(frames(fixed(p), pcm) - frames(p, pcm))
        assert difference.max() <= 0.5 * step(p) + 0.004


def test_quantised_window() -> None:
    p = AudioFrontEnd(coefficient_count=10, normalisation="window-mean", window_frames=30)
    pcm = speech_like(16000)
    exact, integer = AudioStream(p), AudioStream(fixed(p))
    exact.push(pcm), integer.push(pcm)
    for dtype, scale, zero_point in ((np.int8, 0.2, -5), (np.uint8, 0.15, 100), (np.int16, 0.001, 7)):
        ours, theirs = (s.window(dtype, scale, zero_point).astype(int) for s in (integer, exact))
        assert np.abs(ours - theirs).max() <= max(1, round(0.01 / scale))


@pytest.mark.parametrize("rounding", ["nearest", "truncate"])
@pytest.mark.parametrize("scale", [1e-4, 0.003, 0.0371, 0.5, 3.0, 1e4])
def test_integer_quantisation_equals_float_quantisation(rounding: str, scale: float) -> None:
    """The window as float, quantised in NumPy, against the same window quantised by integers."""
    p = fixed(AudioFrontEnd(window_frames=40, rounding=rounding))  # type: ignore[arg-type]  # a Literal's value
    stream = AudioStream(p)
    stream.push(speech_like(8000))
    values = stream.window().astype(np.float64) / float(np.float32(scale))
    for dtype, zero_point in ((np.int8, -3), (np.uint8, 128), (np.int16, 1000)):
        if rounding == "truncate":
            whole, distance = np.trunc(values + zero_point), values + zero_point - np.rint(values + zero_point)
        else:
            whole, distance = np.trunc(values + np.copysign(0.5, values)) + zero_point, values - np.floor(values) - 0.5
        limits = np.iinfo(dtype)
        expected = np.clip(whole, limits.min, limits.max).astype(dtype)
        # Away from the edges between two integers, where 1 / scale's own rounding decides.
        sure = np.abs(distance) > 1e-6 * np.abs(values) + 1e-9
        assert sure.mean() > 0.9
        np.testing.assert_array_equal(stream.window(dtype, scale, zero_point)[sure], expected[sure])


def test_streaming_state_is_per_frame() -> None:
    """Headroom is chosen for each frame: a loud frame does not disturb a faint one behind it."""
    p = fixed(AudioFrontEnd())
    faint = harsh("faint", 3, 2000)
    together = frames(p, np.concatenate([harsh("white", 1, 1600), faint]))
    alone = frames(p, faint)
    np.testing.assert_array_equal(together[10:], alone[: len(together) - 10])


def test_window_maximum_is_refused() -> None:
    kws = PRESETS["mlperf-kws"]
    assert isinstance(kws, AudioFrontEnd)
    with pytest.raises(BadInputError, match="fixed has no normalisation window-max"):
        AudioStream(fixed(kws))


def test_energies_too_small_for_integers_are_refused() -> None:
    with pytest.raises(BadInputError, match="cannot tell energies below"):
        AudioStream(AudioFrontEnd(arithmetic="fixed", energy_offset=1e-30))
