"""ctypes mirror of firmware/include/fw_frontend.h."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np

from fieldwren.features.tables import FrontEndData
from fieldwren.native import library

FW_INT8, FW_INT16, FW_UINT8, FW_FLOAT32, FW_UINT16 = 1, 2, 4, 5, 8
FW_OK, FW_E_ARGUMENT, FW_E_STATE = 0, -1, -6

DTYPES: dict[np.dtype[Any], int] = {
    np.dtype(np.int8): FW_INT8,
    np.dtype(np.int16): FW_INT16,
    np.dtype(np.uint8): FW_UINT8,
    np.dtype(np.float32): FW_FLOAT32,
    np.dtype(np.uint16): FW_UINT16,
}

_u8, _u16, _u32, _i32, _f32 = (
    ctypes.c_uint8,
    ctypes.c_uint16,
    ctypes.c_uint32,
    ctypes.c_int32,
    ctypes.c_float,
)
_pointer = ctypes.c_void_p


class MelConfig(ctypes.Structure):
    """fw_mel_config_t."""

    _fields_ = (
        *((name, _u16) for name in ("window_samples", "hop_samples", "fft_size", "mel_count", "coefficient_count")),
        ("first_bin", _u16),
        ("bin_count", _u16),
        ("spectrum", _u8),
        ("normalisation", _u8),
        ("running_frames", _u16),
        *((name, _f32) for name in ("pre_emphasis", "energy_scale", "energy_floor", "energy_offset")),
        *((name, _f32) for name in ("log_scale", "log_offset", "clip_low", "clip_high")),
        *((name, _pointer) for name in ("window", "sine", "mel_weights", "mel_bins", "dct")),
    )


class MelFixedConfig(ctypes.Structure):
    """fw_mel_fixed_config_t."""

    _fields_ = (
        *((name, _u16) for name in ("window_samples", "hop_samples", "fft_size", "mel_count", "coefficient_count")),
        *((name, _u16) for name in ("first_bin", "bin_count")),
        *((name, _u8) for name in ("spectrum", "normalisation", "fraction_bits", "sample_shift", "headroom_most")),
        *((name, _i32) for name in ("log_scale", "log_offset", "clip_low", "clip_high", "pre_emphasis", "dct_scale")),
        ("energy_floor", ctypes.c_uint64),
        ("energy_offset", ctypes.c_uint64),
        *((name, _pointer) for name in ("window", "sine", "mel_weights", "mel_bins", "dct", "logarithm", "roots")),
    )


class SensorConfig(ctypes.Structure):
    """fw_sensor_config_t."""

    _fields_ = (
        *((name, _u16) for name in ("channel_count", "hop_rows", "missing_limit")),
        ("missing", _u8),
        ("difference_count", _u8),
        ("input_low", _f32),
        ("input_high", _f32),
        ("clip_low", _f32),
        ("clip_high", _f32),
        *((name, _pointer) for name in ("offset", "gain", "fill", "difference_rows", "difference_gain")),
        ("activity_count", _u8),
        *((name, _pointer) for name in ("activity_rows", "activity_floor", "activity_offset", "activity_gain")),
    )


class MicroConfig(ctypes.Structure):
    """fw_micro_config_t."""

    _fields_ = (
        *((name, _u16) for name in ("window_samples", "hop_samples", "channel_count", "first_bin")),
        *((name, _u16) for name in ("smoothing_even", "smoothing_odd", "min_signal", "smoothing_bits")),
        *((name, _u16) for name in ("snr_shift", "correction_bits", "log_scale", "restart_at_lowest")),
        *((name, _pointer) for name in ("window", "twiddles", "split", "weights", "channel_bins")),
        *((name, _pointer) for name in ("gain", "logarithm", "roots")),
    )


class Config(ctypes.Structure):
    """fw_frontend_config_t."""

    _fields_ = (
        ("kind", _u32),
        ("window_frames", _u32),
        ("frame_values", _u32),
        ("rounding", _u32),
        ("mel", ctypes.POINTER(MelConfig)),
        ("mel_fixed", ctypes.POINTER(MelFixedConfig)),
        ("micro", ctypes.POINTER(MicroConfig)),
        ("sensor", ctypes.POINTER(SensorConfig)),
    )


_STRUCTS: dict[str, type[ctypes.Structure]] = {
    "fw_mel_config_t": MelConfig,
    "fw_mel_fixed_config_t": MelFixedConfig,
    "fw_micro_config_t": MicroConfig,
    "fw_sensor_config_t": SensorConfig,
}


class FrontEnd(ctypes.Structure):
    """fw_frontend_t."""

    _fields_ = (
        ("config", ctypes.POINTER(Config)),
        ("window_samples", _u32),
        ("hop_samples", _u32),
        ("samples", _pointer),
        ("work", _pointer),
        ("frames", _pointer),
        ("peaks", _pointer),
        ("gaps", _pointer),
        ("mean", _pointer),
        *(
            (name, _u32)
            for name in ("filled", "skip", "next_frame", "frame_count", "next_row", "mean_frames", "repeats")
        ),
        ("before", ctypes.c_int16),
    )


def build_config(data: FrontEndData) -> tuple[Config, list[object]]:
    """The C configuration and the objects that must stay alive as long as it is used."""
    struct = _STRUCTS[data.struct]()
    kept: list[object] = [struct]
    for name, value in data.fields.items():
        if isinstance(value, np.ndarray):
            array = np.ascontiguousarray(value)
            kept.append(array)
            setattr(struct, name, array.ctypes.data if array.size else None)
        else:
            setattr(struct, name, value)
    config = Config(data.kind, data.window_frames, data.frame_values, data.rounding)
    setattr(config, data.member, ctypes.pointer(struct))
    kept.append(config)
    return config, kept


@functools.cache
def functions() -> ctypes.CDLL:
    """The C library with the front end's prototypes declared."""
    lib = library()
    state, config = ctypes.POINTER(FrontEnd), ctypes.POINTER(Config)
    ready = ctypes.POINTER(ctypes.c_int)
    prototypes: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "fw_frontend_memory_bytes": (_u32, (config,)),
        "fw_frontend_init": (ctypes.c_int, (state, config, _pointer, _u32)),
        "fw_frontend_reset": (None, (state,)),
        "fw_frontend_push": (_u32, (state, _pointer, _u32, ready)),
        "fw_frontend_push_row": (ctypes.c_int, (state, _pointer, _u32, ready)),
        "fw_frontend_frame_count": (_u32, (state,)),
        "fw_frontend_stands_still": (ctypes.c_int, (state, _u32)),
        "fw_frontend_dtype": (ctypes.c_int, (config,)),
        "fw_frontend_read_frame": (ctypes.c_int, (state, _pointer)),
        "fw_frontend_write_window": (ctypes.c_int, (state, _pointer, ctypes.c_int, _f32, _i32)),
        "fw_frontend_process": (_u32, (state, _pointer, _u32, _pointer, _u32)),
    }
    for name, (result, arguments) in prototypes.items():
        function = getattr(lib, name)
        function.restype = result
        function.argtypes = arguments
    return lib
