"""A front end's C state, and what all kinds share."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError
from fieldwren.features import native
from fieldwren.features.parameters import FrontEndParameters
from fieldwren.features.tables import front_end_data

Features = npt.NDArray[Any]

_FRAME_DTYPES = {native.FW_FLOAT32: np.float32, native.FW_UINT16: np.uint16, native.FW_INT16: np.int16}


class FrontEndState:
    """One initialised fw_frontend_t with its configuration and memory."""

    def __init__(self, parameters: FrontEndParameters) -> None:
        data = front_end_data(parameters)
        self.frame_values = data.frame_values
        self.window_frames = data.window_frames
        self._lib = native.functions()
        self._config, self._kept = native.build_config(data)
        self.memory_bytes: int = self._lib.fw_frontend_memory_bytes(ctypes.byref(self._config))
        self._memory = np.zeros((self.memory_bytes + 7) // 8, np.uint64)
        self._c = native.FrontEnd()
        status = self._lib.fw_frontend_init(
            ctypes.byref(self._c), ctypes.byref(self._config), self._memory.ctypes.data, self._memory.nbytes
        )
        if self.memory_bytes == 0 or status != native.FW_OK:
            raise BadInputError(f"front end: the C code refuses these parameters (status {status}): {parameters}")
        # Fixed-point frames are given as the real numbers they stand for.
        self._unit = data.frame_unit
        self._raw_dtype: np.dtype[Any] = np.dtype(
            _FRAME_DTYPES[self._lib.fw_frontend_dtype(ctypes.byref(self._config))]
        )

    def reset(self) -> None:
        """Forgets everything that was pushed."""
        self._lib.fw_frontend_reset(ctypes.byref(self._c))

    @property
    def frame_count(self) -> int:
        """Frames in the ring, at most `window_frames`."""
        return int(self._lib.fw_frontend_frame_count(ctypes.byref(self._c)))

    def stands_still(self, frames: int) -> bool:
        """Whether the window is bit by bit the one of `frames` frames ago, because all its frames are the same."""
        return bool(self._lib.fw_frontend_stands_still(ctypes.byref(self._c), frames))

    def newest_frame(self) -> Features:
        """The newest frame, [frame_values] of `dtype`, before any normalisation over the window."""
        frame = np.empty(self.frame_values, self._raw_dtype)
        if self._lib.fw_frontend_read_frame(ctypes.byref(self._c), frame.ctypes.data) != native.FW_OK:
            raise BadInputError("front end: there is no frame yet, push more")
        return self._real(frame)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of frames: float32, or uint16 for the micro front end."""
        return np.dtype(np.float32) if self._unit != 1.0 else self._raw_dtype

    def _real(self, frames: Features) -> Features:
        return frames if self._unit == 1.0 else frames * np.float32(self._unit)

    def window(self, dtype: npt.DTypeLike = np.float32, scale: float = 0.0, zero_point: int = 0) -> Features:
        """The newest window as the model's input, [window_frames, frame_values].

        float32, or quantised (int8, uint8, int16) with the input tensor's scale and zero point. Raises BadInputError
        while fewer than `window_frames` frames are there.
        """
        out: Features = self._new_windows(1, dtype)[0]
        self._write_window(out, scale, zero_point)
        return out

    def _new_windows(self, count: int, dtype: npt.DTypeLike) -> Features:
        if np.dtype(dtype) not in native.DTYPES:
            raise BadInputError(f"front end: a model input of type {np.dtype(dtype)} is not supported")
        return np.empty((count, self.window_frames, self.frame_values), dtype)

    def _write_window(self, out: Features, scale: float, zero_point: int) -> None:
        status = self._lib.fw_frontend_write_window(
            ctypes.byref(self._c), out.ctypes.data, native.DTYPES[out.dtype], scale, zero_point
        )
        if status == native.FW_E_STATE:
            raise BadInputError(f"front end: {self.frame_count} of {self.window_frames} frames are there, push more")
        if status != native.FW_OK:
            raise BadInputError(
                f"front end: cannot write a model input of type {out.dtype} with scale {scale} "
                f"and zero point {zero_point}"
            )
