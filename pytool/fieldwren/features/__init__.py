"""Feature front ends: parameters, and the binding of the C code that computes them on host and device."""

from __future__ import annotations

from fieldwren.features.audio import AudioStream, frames, windows
from fieldwren.features.parameters import (
    METADATA_KEY,
    PRESETS,
    AudioFrontEnd,
    FrontEndParameters,
    MicroFrontEnd,
    SensorFrontEnd,
    from_json,
)
from fieldwren.features.sensor import RowWindows, SensorStream, row_windows

__all__ = [
    "METADATA_KEY",
    "PRESETS",
    "AudioFrontEnd",
    "AudioStream",
    "FrontEndParameters",
    "MicroFrontEnd",
    "RowWindows",
    "SensorFrontEnd",
    "SensorStream",
    "frames",
    "from_json",
    "row_windows",
    "windows",
]
