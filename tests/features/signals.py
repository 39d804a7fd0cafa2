"""Signals and front ends that several test modules use."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fieldwren.features import AudioFrontEnd

Pcm = npt.NDArray[np.int16]


def speech_like(count: int, seed: int = 0) -> Pcm:
    """Harmonics that glide, over noise, loud and faint in turn."""
    rng = np.random.default_rng(seed)
    time = np.arange(count) / 16000.0
    phase = 2.0 * np.pi * (120.0 * time + 60.0 * time**2)
    voice = sum(np.sin(h * phase) / h for h in range(1, 20))
    loudness = 10.0 ** (-1.5 + 1.2 * np.sin(2.0 * np.pi * 3.0 * time))
    signal = loudness * voice + 1e-3 * rng.standard_normal(count)
    return np.clip(np.rint(8000.0 * signal), -32768, 32767).astype(np.int16)


HARSH = (
    *("white", "random square", "clipped noise", "clipped sine", "faint", "least", "clicks"),
    *("constant lowest", "alternating", "step", "zero"),
)
"""Kinds of `harsh`."""


def harsh(kind: str, seed: int, count: int = 4000) -> Pcm:
    """Signals at the ends of the 16-bit range."""
    rng = np.random.default_rng(seed)
    time = np.arange(count)
    signal = {
        "white": rng.integers(-32768, 32768, count),
        "random square": np.where(rng.random(count) < 0.5, -32768, 32767),
        "clipped noise": rng.normal(0, 60000, count),
        "clipped sine": 40000 * np.sin(time * rng.uniform(0.01, 3.0)),
        "faint": rng.normal(0, rng.uniform(0.5, 300), count),
        "least": rng.integers(-1, 2, count),
        "clicks": np.where(rng.random(count) < 0.01, -32768, rng.normal(0, rng.uniform(0.5, 300), count)),
        "constant lowest": np.full(count, -32768),
        "alternating": np.where(time % 2, 32767, -32768),
        "step": np.where(time < count // 2, 0, 32767),
        "zero": np.zeros(count),
    }[kind]
    return np.clip(signal, -32768, 32767).astype(np.int16)


VARIANTS = {
    "log-mel": AudioFrontEnd(),
    "mfcc": AudioFrontEnd(coefficient_count=13),
    "power": AudioFrontEnd(spectrum="power", energy_offset=1e-9),
    "hamming-pre-emphasis": AudioFrontEnd(window_shape="hamming", window_periodic=False, pre_emphasis=0.97),
    "25-ms-window": AudioFrontEnd(window_samples=400, hop_samples=160),
    "odd-window": AudioFrontEnd(window_samples=399, hop_samples=161, pre_emphasis=0.9),
    "hop-beyond-window": AudioFrontEnd(window_samples=256, hop_samples=300, fft_size=256, pre_emphasis=0.95),
    "fft-64": AudioFrontEnd(fft_size=64, window_samples=64, hop_samples=48, mel_count=10),
    "fft-128": AudioFrontEnd(fft_size=128, window_samples=120, hop_samples=60, mel_count=15, f_max_hz=8000.0),
    "fft-256": AudioFrontEnd(fft_size=256, window_samples=200, sample_rate_hz=8000, hop_samples=80, mel_count=23),
    "fft-1024": AudioFrontEnd(fft_size=1024, window_samples=1000, mel_count=64, f_max_hz=8000.0),
    "odd-mels-mfcc": AudioFrontEnd(mel_count=23, coefficient_count=23),
    "only-high-bins": AudioFrontEnd(f_min_hz=4500.0, f_max_hz=7900.0, mel_count=16),
    "decibel-clipped": AudioFrontEnd(log="decibel", output_scale=0.02, output_offset=0.9, clip=(0.1, 0.8)),
    "more-mels-than-bins-below": AudioFrontEnd(fft_size=128, window_samples=128, mel_count=60),
}
