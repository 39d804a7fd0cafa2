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
    `difference_rows` the change since that many rows ago, divided by the matching row of `difference_scale`; all
    clipped to `clip`. `window_frames` consecutive frames make one model input, a new one every `hop_rows` rows. A
    missing value (NaN) becomes the channel's last value ("hold") or its `fill` ("fill") for at most `missing_limit`
    rows in a row; after a longer gap windows begin anew. `SensorFrontEnd.fit` takes offset, scale and fill from
    training rows.
    """

    kind: ClassVar[str] = "sensor"

    channels: tuple[str, ...]
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
    window_frames: int = 1
    hop_rows: int = 1
    rounding: Rounding = "nearest"

    def __post_init__(self) -> None:
        check_tuple(self, "channels", str, None)
        count = len(self.channels)
        require(1 <= count <= 1024, f"channels has {count} names, must have 1 to 1024")
        require(len(set(self.channels)) == count, "channels names one channel twice")
        check_real(self, "row_interval_ms", 1e-3, 1e9)
        check_tuple(self, "offset", float, count)
        check_tuple(self, "scale", float, count)
        require(all(abs(v) >= 1e-30 for v in self.scale), "scale has a value of 0")
        check_tuple(self, "fill", float, count if self.missing == "fill" or self.fill else 0)
        check_clip(self.input_clip, "input_clip")
        check_clip(self.clip)
        check_choice(self, "missing", ("hold", "fill"))
        check_int(self, "missing_limit", 0, 65534)
        check_tuple(self, "difference_rows", int, None)
        require(
            len(self.difference_rows) <= 16 and all(1 <= rows <= 4096 for rows in self.difference_rows),
            f"difference_rows is {self.difference_rows!r}, must be at most 16 integers from 1 to 4096",
        )
        require(
            isinstance(self.difference_scale, tuple) and len(self.difference_scale) == len(self.difference_rows),
            "difference_scale must have one row for each of difference_rows",
        )
        for row in self.difference_scale:
            require(
                isinstance(row, tuple) and len(row) == count and all(is_real(v) and abs(v) >= 1e-30 for v in row),
                f"difference_scale has the row {row!r}, must have {count} numbers that are not 0",
            )
        check_int(self, "window_frames", 1, 4096)
        check_int(self, "hop_rows", 1, 65535)
        check_choice(self, "rounding", ("nearest", "truncate"))

    @property
    def frame_values(self) -> int:
        """Values of one frame of the model's input."""
        return len(self.channels) * (1 + len(self.difference_rows))

    @property
    def first_window_rows(self) -> int:
        """Rows needed before the first window is complete."""
        return self.window_frames + max(self.difference_rows, default=0)

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
        return cls(
            channels=channels,
            row_interval_ms=row_interval_ms,
            offset=_reals(offset),
            scale=_reals(_non_zero(scale)),
            fill=_reals(mean),
            difference_rows=difference_rows,
            difference_scale=tuple(_reals(_non_zero(change)) for change in changes),
            **others,
        )


def _reals(values: npt.NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(v) for v in values)


def _non_zero(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(np.nan_to_num(values) > 0.0, values, 1.0)
