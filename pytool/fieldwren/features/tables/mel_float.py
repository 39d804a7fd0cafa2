"""Configuration of the float log-mel front end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fieldwren.features.parameters import AudioFrontEnd
from fieldwren.features.tables import mel
from fieldwren.features.tables.data import (
    KIND_MEL,
    NO_CLIP,
    NORMALISATION,
    ROUNDING,
    SPECTRUM,
    FieldValue,
    FrontEndData,
)


def _float32(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Rounded; what is zero but for the sine's argument becomes zero."""
    exact = np.asarray(values, dtype=np.float64)
    return np.where(np.abs(exact) < 1e-12, 0.0, exact).astype(np.float32)


def mel_float_data(p: AudioFrontEnd) -> FrontEndData:
    """fw_mel_config_t."""
    bank = mel.mel_bank(p.mel_count, p.fft_size, p.sample_rate_hz, p.f_min_hz, p.f_max_hz)
    decibel = 10.0 / np.log(10.0) if p.log == "decibel" else 1.0
    low, high = p.clip or NO_CLIP
    half = (p.mel_count + 1) // 2
    fields: dict[str, FieldValue] = {
        "window_samples": p.window_samples,
        "hop_samples": p.hop_samples,
        "fft_size": p.fft_size,
        "mel_count": p.mel_count,
        "coefficient_count": p.coefficient_count,
        "first_bin": bank.first_bin,
        "bin_count": len(bank.weights),
        "spectrum": SPECTRUM[p.spectrum],
        "normalisation": NORMALISATION[p.normalisation],
        "running_frames": p.running_frames,
        "pre_emphasis": p.pre_emphasis,
        "energy_scale": p.energy_scale,
        "energy_floor": p.energy_floor,
        "energy_offset": p.energy_offset,
        "log_scale": p.output_scale * decibel,
        "log_offset": p.output_offset,
        "clip_low": low,
        "clip_high": high,
        "window": _float32(mel.window(p.window_shape, p.window_samples, p.window_periodic) / 65536.0),
        "sine": _float32(mel.sine(p.fft_size)),
        "mel_weights": _float32(bank.weights),
        "mel_bins": bank.bins.astype(np.uint16),
        "dct": _float32(mel.dct(p.coefficient_count, p.mel_count)[:, :half]),
    }
    return FrontEndData(
        KIND_MEL, p.window_frames, p.frame_values, ROUNDING[p.rounding], "fw_mel_config_t", "mel", fields
    )
