"""Parameters of log-mel and MFCC front ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from fieldwren.features.parameters.base import (
    FramedParameters,
    Rounding,
    check_choice,
    check_clip,
    check_int,
    check_real,
    require,
)

SAMPLE_RATES_HZ = (8000, 11025, 16000, 22050, 32000, 44100, 48000)
FFT_SIZES = (64, 128, 256, 512, 1024)


@dataclass(frozen=True, kw_only=True)
class AudioFrontEnd(FramedParameters):
    """Log-mel filter bank or MFCC (`coefficient_count` > 0) as tf.signal computes them.

    One frame: x = samples / 32768; y[i] = x[i] - pre_emphasis·x[i-1]; X = FFT(window·y); E = energy_scale · mel(|X|
    or |X|²); L = output_scale · log(max(E, energy_floor) + energy_offset) + output_offset, clipped; MFCC: the first
    coefficients of tf.signal.mfccs_from_log_mel_spectrograms(L). `log` is the natural logarithm or 10·log10.

    `normalisation` "window-mean" and "window-max" depend on the whole window. "running-mean" takes a mean off each frame
    that moves by 1 / `running_frames` of the way to it, and is that of all frames so far until there are as many: a frame
    then stays the same in every window, and a model can stream (fieldwren.streaming).

    `arithmetic` "fixed" computes the same features with integers only, for cores without FPU.
    """

    kind: ClassVar[str] = "mel"

    sample_rate_hz: int = 16000
    window_samples: int = 480
    hop_samples: int = 160
    fft_size: int = 512
    window_shape: Literal["hann", "hamming"] = "hann"
    window_periodic: bool = True
    pre_emphasis: float = 0.0
    spectrum: Literal["magnitude", "power"] = "magnitude"
    mel_count: int = 40
    f_min_hz: float = 20.0
    f_max_hz: float = 3800.0
    energy_scale: float = 1.0
    energy_floor: float = 0.0
    energy_offset: float = 1e-6
    log: Literal["natural", "decibel"] = "natural"
    output_scale: float = 1.0
    output_offset: float = 0.0
    clip: tuple[float, float] | None = None
    coefficient_count: int = 0
    normalisation: Literal["none", "window-mean", "window-max", "running-mean"] = "none"
    running_frames: int = 0
    window_frames: int = 98
    rounding: Rounding = "nearest"
    arithmetic: Literal["float", "fixed"] = "float"

    def __post_init__(self) -> None:
        check_choice(self, "sample_rate_hz", SAMPLE_RATES_HZ)
        check_choice(self, "fft_size", FFT_SIZES)
        check_int(self, "window_samples", 16, self.fft_size)
        check_int(self, "hop_samples", 1, 65535)
        check_choice(self, "window_shape", ("hann", "hamming"))
        require(
            isinstance(self.window_periodic, bool),
            f"window_periodic is {self.window_periodic!r}, must be true or false",
        )
        check_real(self, "pre_emphasis", 0.0, 1.0)
        check_choice(self, "spectrum", ("magnitude", "power"))
        check_int(self, "mel_count", 1, self.fft_size // 2)
        check_real(self, "f_min_hz", 0.0, self.sample_rate_hz / 2)
        check_real(self, "f_max_hz", 0.0, self.sample_rate_hz / 2)
        require(self.f_min_hz < self.f_max_hz, f"f_min_hz {self.f_min_hz} must be below f_max_hz {self.f_max_hz}")
        check_real(self, "energy_scale", 1e-30, 1e30)
        check_real(self, "energy_floor", 0.0, 1e30)
        check_real(self, "energy_offset", 0.0, 1e30)
        require(
            self.energy_floor + self.energy_offset >= 1.2e-38,
            "energy_floor + energy_offset must be above 0, or the logarithm of silence is infinite",
        )
        check_choice(self, "log", ("natural", "decibel"))
        check_real(self, "output_scale", -1e6, 1e6)
        check_real(self, "output_offset", -1e6, 1e6)
        check_clip(self.clip)
        check_int(self, "coefficient_count", 0, self.mel_count if self.mel_count > 1 else 0)
        check_choice(self, "normalisation", ("none", "window-mean", "window-max", "running-mean"))
        is_running = self.normalisation == "running-mean"
        check_int(self, "running_frames", 1 if is_running else 0, 65535 if is_running else 0)
        require(
            self.normalisation != "window-max" or self.hop_samples <= self.window_samples,
            f"normalisation window-max needs hop_samples {self.hop_samples} <= window_samples {self.window_samples}",
        )
        check_int(self, "window_frames", 1, 4096)
        check_choice(self, "rounding", ("nearest", "truncate"))
        check_choice(self, "arithmetic", ("float", "fixed"))

    @property
    def is_window_normalised(self) -> bool:
        """True when a frame's values depend on the other frames of the window that it is in."""
        return self.normalisation in ("window-mean", "window-max")

    @property
    def frame_values(self) -> int:
        """Values of one frame of the model's input."""
        return self.coefficient_count or self.mel_count
