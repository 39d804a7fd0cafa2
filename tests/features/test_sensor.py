"""Windows over sensor rows against the definition written in plain Python."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwren.errors import BadInputError
from fieldwren.features import SensorFrontEnd, SensorStream, row_windows

Rows = npt.NDArray[np.float64]


def reference(p: SensorFrontEnd, rows: Rows) -> tuple[list[npt.NDArray[np.float64]], list[int]]:
    """Windows and the index of each one's newest row."""
    channels = range(len(p.channels))
    last: list[float | None] = [None] * len(p.channels)
    gaps = [0] * len(p.channels)
    history: list[list[float]] = []
    frames: list[npt.NDArray[np.float64]] = []
    windows, indices = [], []
    due = 0
    for index, row in enumerate(rows):
        whole, usable = [], True
        for c in channels:
            value = float(row[c])
            if math.isfinite(value):
                value = float(np.clip(value, *(p.input_clip or (-np.inf, np.inf))))
                gaps[c], last[c] = 0, value
            else:
                gaps[c] += 1
                held = last[c] if p.missing == "hold" else p.fill[c]
                usable &= gaps[c] <= p.missing_limit and held is not None
                value = 0.0 if held is None else held
            whole.append(value)
        if not usable:
            history, frames, due = [], [], 0
            continue
        history.append(whole)
        if len(history) <= max(p.difference_rows, default=0):
            continue
        frame = [(whole[c] - p.offset[c]) / p.scale[c] for c in channels]
        for back, scale in zip(p.difference_rows, p.difference_scale, strict=True):
            frame += [(whole[c] - history[-1 - back][c]) / scale[c] for c in channels]
        frames.append(np.clip(frame, *(p.clip or (-np.inf, np.inf))))
        if len(frames) < p.window_frames:
            continue
        if due == 0:
            windows.append(np.array(frames[-p.window_frames :]))
            indices.append(index)
            due = p.hop_rows
        due -= 1
    return windows, indices


def table(seed: int, count: int = 80, missing: float = 0.1) -> Rows:
    rng = np.random.default_rng(seed)
    drift = np.cumsum(rng.normal(0, [0.3, 5.0, 100.0], (count, 3)), axis=0)
    rows = drift + np.array([20.0, 400.0, 1e4])
    rows[rng.random(rows.shape) < missing] = np.nan
    rows[rng.random(rows.shape) < missing / 10] = np.inf
    return np.asarray(rows)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    missing=st.sampled_from([0.0, 0.03, 0.3]),
    limit=st.integers(0, 4),
    rule=st.sampled_from(["hold", "fill"]),
    differences=st.lists(st.integers(1, 9), max_size=3, unique=True),
    frames=st.integers(1, 6),
    hop=st.integers(1, 5),
    normalisation=st.sampled_from(["standard", "min-max"]),
    clip=st.sampled_from([None, (-0.5, 0.75)]),
    input_clip=st.sampled_from([None, (19.5, 10000.0)]),
)
def test_follows_the_definition(
    seed: int,
    missing: float,
    limit: int,
    rule: Any,
    differences: list[int],
    frames: int,
    hop: int,
    normalisation: Any,
    clip: Any,
    input_clip: Any,
) -> None:
    rows = table(seed, missing=missing)
    p = SensorFrontEnd.fit(
        table(seed + 1),
        channels=("temperature", "co2", "light"),
        row_interval_ms=60_000,
        normalisation=normalisation,
        difference_rows=tuple(differences),
        missing=rule,
        missing_limit=limit,
        window_frames=frames,
        hop_rows=hop,
        clip=clip,
        input_clip=input_clip,
    )
    single = np.float32(rows).astype(np.float64)
    expected, last_rows = reference(p, single)
    found = row_windows(p, rows)
    assert found.last_row.tolist() == last_rows
    if expected:
        np.testing.assert_allclose(found.inputs, np.array(expected), rtol=1e-4, atol=2e-4)


def test_fit() -> None:
    rows = table(5)
    rows[:, 2] = 7.0
    p = SensorFrontEnd.fit(rows, channels=("a", "b", "c"), row_interval_ms=1000, difference_rows=(2,))
    finite = np.where(np.isfinite(rows), rows, np.nan)
    np.testing.assert_allclose(p.offset, np.nanmean(finite, axis=0))
    np.testing.assert_allclose(p.scale[:2], np.nanstd(finite[:, :2], axis=0))
    np.testing.assert_allclose(p.difference_scale[0][:2], np.nanstd(finite[2:, :2] - finite[:-2, :2], axis=0))
    assert p.scale[2] == p.difference_scale[0][2] == 1.0, "a channel that never changes"
    assert p.fill == p.offset
    narrow = SensorFrontEnd.fit(rows, channels=("a", "b", "c"), row_interval_ms=1000, normalisation="min-max")
    np.testing.assert_allclose(narrow.offset, np.nanmin(finite, axis=0))


