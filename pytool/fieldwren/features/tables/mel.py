"""Window, mel filters, DCT and sine in float64: what both log-mel front ends are made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError

Float64 = npt.NDArray[np.float64]


def window(shape: str, size: int, periodic: bool) -> Float64:
    """Hann or Hamming window, shape [size], as scipy.signal.get_window(shape, size, fftbins=periodic)."""
    phase = 2.0 * np.pi * np.arange(size) / (size if periodic else size - 1)
    a = {"hann": 0.5, "hamming": 0.54}[shape]
    return np.asarray(a - (1.0 - a) * np.cos(phase), dtype=np.float64)


def hz_to_mel(frequency_hz: npt.ArrayLike) -> Float64:
    """HTK's mel scale, as tf.signal.linear_to_mel_weight_matrix: 1127·ln(1 + f/700)."""
    return np.asarray(1127.0 * np.log1p(np.asarray(frequency_hz, dtype=np.float64) / 700.0), dtype=np.float64)


@dataclass(frozen=True)
class MelBank:
    """Triangular filters over FFT bins in compact form.

    Bin `first_bin + i` lies between two neighbouring centres and gives the share `weights[i]` to the upper band, the
    rest to the lower. `bins[m]` counts the bins between centre m - 1 and centre m (the edges counted as centres).
    """

    first_bin: int
    weights: Float64
    bins: npt.NDArray[np.int64]

    def matrix(self, bin_count: int) -> Float64:
        """The same filters as a dense [bin_count, bands] matrix."""
        dense = np.zeros((bin_count, len(self.bins) + 1))
        band = np.repeat(np.arange(len(self.bins)), self.bins)
        rows = self.first_bin + np.arange(len(self.weights))
        dense[rows, band + 1] = self.weights
        dense[rows, band] = 1.0 - self.weights
        return dense[:, 1:-1]


def mel_bank(count: int, fft_size: int, sample_rate_hz: int, f_min_hz: float, f_max_hz: float) -> MelBank:
    """The filters of tf.signal.linear_to_mel_weight_matrix (slopes linear in mel, bin 0 left out)."""
    mels = hz_to_mel(np.arange(fft_size // 2 + 1) * (sample_rate_hz / fft_size))
    edges = np.linspace(hz_to_mel(f_min_hz), hz_to_mel(f_max_hz), count + 2)
    used = np.flatnonzero((mels > edges[0]) & (mels < edges[-1]))
    used = used[used > 0]
    if len(used) == 0:
        raise BadInputError(f"front end: no FFT bin lies between f_min_hz {f_min_hz} and f_max_hz {f_max_hz}")
    band = np.searchsorted(edges, mels[used], side="right") - 1
    weights = (mels[used] - edges[band]) / (edges[band + 1] - edges[band])
    return MelBank(int(used[0]), weights, np.bincount(band, minlength=count + 1))


def dct(coefficient_count: int, mel_count: int) -> Float64:
    """Rows of tf.signal.mfccs_from_log_mel_spectrograms: DCT-II · sqrt(2/mel_count), [coefficients, mels]."""
    centre = np.arange(mel_count) + 0.5
    k = np.arange(coefficient_count)[:, None]
    return np.asarray(np.sqrt(2.0 / mel_count) * np.cos(np.pi / mel_count * k * centre), dtype=np.float64)


def sine(fft_size: int) -> Float64:
    """sin(2πk/fft_size) for three quarters of a turn, [3·fft_size/4 + 1]."""
    return np.asarray(np.sin(2.0 * np.pi * np.arange(3 * fft_size // 4 + 1) / fft_size))
