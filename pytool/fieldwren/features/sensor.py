"""Windows of sensor rows on the host, computed by the very C code that runs on the device."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fieldwren.errors import BadInputError
from fieldwren.features.parameters import SensorFrontEnd
from fieldwren.features.state import Features, FrontEndState


@dataclass(frozen=True)
class RowWindows:
    """Model inputs made from rows.

    `inputs` is [windows, window_frames, frame_values]; `last_row[i]` is the index of the newest row in window i,
    whose label is the window's.
    """

    inputs: Features
    last_row: npt.NDArray[np.int64]


class SensorStream(FrontEndState):
    """A sensor front end with its state: push rows, take windows."""

    def __init__(self, parameters: SensorFrontEnd) -> None:
        super().__init__(parameters)
        self.parameters = parameters

    def push_row(self, row: npt.ArrayLike) -> bool:
        """Feeds one row [channels]; NaN means missing. True when a window is complete: take it with `window()`."""
        values = np.ascontiguousarray(row, dtype=np.float32)
        ready = ctypes.c_int(0)
        status = self._lib.fw_frontend_push_row(
            ctypes.byref(self._c), values.ctypes.data, values.size, ctypes.byref(ready)
        )
        if status != 0 or values.ndim != 1:
            raise BadInputError(
                f"front end: a row of shape {list(values.shape)} was given, "
                f"it must have the {len(self.parameters.channels)} channels {', '.join(self.parameters.channels)}"
            )
        return bool(ready.value)

    def push_rows(
        self,
        rows: npt.ArrayLike,
        dtype: npt.DTypeLike = np.float32,
        scale: float = 0.0,
        zero_point: int = 0,
    ) -> RowWindows:
        """Feeds rows [n, channels]; returns every window that became complete."""
        with np.errstate(over="ignore"):  # what no float32 holds is infinite, and so missing
            table = np.ascontiguousarray(rows, dtype=np.float32)
        if table.ndim != 2:
            raise BadInputError(f"front end: rows must be a table, not of shape {list(table.shape)}")
        out = self._new_windows(len(table), dtype)
        last_row: list[int] = []
        for index, row in enumerate(table):
            if self.push_row(row):
                self._write_window(out[len(last_row)], scale, zero_point)
                last_row.append(index)
        return RowWindows(out[: len(last_row)].copy(), np.asarray(last_row, np.int64))


def row_windows(
    parameters: SensorFrontEnd,
    rows: npt.ArrayLike,
    dtype: npt.DTypeLike = np.float32,
    scale: float = 0.0,
    zero_point: int = 0,
) -> RowWindows:
    """All windows of rows [n, channels] in time order, from a fresh state; float32 or quantised."""
    return SensorStream(parameters).push_rows(rows, dtype, scale, zero_point)
