"""The float log-mel and MFCC front end against tf.signal, against NumPy in float64, and against the MLPerf goldens."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from features.signals import VARIANTS, speech_like
from fieldwren.features import PRESETS, AudioFrontEnd, AudioStream, frames, windows
from fieldwren.features.tables import mel
from fieldwren.features.wav import read_wav
from support import require_module

Pcm = npt.NDArray[np.int16]

KWS = PRESETS["mlperf-kws"]
SWW = PRESETS["mlperf-sww"]
assert isinstance(KWS, AudioFrontEnd)
assert isinstance(SWW, AudioFrontEnd)


def reference(p: AudioFrontEnd, pcm: Pcm) -> npt.NDArray[np.float64]:
    """The definition in AudioFrontEnd's docstring, in float64 (frames before any normalisation over the window)."""
    x = pcm / 32768.0
    y = x - p.pre_emphasis * np.concatenate([[0.0], x[:-1]])
    starts = range(0, len(y) - p.window_samples + 1, p.hop_samples)
    shape = mel.window(p.window_shape, p.window_samples, p.window_periodic)
    magnitude = np.abs(np.fft.rfft([y[s : s + p.window_samples] * shape for s in starts], p.fft_size))
    bank = mel.mel_bank(p.mel_count, p.fft_size, p.sample_rate_hz, p.f_min_hz, p.f_max_hz)
    spectrum = magnitude if p.spectrum == "magnitude" else magnitude**2
    energy = p.energy_scale * (spectrum @ bank.matrix(p.fft_size // 2 + 1))
    logarithm = np.log(np.maximum(energy, p.energy_floor) + p.energy_offset)
    level = p.output_scale * (logarithm * (10.0 / np.log(10.0) if p.log == "decibel" else 1.0)) + p.output_offset
    clipped = level if p.clip is None else np.clip(level, *p.clip)
    return clipped @ mel.dct(p.coefficient_count, p.mel_count).T if p.coefficient_count else clipped


@pytest.mark.parametrize("name", VARIANTS)
def test_follows_the_definition(name: str) -> None:
    p = VARIANTS[name]
    pcm = speech_like(p.window_samples + 20 * p.hop_samples + 7)
    np.testing.assert_allclose(frames(p, pcm), reference(p, pcm), rtol=2e-5, atol=3e-4 * p.output_scale)


@pytest.mark.slow
def test_equals_tf_signal() -> None:
    tf = require_module("tensorflow")
    p = AudioFrontEnd(coefficient_count=10)
    pcm = speech_like(16000)
    x = tf.constant(pcm / 32768.0, tf.float32)
    spectrum = tf.abs(tf.signal.stft(x, 480, 160, 512, tf.signal.hann_window))
    weights = tf.signal.linear_to_mel_weight_matrix(40, 257, 16000, 20.0, 3800.0)
    log_mel = tf.math.log(tf.matmul(spectrum, weights) + 1e-6)
    mfcc = tf.signal.mfccs_from_log_mel_spectrograms(log_mel)[:, :10]
    np.testing.assert_allclose(frames(dataclasses.replace(p, coefficient_count=0), pcm), log_mel, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(frames(p, pcm), mfcc, rtol=1e-4, atol=1e-3)
    bank = mel.mel_bank(40, 512, 16000, 20.0, 3800.0)
    np.testing.assert_allclose(bank.matrix(257), weights, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "periodic"), [("hann", True), ("hann", False), ("hamming", True), ("hamming", False)]
)
def test_windows_equal_scipy(shape: str, periodic: bool) -> None:
    signal: Any = require_module("scipy.signal")
    expected = signal.get_window(shape, 480, fftbins=periodic)
    np.testing.assert_allclose(mel.window(shape, 480, periodic), expected, atol=1e-12)


def test_window_mean_is_subtracted() -> None:
    p = AudioFrontEnd(coefficient_count=10, normalisation="window-mean", window_frames=20)
    pcm = speech_like(8000)
    stream = AudioStream(p)
    every = stream.push(pcm)
    newest = every[-20:].astype(np.float64)
    np.testing.assert_allclose(stream.window(), newest - newest.mean(axis=0), atol=2e-4)


@pytest.mark.parametrize("frames", [1, 7, 1000])
def test_running_mean_is_subtracted(frames: int) -> None:
    """Against its definition, in float64; a frame is the same in every window, and a reset forgets the mean."""
    p = AudioFrontEnd(coefficient_count=10, normalisation="running-mean", running_frames=frames, window_frames=5)
    pcm = speech_like(8000)
    plain = AudioStream(dataclasses.replace(p, normalisation="none", running_frames=0)).push(pcm).astype(np.float64)
    expected, mean = [], np.zeros(10)
    for number, values in enumerate(plain, start=1):
        mean = mean + (values - mean) / min(number, frames)
        expected.append(values - mean)
    stream = AudioStream(p)
    every = stream.push(pcm)
    np.testing.assert_allclose(every, expected, atol=2e-4)
    np.testing.assert_array_equal(stream.window(), every[-5:])
    stream.reset()
    np.testing.assert_array_equal(stream.push(pcm), every)
    if frames > 1:
        assert np.abs(every[1:]).max() > 1.0


def test_window_maximum_divides_the_pcm() -> None:
    """Against the definition itself: the PCM divided by its largest sample, from the oldest frame to the newest sample."""
    assert isinstance(KWS, AudioFrontEnd)
    p = dataclasses.replace(KWS, window_frames=10)
    pcm = speech_like(9000)
    stream = AudioStream(p)
    for end in (p.window_total_samples, p.window_total_samples + 100, 6000, 8999):
        stream.reset()
        count = len(stream.push(pcm[:end]))
        oldest = (count - p.window_frames) * p.hop_samples
        scaled = pcm[oldest:end] / float(pcm[oldest:end].max())
        plain = dataclasses.replace(p, normalisation="none")
        expected = reference(plain, scaled * 32768.0)[: p.window_frames]
        np.testing.assert_allclose(stream.window(), expected, rtol=1e-4, atol=1e-3)


def test_window_maximum_of_silence_and_of_negative_samples() -> None:
    assert isinstance(KWS, AudioFrontEnd)
    p = dataclasses.replace(KWS, window_frames=2)
    silence = windows(p, np.zeros((1, 800), np.int16))
    assert np.isfinite(silence).all()
    negative = -1 - np.abs(speech_like(800))
    mirrored = windows(p, (-negative)[np.newaxis])
    # Dividing by a negative maximum divides the magnitudes by its size.
    gain = np.log((-negative).max() / -negative.max())
    levels = windows(dataclasses.replace(p, coefficient_count=0, energy_offset=1e-30), negative[np.newaxis])
    others = windows(dataclasses.replace(p, coefficient_count=0, energy_offset=1e-30), (-negative)[np.newaxis])
    np.testing.assert_allclose(levels - others, gain, atol=1e-3)
    assert mirrored.shape == (1, 2, 10)


@pytest.fixture(scope="module")
def kws_goldens(shared_data: Path) -> dict[str, npt.NDArray[Any]]:
    return dict(np.load(shared_data / "features" / "mlperf_kws_mfcc.npz"))


def test_mlperf_kws_goldens(shared_data: Path, kws_goldens: dict[str, npt.NDArray[Any]]) -> None:
    names = [key.removesuffix("_q") for key in kws_goldens if key.endswith("_q")]
    assert len(names) > 50
    stream = AudioStream(KWS)
    for name in names:
        word, file = name.split("_", 1)
        pcm, _ = read_wav(shared_data / "audio" / "speech_commands" / word / f"{file}.wav", rate_hz=16000)
        stream.reset()
        stream.push(np.pad(pcm, (0, 16000 - len(pcm))))
        np.testing.assert_allclose(stream.window(), kws_goldens[f"{name}_mfcc"], rtol=1e-4, atol=1e-3)
        np.testing.assert_array_equal(stream.window(np.int8, 0.584703, 83), kws_goldens[f"{name}_q"], err_msg=name)


def test_mlperf_sww_golden(shared_data: Path) -> None:
    golden = np.load(shared_data / "features" / "mlperf_strww_lfbe.npz")
    pcm, _ = read_wav(shared_data / "audio" / "clips" / "marvin_617de221_0.wav", rate_hz=16000)
    stream = AudioStream(SWW)
    np.testing.assert_allclose(stream.push(pcm), golden["marvin_617de221_0_lfbe"], atol=1e-5)
    quantised = stream.window(np.int8, 0.00370104, -128)
    np.testing.assert_array_equal(quantised, golden["marvin_617de221_0_q"])
