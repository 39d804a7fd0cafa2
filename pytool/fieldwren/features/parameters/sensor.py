"""Parameters of windows over sensor rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from fieldwren.features.parameters.base import (
    Parameters,
    Rounding,
    check_choice,
    check_clip,
    check_int,
    check_real,
    check_tuple,
    is_real,
    require,
)


@dataclass(frozen=True, kw_only=True)
class SensorFrontEnd(Parameters):
    """Windows over rows of sensor values.

    Readings x are limited to `input_clip`. A frame is (x - offset) / scale of every channel, then for each entry of
    `difference_rows` the change since that
    many rows ago, divided by the matching row of `difference_scale`, and for each entry of `activity_rows` how much the
    channel has been moving: the logarithm of its mean absolute change from row to row over so many rows plus
    `activity_floor`, minus `activity_offset` over `activity_scale`; all clipped to `clip`. `window_frames`
    consecutive frames make one model input, a new one every `hop_rows` rows. A missing value (NaN) becomes the
    channel's last value ("hold") or its `fill` ("fill") for at most `missing_limit` rows in a row; after a longer gap
    windows begin anew. `element` is how rows come over the link: an image's as int8, one row of pixels after the other
    (none can be missing then). `SensorFrontEnd.fit` takes offset, scale and fill from training rows.
    """

    kind: ClassVar[str] = "sensor"

    channels: tuple[str, ...]
    element: Literal["float32", "int8"] = "float32"
    row_interval_ms: float
    offset: tuple[float, ...]
    scale: tuple[float, ...]
    fill: tuple[float, ...] = ()
    input_clip: tuple[float, float] | None = None
    clip: tuple[float, float] | None = None
    missing: Literal["hold", "fill"] = "hold"
    missing_limit: int = 0
    difference_rows: tuple[int, ...] = ()
    difference_scale: tuple[tuple[float, ...], ...] = ()
    activity_rows: tuple[int, ...] = ()
    activity_floor: tuple[float, ...] = ()
    activity_offset: tuple[tuple[float, ...], ...] = ()
    activity_scale: tuple[tuple[float, ...], ...] = ()
    window_frames: int = 1
    hop_rows: int = 1
    rounding: Rounding = "nearest"

    def __post_init__(self) -> None:
        check_tuple(self, "channels", str, None)
        count = len(self.channels)
        require(1 <= count <= 1024, f"channels has {count} names, must have 1 to 1024")
        require(len(set(self.channels)) == count, "channels names one channel twice")
        check_choice(self, "element", ("float32", "int8"))
        check_real(self, "row_interval_ms", 1e-3, 1e9)
        check_tuple(self, "offset", float, count)
        check_tuple(self, "scale", float, count)
        require(all(abs(v) >= 1e-30 for v in self.scale), "scale has a value of 0")
        check_tuple(self, "fill", float, count if self.missing == "fill" or self.fill else 0)
        check_clip(self.input_clip, "input_clip")
        check_clip(self.clip)
        check_choice(self, "missing", ("hold", "fill"))
        check_int(self, "missing_limit", 0, 65534)
        for name, rows in (("difference", self.difference_rows), ("activity", self.activity_rows)):
            check_tuple(self, f"{name}_rows", int, None)
            require(
                len(rows) <= 16 and all(1 <= row <= 4096 for row in rows),
                f"{name}_rows is {rows!r}, must be at most 16 integers from 1 to 4096",
            )
        self._check_rows("difference_scale", "difference_rows", least=1e-30)
        self._check_rows("activity_scale", "activity_rows", least=1e-30)
        self._check_rows("activity_offset", "activity_rows", least=0.0)
        check_tuple(self, "activity_floor", float, count if self.activity_rows else 0)
        require(all(v >= 1e-30 for v in self.activity_floor), "activity_floor has a value that is not above 0")
        check_int(self, "window_frames", 1, 4096)
        check_int(self, "hop_rows", 1, 65535)
        check_choice(self, "rounding", ("nearest", "truncate"))

    def _check_rows(self, name: str, of: str, least: float) -> None:
        """Field `name` has a row of a number a channel, none of them nearer to 0 than `least`, for each entry of `of`."""
        table, count = getattr(self, name), len(self.channels)
        require(
            isinstance(table, tuple) and len(table) == len(getattr(self, of)),
            f"{name} must have one row for each of {of}",
        )
        for row in table:
            require(
                isinstance(row, tuple) and len(row) == count and all(is_real(v) and abs(v) >= least for v in row),
                f"{name} has the row {row!r}, must have {count} numbers{' that are not 0' if least else ''}",
            )

    @property
    def frame_values(self) -> int:
        """Values of one frame of the model's input."""
        return len(self.channels) * (1 + len(self.difference_rows) + len(self.activity_rows))

    @property
    def first_window_rows(self) -> int:
        """Rows needed before the first window is complete."""
        return self.window_frames + max((*self.difference_rows, *self.activity_rows), default=0)

    @property
    def hop_ms(self) -> float:
        """Time from one window to the next."""
        return self.hop_rows * self.row_interval_ms

    @classmethod
    def fit(
        cls,
        rows: npt.ArrayLike,
        *,
        channels: tuple[str, ...],
        row_interval_ms: float,
        normalisation: Literal["standard", "min-max"] = "standard",
        difference_rows: tuple[int, ...] = (),
        activity_rows: tuple[int, ...] = (),
        **others: Any,
    ) -> SensorFrontEnd:
        """Normalisation from training rows [n, channels] in time order; NaN is left out.

        "standard" makes mean 0 and deviation 1, "min-max" the range 0…1; `fill` is the mean; differences are divided
        by their deviation. A channel that never changes gets scale 1. `others` are passed on.
        """
        table = np.asarray(rows, dtype=np.float64)
        require(
            table.ndim == 2 and table.shape[1] == len(channels) and len(table) > 0,
            f"training rows have shape {list(table.shape)}, must be [rows, {len(channels)}]",
        )
        table = np.where(np.isfinite(table), table, np.nan)
        if others.get("input_clip") is not None:
            table = np.clip(table, *others["input_clip"])
        for name, column in zip(channels, table.T, strict=True):
            require(not np.isnan(column).all(), f"channel {name} has no value in the training rows")
        require(normalisation in ("standard", "min-max"), f"normalisation {normalisation!r} is not known")
        mean = np.nanmean(table, axis=0)
        if normalisation == "standard":
            offset, scale = mean, np.nanstd(table, axis=0)
        else:
            offset = np.nanmin(table, axis=0)
            scale = np.nanmax(table, axis=0) - offset
        changes = []
        for back in difference_rows:
            require(0 < back < len(table), f"difference_rows has {back}, there are {len(table)} training rows")
            changes.append(np.nanstd(table[back:] - table[:-back], axis=0))
        floor, moving = _activity(table, activity_rows)
        return cls(
            channels=channels,
            row_interval_ms=row_interval_ms,
            offset=_reals(offset),
            scale=_reals(_non_zero(scale)),
            fill=_reals(mean),
            difference_rows=difference_rows,
            difference_scale=tuple(_reals(_non_zero(change)) for change in changes),
            activity_rows=activity_rows,
            activity_floor=_reals(floor) if activity_rows else (),
            activity_offset=tuple(_reals(np.nanmean(level, axis=0)) for level in moving),
            activity_scale=tuple(_reals(_non_zero(np.nanstd(level, axis=0))) for level in moving),
            **others,
        )


def _activity(
    table: npt.NDArray[np.float64], rows: tuple[int, ...]
) -> tuple[npt.NDArray[np.float64], list[npt.NDArray[np.float64]]]:
    """(a tenth of the lower quartile of each channel's changes but for none at all, logarithms of mean changes)."""
    steps = np.abs(np.diff(table, axis=0))
    floor = np.ones(table.shape[1])
    for channel, column in enumerate(steps.T):
        moved = column[column > 0]
        floor[channel] = 0.1 * np.quantile(moved, 0.25) if len(moved) else 1.0
    levels = []
    for count in rows:
        require(0 < count < len(table), f"activity_rows has {count}, there are {len(table)} training rows")
        sums = np.lib.stride_tricks.sliding_window_view(steps, count, axis=0).mean(axis=-1)
        levels.append(np.log(sums + floor))
    return floor, levels


def _reals(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


def _non_zero(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(np.nan_to_num(values) > 0.0, values, 1.0)
