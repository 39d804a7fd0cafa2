"""Tables of the micro front end, as TensorFlow Lite Micro makes them (integers, partly from float32 arithmetic)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError
from fieldwren.features.parameters import MicroFrontEnd
from fieldwren.features.tables.data import KIND_MICRO, FieldValue, FrontEndData
from fieldwren.features.tables.integer import Int16, UInt16, UInt32, logarithm, nearest, roots

FFT_SIZE = 512
WEIGHT_BITS = 12
WINDOW_BITS = 12
NOISE_BITS = 10
SUBTRACTION_BITS = 14
SNR_BITS = 12
GAIN_BITS = 21
LOG_SCALE_SHIFT = 6
# Bits by which the square root of an energy lies below full scale: log2 of the FFT size, less those of the weights.
CORRECTION_BITS = FFT_SIZE.bit_length() - 1 - WEIGHT_BITS // 2

# The C libraries' log1pf (newlib's, and glibc's before 2.41) returns the float above the correctly rounded one for this
# frequency, and two weights of the usual 40 channels depend on it.
LOG1PF_HIGH_HZ = 7500.0


def window(size: int, variant: str) -> Int16:
    """Hann window taken at the centres of the samples, 12 fraction bits.

    The older library works in float32, which moves a coefficient of 53.49995 up.
    """
    angle: npt.NDArray[Any] = 2.0 * np.pi / size * (np.arange(size) + 0.5)
    if variant == "microfrontend":
        angle = np.float32(2.0 * np.pi / size) * (np.arange(size, dtype=np.float32) + np.float32(0.5))
    # Cosine in float64 and rounded: NumPy's float32 cosine is not the same on all machines.
    cosine = np.cos(angle.astype(np.float64)).astype(angle.dtype)
    hann = np.subtract(0.5, 0.5 * cosine, dtype=angle.dtype)
    return nearest(hann * angle.dtype.type(1 << WINDOW_BITS)).astype(np.int16)


def _packed(turns: npt.NDArray[np.float64]) -> UInt32:
    """exp(-2πi·turns) with 15 fraction bits, real part in the low half of the word."""
    angle = -2.0 * np.pi * turns
    re, im = nearest(32767.0 * np.cos(angle)), nearest(32767.0 * np.sin(angle))
    return ((re & 0xFFFF) | ((im & 0xFFFF) << 16)).astype(np.uint32)


def twiddles() -> UInt32:
    """For the passes of the complex FFT of 256 points, [192]."""
    return _packed(np.arange(192) / (FFT_SIZE // 2))


def split_twiddles() -> UInt32:
    """For the step from 256 complex values to the real signal's spectrum, [128]."""
    return _packed((np.arange(FFT_SIZE // 4) + 1) / FFT_SIZE + 0.25)


def filter_bank(p: MicroFrontEnd) -> tuple[int, UInt16, UInt16]:
    """First bin, weights [bins, 2] for the channel below and above, and bins per interval [channels + 1].

    Both libraries compute them in float32; "signal" truncates, "microfrontend" rounds the weights to 12 bits.
    """
    f32, one = np.float32, 1 << WEIGHT_BITS
    half = 0.0 if p.variant == "signal" else 0.5

    def mel(frequency: np.float32) -> np.float32:
        # Logarithm in float64 and rounded, for the same reason as the cosine above.
        logarithm = f32(np.log1p(np.float64(f32(frequency / f32(700.0)))))
        if p.variant == "microfrontend" and float(frequency) == LOG1PF_HIGH_HZ:
            logarithm = np.nextafter(logarithm, f32(np.inf))
        return f32(f32(1127.0) * logarithm)

    low, high = mel(f32(p.f_min_hz)), mel(f32(p.f_max_hz))
    count = p.channel_count + 1
    spacing = f32(f32(high - low) / f32(count))
    centres = np.array([f32(low + f32(spacing * f32(i + 1))) for i in range(count)], dtype=f32)
    bin_hz = f32(0.5 * p.sample_rate_hz / (FFT_SIZE // 2))
    first = int(1.5 + p.f_min_hz / float(bin_hz))
    mels = [mel(f32(f32(i) * bin_hz)) for i in range(FFT_SIZE // 2 + 1)]

    weights: list[tuple[int, int]] = []
    bins = []
    at = first
    for c in range(count):
        start = at
        lower = low if c == 0 else centres[c - 1]
        while at < FFT_SIZE // 2 and mels[at] <= centres[c]:
            weight = float(f32(f32(centres[c] - mels[at]) / f32(centres[c] - lower)))
            weights.append((math.floor(weight * one + half), math.floor((1.0 - weight) * one + half)))
            at += 1
        bins.append(at - start)
    if any(c > first + sum(bins[: c + 1]) for c in range(count)):
        raise BadInputError(
            f"front end: {p.channel_count} channels from {p.f_min_hz} Hz are narrower than the FFT's bins, use fewer"
        )
    return first, np.array(weights, np.uint16), np.array(bins, np.uint16)


def gain(strength: float, offset: float) -> Int16:
    """Gain over the noise estimate: values at 0 and 1, then for each power of two a parabola (y0, a1, a2, 0), [125]."""
    input_bits = NOISE_BITS - CORRECTION_BITS

    def value(x: int) -> int:
        base = float(np.float32(np.float32(x) / np.float32(1 << input_bits) + np.float32(offset)))
        return math.floor((1 << GAIN_BITS) * float(np.float32(base ** float(np.float32(-strength)))) + 0.5)

    table = [value(0), value(1)]
    for interval in range(2, 33):
        x0 = 1 << (interval - 1)
        x2 = 2 * x0 if interval < 32 else 2 * x0 - 1
        y0 = value(x0)
        half, whole = value(x0 + x0 // 2) - y0, value(x2) - y0
        linear = 4 * half - whole
        table += [y0, linear, whole - linear, 0]
    return np.array(table[:125], np.int16)


def micro_data(p: MicroFrontEnd) -> FrontEndData:
    """fw_micro_config_t."""
    first_bin, weights, bins = filter_bank(p)
    one = 1 << SUBTRACTION_BITS
    fields: dict[str, FieldValue] = {
        "window_samples": p.window_samples,
        "hop_samples": p.hop_samples,
        "channel_count": p.channel_count,
        "first_bin": first_bin,
        "smoothing_even": int(p.smoothing_even * one),
        "smoothing_odd": int(p.smoothing_odd * one),
        "min_signal": int(p.min_signal_remaining * one),
        "smoothing_bits": NOISE_BITS,
        "snr_shift": GAIN_BITS - CORRECTION_BITS - SNR_BITS,
        "correction_bits": CORRECTION_BITS,
        "log_scale": 1 << LOG_SCALE_SHIFT,
        "restart_at_lowest": int(p.variant == "signal"),
        "window": window(p.window_samples, p.variant),
        "twiddles": twiddles(),
        "split": split_twiddles(),
        "weights": weights,
        "channel_bins": bins,
        "gain": gain(p.pcan_strength, p.pcan_offset),
        "logarithm": logarithm(),
        "roots": roots(),
    }
    return FrontEndData(KIND_MICRO, p.window_frames, p.frame_values, 0, "fw_micro_config_t", "micro", fields)
