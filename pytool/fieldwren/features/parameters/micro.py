"""Parameters of TensorFlow Lite Micro's micro front end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from fieldwren.features.parameters.base import FramedParameters, check_choice, check_int, check_real, require


@dataclass(frozen=True, kw_only=True)
class MicroFrontEnd(FramedParameters):
    """The fixed-point front end of micro_speech (20 ms hop) and microWakeWord (10 ms hop).

    The defaults are those of all published models; the frames are uint16, and the int8 form of a value v is
    clamp((v·256 + 333) // 666 - 128), which is the quantisation with scale 26/255 and zero point -128 of v·10/256.

    Two implementations are in use and differ in the last bit of their tables, so that about 1 % of the values differ:
    "signal" is TensorFlow Lite Micro's signal library (audio_preprocessor model, micro_speech), "microfrontend" its
    older C library (pymicro-features, microWakeWord). Either is reproduced exactly.
    """

    kind: ClassVar[str] = "micro"

    variant: Literal["signal", "microfrontend"] = "signal"
    sample_rate_hz: int = 16000
    window_samples: int = 480
    hop_samples: int = 320
    channel_count: int = 40
    f_min_hz: float = 125.0
    f_max_hz: float = 7500.0
    smoothing_even: float = 0.025
    smoothing_odd: float = 0.06
    min_signal_remaining: float = 0.05
    pcan_strength: float = 0.95
    pcan_offset: float = 80.0
    window_frames: int = 49

    def __post_init__(self) -> None:
        check_choice(self, "variant", ("signal", "microfrontend"))
        check_choice(self, "sample_rate_hz", (8000, 16000))
        check_int(self, "window_samples", 16, 512)
        require(self.window_samples % 2 == 0, f"window_samples is {self.window_samples}, must be even")
        check_int(self, "hop_samples", 1, 65535)
        check_int(self, "channel_count", 1, 128)
        check_real(self, "f_min_hz", 1.0, self.sample_rate_hz / 2)
        check_real(self, "f_max_hz", 1.0, self.sample_rate_hz / 2)
        require(self.f_min_hz < self.f_max_hz, f"f_min_hz {self.f_min_hz} must be below f_max_hz {self.f_max_hz}")
        for name in ("smoothing_even", "smoothing_odd", "min_signal_remaining"):
            check_real(self, name, 0.0, 1.0)
        check_real(self, "pcan_strength", 0.0, 2.0)
        check_real(self, "pcan_offset", 1.0, 1e4)
        check_int(self, "window_frames", 1, 4096)

    @property
    def frame_values(self) -> int:
        """Values of one frame of the model's input."""
        return self.channel_count