def test_nothing_is_held_before_the_first_value() -> None:
    p = SensorFrontEnd(channels=("x",), row_interval_ms=1.0, offset=(0.0,), scale=(1.0,), missing_limit=65534)
    stream = SensorStream(p)
    assert not stream.push_row([np.nan])
    assert stream.push_row([3.0])
    assert stream.push_row([np.nan])
    assert stream.window().tolist() == [[3.0]]
    stream.reset()
    assert not stream.push_row([np.nan])


def test_quantised_window() -> None:
    p = SensorFrontEnd(channels=("x", "y"), row_interval_ms=1.0, offset=(0.0, 0.0), scale=(1.0, 1.0))
    stream = SensorStream(p)
    stream.push_row([0.25, -0.25])
    assert stream.window(np.int8, 0.1, 0).tolist() == [[3, -3]], "halves away from zero"
    stream.push_row([1e9, -1e9])
    assert stream.window(np.int8, 0.1, 5).tolist() == [[127, -128]]
    assert stream.window(np.uint8, 0.1, 5).tolist() == [[255, 0]]
    assert stream.window(np.int16, 0.1, 5).tolist() == [[32767, -32768]]
    truncating = SensorStream(dataclasses.replace(p, rounding="truncate"))
    truncating.push_row([0.29, -0.29])
    assert truncating.window(np.int8, 0.1, 0).tolist() == [[2, -2]]
    assert truncating.window(np.int8, 0.1, 1).tolist() == [[3, -1]]


@pytest.mark.parametrize("row", [[1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]]])
def test_rows_of_another_width_are_refused(row: Any) -> None:
    p = SensorFrontEnd(channels=("left", "right"), row_interval_ms=1.0, offset=(0.0, 0.0), scale=(1.0, 1.0))
    with pytest.raises(BadInputError, match="2 channels left, right"):
        SensorStream(p).push_row(row)


def test_pcm_means_nothing_to_a_sensor_front_end() -> None:
    p = SensorFrontEnd(channels=("x",), row_interval_ms=1.0, offset=(0.0,), scale=(1.0,))
    stream = SensorStream(p)
    with pytest.raises(BadInputError, match="no frame yet"):
        stream.newest_frame()
    with pytest.raises(BadInputError, match="0 of 1 frames"):
        stream.window()


def test_equal_rows_stand_still_until_one_differs() -> None:
    p = SensorFrontEnd(
        channels=("a", "b"), row_interval_ms=1000.0, offset=(0.0, 0.0), scale=(1.0, 1.0), window_frames=3, hop_rows=2
    )
    stream = SensorStream(p)
    still = []
    for value in [1.0] * 8 + [2.0] + [1.0] * 8 + [math.nan] * 3 + [1.0] * 6:
        stream.push_row(np.array([value, 4.0], np.float32))
        still.append(stream.stands_still(2))
    # Three frames and the two before them are equal: from the fifth row on, and from the fifth after each change.
    assert [index for index, answer in enumerate(still) if answer] == [4, 5, 6, 7, 13, 14, 15, 16, 24, 25]


@pytest.mark.parametrize("frames", [1, 2, 3])
@pytest.mark.parametrize("hop", [1, 2])
@pytest.mark.parametrize("differences", [(), (1,)])
def test_rows_that_stand_still_give_the_same_window(frames: int, hop: int, differences: tuple[int, ...]) -> None:
    p = SensorFrontEnd(
        channels=("a",), row_interval_ms=1000.0, offset=(0.0,), scale=(1.0,), window_frames=frames, hop_rows=hop,
        difference_rows=differences, difference_scale=((1.0,),) * len(differences),
    )  # fmt: skip
    stream, seen, still = SensorStream(p), [], 0
    for value in np.random.default_rng(frames).integers(0, 2, 300) * (np.arange(300) // 10 % 2):
        if stream.push_row(np.array([value], np.float32)):
            seen.append(stream.window())
            if stream.stands_still(hop):
                still += 1
                np.testing.assert_array_equal(seen[-1], seen[-2])
    assert still > 50 if frames > 1 else still == 0


def test_activity_is_the_logarithm_of_the_mean_change() -> None:
    rng = np.random.default_rng(5)
    rows = rng.normal(0, [1, 20], (60, 2)).astype(np.float32)
    rows[30:45, 1] = rows[30, 1]  # stuck
    p = SensorFrontEnd.fit(rows, channels=("a", "b"), row_interval_ms=1000, activity_rows=(1, 8))
    made = row_windows(p, rows)
    assert made.last_row[0] == 8 and made.inputs.shape[1:] == (1, 6)
    steps = np.abs(np.diff(rows.astype(np.float64), axis=0))
    for window, last in zip(made.inputs, made.last_row, strict=True):
        for number, count in enumerate(p.activity_rows):
            level = np.log(steps[last - count : last].mean(axis=0) + p.activity_floor)
            wanted = (level - p.activity_offset[number]) / p.activity_scale[number]
            assert np.allclose(window[0, 2 + 2 * number : 4 + 2 * number], wanted, rtol=1e-4, atol=1e-4)
    stuck = made.inputs[made.last_row == 44][0, 0]
    assert stuck[5] == made.inputs[:, 0, 5].min() < -1.9
    with pytest.raises(BadInputError, match="activity_floor"):
        dataclasses.replace(p, activity_floor=(0.0, 1.0))
