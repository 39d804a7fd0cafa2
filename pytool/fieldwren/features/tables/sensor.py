"""Configuration of windows over sensor rows."""

from __future__ import annotations

import numpy as np

from fieldwren.features.parameters import SensorFrontEnd
from fieldwren.features.tables.data import KIND_SENSOR, MISSING, NO_CLIP, ROUNDING, FieldValue, FrontEndData


def sensor_data(p: SensorFrontEnd) -> FrontEndData:
    """fw_sensor_config_t."""
    low, high = p.clip or NO_CLIP
    input_low, input_high = p.input_clip or NO_CLIP
    fields: dict[str, FieldValue] = {
        "channel_count": len(p.channels),
        "hop_rows": p.hop_rows,
        "missing_limit": p.missing_limit,
        "missing": MISSING[p.missing],
        "difference_count": len(p.difference_rows),
        "input_low": input_low,
        "input_high": input_high,
        "clip_low": low,
        "clip_high": high,
        "offset": np.asarray(p.offset, np.float32),
        "gain": (1.0 / np.asarray(p.scale, np.float64)).astype(np.float32),
        "fill": np.asarray(p.fill, np.float32),
        "difference_rows": np.asarray(p.difference_rows, np.uint16),
        "difference_gain": (1.0 / np.asarray(p.difference_scale, np.float64)).astype(np.float32),
        "activity_count": len(p.activity_rows),
        "activity_rows": np.asarray(p.activity_rows, np.uint16),
        "activity_floor": np.asarray(p.activity_floor, np.float32),
        "activity_offset": np.asarray(p.activity_offset, np.float32),
        "activity_gain": (1.0 / np.asarray(p.activity_scale, np.float64)).astype(np.float32),
    }
    return FrontEndData(
        KIND_SENSOR,
        p.window_frames,
        p.frame_values,
        ROUNDING[p.rounding],
        "fw_sensor_config_t",
        "sensor",
        fields,
    )
