"""Configuration of the log-mel front end in integer arithmetic."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError
from fieldwren.features.parameters import AudioFrontEnd
from fieldwren.features.tables import mel
from fieldwren.features.tables.data import (
    KIND_MEL_FIXED,
    NORMALISATION,
    ROUNDING,
    SPECTRUM,
    FieldValue,
    FrontEndData,
)
from fieldwren.features.tables.integer import logarithm, long_roots, nearest

_INT32_MOST = 2**31 - 1


def _q31(values: npt.ArrayLike) -> npt.NDArray[np.int32]:
    return np.minimum(nearest(np.asarray(values) * 2.0**31), _INT32_MOST).astype(np.int32)


def _energy_bits(p: AudioFrontEnd, sample_shift: int) -> int:
    """log2 of the integer that stands for an energy of 1 (before `energy_scale`)."""
    # Bits lost in the FFT's passes, as fw_rfft_q31_shift() says.
    fft_shift = 2 if p.fft_size <= 128 else 3 if p.fft_size <= 512 else 4
    # A sample of 1.0 is 2^15; the product with the window and the step to the real signal's bins lose a bit each.
    spectrum_bits = 15 + sample_shift - 1 - fft_shift - 1
    weight_bits = 15
    return weight_bits + (spectrum_bits - 1 if p.spectrum == "magnitude" else 2 * spectrum_bits - 16)


def _fraction_bits(p: AudioFrontEnd, lowest: float, highest: float) -> int:
    """Fraction bits with which every value fits 16 bits."""
    largest = max(abs(lowest), abs(highest))
    if p.coefficient_count:
        largest *= math.sqrt(2.0 * p.mel_count)
    if p.normalisation == "window-mean":
        largest *= 2.0
    return max(0, min(15, 15 - math.ceil(math.log2(max(largest, 2.0**-14)))))


def mel_fixed_data(p: AudioFrontEnd) -> FrontEndData:
    """fw_mel_fixed_config_t."""
    if p.normalisation not in ("none", "window-mean"):
        raise BadInputError(
            f"front end: arithmetic fixed has no normalisation {p.normalisation}; use none or window-mean"
        )
    bank = mel.mel_bank(p.mel_count, p.fft_size, p.sample_rate_hz, p.f_min_hz, p.f_max_hz)
    sample_shift = 12 if p.pre_emphasis == 0.0 else 11
    bits = _energy_bits(p, sample_shift)
    # ln(max(scale·e, floor) + offset) = ln(scale) + ln(max(e, floor/scale) + offset/scale)
    floor = min(round(p.energy_floor / p.energy_scale * 2.0**bits), 2**61)
    offset = min(round(p.energy_offset / p.energy_scale * 2.0**bits), 2**61)
    logarithm_scale = p.output_scale * (10.0 / math.log(10.0) if p.log == "decibel" else 1.0)

    def value(energy: float) -> float:
        return logarithm_scale * (math.log(energy) + math.log(p.energy_scale) - bits * math.log(2.0)) + p.output_offset

    lowest, highest = value(max(floor + offset, 1)), value(2.0**60)
    if floor + offset < 1:
        silence = min(lowest, highest) if p.output_scale > 0 else max(lowest, highest)
        if p.clip is None or not (silence <= p.clip[0] or silence >= p.clip[1]):
            raise BadInputError(
                f"front end: arithmetic fixed cannot tell energies below {2.0**-bits * p.energy_scale:.3g} from silence; "
                "raise energy_floor or energy_offset to that, or clip"
            )
    clip = p.clip or (-8000.0, 8000.0)
    # The loudest frames have far less than the largest representable energy: a full-scale sine in every bin.
    loudest = value(2.0**bits * p.window_samples ** (1 if p.spectrum == "magnitude" else 2) * p.fft_size)
    lowest, loudest = (min(max(v, clip[0]), clip[1]) for v in (lowest, loudest))
    if max(abs(lowest), abs(loudest)) > 8000.0 or abs(logarithm_scale) > 127.0:
        raise BadInputError("front end: arithmetic fixed keeps values below 8000; lower output_scale or output_offset")
    fraction_bits = _fraction_bits(p, lowest, loudest)
    half = (p.mel_count + 1) // 2
    cosines = mel.dct(p.coefficient_count, p.mel_count)[:, :half] / math.sqrt(2.0 / p.mel_count)
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
        "fraction_bits": fraction_bits,
        "sample_shift": sample_shift,
        "headroom_most": min(15, (62 - (floor | offset).bit_length()) // (1 if p.spectrum == "magnitude" else 2)),
        "log_scale": round(logarithm_scale * math.log(2.0) * 2.0**24),
        "log_offset": round(value(1.0) * 65536.0),
        "clip_low": round(clip[0] * 65536.0),
        "clip_high": round(clip[1] * 65536.0),
        "pre_emphasis": min(round(p.pre_emphasis * 2.0**31), _INT32_MOST),
        "dct_scale": min(round(math.sqrt(2.0 / p.mel_count) * 2.0**31), _INT32_MOST),
        "energy_floor": max(floor, 1 - offset),
        "energy_offset": offset,
        "window": _q31(mel.window(p.window_shape, p.window_samples, p.window_periodic)),
        "sine": _q31(mel.sine(p.fft_size)),
        "mel_weights": nearest(bank.weights * 32768.0).astype(np.uint16),
        "mel_bins": bank.bins.astype(np.uint16),
        "dct": np.minimum(nearest(cosines * 32768.0), 32767).astype(np.int16),
        "logarithm": logarithm(),
        "roots": long_roots(),
    }
    return FrontEndData(
        KIND_MEL_FIXED,
        p.window_frames,
        p.frame_values,
        ROUNDING[p.rounding],
        "fw_mel_fixed_config_t",
        "mel_fixed",
        fields,
        frame_unit=2.0**-fraction_bits,
    )
