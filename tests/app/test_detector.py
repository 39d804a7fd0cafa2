"""The detector in C against a description of it in Python with exact fractions, and posteriors against NumPy."""

from __future__ import annotations

import math
from collections import deque
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldwren.detector import Detection, Detector, DetectorConfig, Mode, posteriors, to_q15
from fieldwren.errors import BadInputError

ONE = 32768


def half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


class Oracle:
    """What firmware/runtime/detector.h promises, written down independently of the C."""

    def __init__(self, config: DetectorConfig) -> None:
        self.config = config
        self.thresholds = [half_up(Fraction(t) * ONE) for t in config.thresholds]
        self.seen: deque[list[int]] = deque(maxlen=config.smoothing)
        self.unreleased: set[int] = set()
        self.last: int | None = None
        self.state: int | None = None

    def push(self, row: list[int], t_ms: int) -> tuple[int, int, int] | None:
        self.seen.append(row)
        means = [Fraction(sum(column), len(self.seen)) for column in zip(*self.seen, strict=True)]
        smoothed = [half_up(mean) for mean in means]
        top = means.index(max(means))
        high = smoothed[top] >= self.thresholds[top] and len(self.seen) >= self.config.minimum_count
        rested = self.last is None or t_ms - self.last >= self.config.refractory_ms
        if self.config.mode == "events":
            release = half_up(Fraction(self.config.release) * ONE)
            self.unreleased -= {c for c, s in enumerate(smoothed) if s == 0 or s < self.thresholds[c] - release}
            if self.config.background[top] or top in self.unreleased or not (high and rested):
                return None
            self.unreleased.add(top)
            self.last = t_ms
            return t_ms, top, smoothed[top]
        first = self.config.mode == "every" and self.state is None
        changed = top != self.state and (first or (high and rested))
        if changed:
            self.state, self.last = top, t_ms
        if self.config.mode == "states" and not changed:
            return None
        assert self.state is not None
        return None if self.config.background[self.state] else (t_ms, self.state, smoothed[self.state])


@st.composite
def scenes(draw: st.DrawFn) -> tuple[DetectorConfig, list[list[int]], list[int]]:
    """A configuration and inferences that wander between classes, so that everything happens."""
    classes = draw(st.integers(1, 5))
    smoothing = draw(st.integers(1, 6))
    config = DetectorConfig(
        thresholds=tuple(
            draw(st.lists(st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]), min_size=classes, max_size=classes))
        ),
        background=tuple(draw(st.lists(st.booleans(), min_size=classes, max_size=classes))),
        mode=draw(st.sampled_from(["events", "states", "every"] if classes > 1 else ["events"])),
        smoothing=smoothing,
        minimum_count=draw(st.integers(1, smoothing)),
        refractory_ms=draw(st.sampled_from([0, 100, 350])),
        release=draw(st.sampled_from([0.0, 0.1, 0.5])),
    )
    level = st.sampled_from([0, 1, ONE // 2, ONE - 1, ONE]) | st.integers(0, ONE)
    rows = draw(st.lists(st.lists(level, min_size=classes, max_size=classes), min_size=1, max_size=40))
    steps = draw(st.lists(st.sampled_from([0, 1, 100, 100, 100]), min_size=len(rows), max_size=len(rows)))
    start = draw(st.sampled_from([0, 990, 2**31 - 200]))
    return config, rows, [start + sum(steps[: i + 1]) for i in range(len(rows))]


@settings(deadline=None, max_examples=500)
@given(scenes())
def test_the_detector_does_what_its_header_says(scene: tuple[DetectorConfig, list[list[int]], list[int]]) -> None:
    config, rows, times = scene
    oracle, detector = Oracle(config), Detector(config)
    for _ in range(2):
        for row, t_ms in zip(rows, times, strict=True):
            expected = oracle.push(row, t_ms)
            found = detector.push(np.array(row, np.uint16), t_ms)
            assert (found and (found.t_ms, found.label, round(found.confidence * ONE))) == expected
        oracle = Oracle(config)
        detector.reset()


def run(config: DetectorConfig, *rows: tuple[float, ...]) -> list[tuple[int, int]]:
    """(time, label) of detections, one inference every 100 ms."""
    q15 = np.array([[to_q15(p) for p in row] for row in rows], np.uint16)
    found = Detector(config).run(q15, [100 * (i + 1) for i in range(len(rows))])
    return [(d.t_ms, d.label) for d in found]


HIGH, LOW = (0.1, 0.9), (0.9, 0.1)


def test_a_held_class_fires_once_and_again_after_a_pause() -> None:
    config = DetectorConfig(thresholds=(0.5, 0.5), background=(True, False))
    assert run(config, LOW, HIGH, HIGH, HIGH, LOW, HIGH) == [(200, 1), (600, 1)]


def test_the_refractory_time_delays_the_next_detection() -> None:
    config = DetectorConfig(thresholds=(0.5, 0.5, 0.5), background=(False,) * 3, refractory_ms=300)
    rows = [(0.9, 0.0, 0.0), (0.0, 0.9, 0.0), (0.0, 0.9, 0.0), (0.0, 0.9, 0.0), (0.0, 0.9, 0.0)]
    assert run(config, *rows) == [(100, 0), (400, 1)]


def test_smoothing_keeps_a_spike_from_firing() -> None:
    config = DetectorConfig(thresholds=(0.5, 0.5), background=(True, False), smoothing=3)
    assert run(config, LOW, LOW, HIGH, LOW, LOW) == []
    assert run(config, LOW, LOW, HIGH, HIGH, LOW) == [(400, 1)]


def test_the_minimum_count_waits() -> None:
    config = DetectorConfig(thresholds=(0.5, 0.5), background=(True, False), smoothing=4, minimum_count=3)
    assert run(config, HIGH, HIGH, HIGH) == [(300, 1)]


def test_one_class_alone_needs_no_majority() -> None:
    config = DetectorConfig(thresholds=(0.3,), background=(False,), release=0.1)
    assert run(config, (0.2,), (0.35,), (0.4,), (0.25,), (0.4,), (0.1,), (0.3,)) == [(200, 0), (700, 0)]


def test_thresholds_make_hysteresis_of_states() -> None:
    config = DetectorConfig(thresholds=(0.7, 0.7), background=(False, False), mode="states")
    rows = [(0.4, 0.6), (0.2, 0.8), (0.6, 0.4), (0.4, 0.6), (0.8, 0.2), (0.6, 0.4), (0.2, 0.8)]
    assert run(config, *rows) == [(200, 1), (500, 0), (700, 1)]


def test_a_changed_threshold_holds_over_a_reset() -> None:
    detector = Detector(DetectorConfig(thresholds=(0.5, 0.5), background=(True, False)))
    detector.set_threshold(1, 0.95)
    detector.reset()
    assert detector.push(np.array([0, to_q15(0.9)], np.uint16), 0) is None
    assert detector.push(np.array([0, to_q15(0.96)], np.uint16), 0) == Detection(0, 1, to_q15(0.96) / ONE)
    with pytest.raises(BadInputError):
        detector.set_threshold(2, 0.5)


@pytest.mark.parametrize(
    "wrong",
    [
        {"thresholds": (), "background": ()},
        {"thresholds": (0.5,), "background": (False,), "mode": "states"},
        {"thresholds": (0.5,), "background": (False,), "mode": "every"},
        {"background": (False,)},
        {"thresholds": (0.5, 1.5)},
        {"thresholds": (0.5, math.nan)},
        {"mode": "sometimes"},
        {"smoothing": 0},
        {"smoothing": 65536},
        {"smoothing": 2, "minimum_count": 3},
        {"refractory_ms": -1},
        {"release": 2.0},
    ],
)
def test_a_wrong_configuration_is_refused(wrong: dict[str, object]) -> None:
    good: dict[str, object] = {"thresholds": (0.5, 0.5), "background": (False, False)}
    with pytest.raises(BadInputError, match="detector: "):
        DetectorConfig(**(good | wrong))  # type: ignore[arg-type]


def test_the_modes_are_those_of_the_type() -> None:
    modes: tuple[Mode, ...] = ("events", "states", "every")
    for mode in modes:
        assert Detector(
            DetectorConfig(thresholds=(0.5, 0.5), background=(False, False), mode=mode)
        ).smoothed().tolist() == [0, 0]


RNG = np.random.default_rng(5)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16])
def test_probabilities_are_dequantised(dtype: type) -> None:
    info = np.iinfo(dtype)
    q: np.ndarray = RNG.integers(info.min, info.max + 1, 500).astype(dtype)
    scale, zero_point = np.float32(1.3 / (info.max - info.min)), int(RNG.integers(info.min, info.max))
    p = np.clip((q.astype(np.float32) - np.float32(zero_point)) * scale, 0, 1)
    assert np.array_equal(posteriors(q, float(scale), zero_point), np.floor(p * np.float32(ONE) + np.float32(0.5)))


def test_float_outputs_are_clamped_and_not_finite_ones_are_nothing() -> None:
    values = np.array([-1.0, 0.0, 0.25, 1.0, 7.0, np.nan, np.inf, -np.inf], np.float32)
    assert posteriors(values).tolist() == [0, 0, ONE // 4, ONE, ONE, 0, 0, 0]


def test_softmax_and_logistic() -> None:
    logits = RNG.normal(0, 4, (50, 7)).astype(np.float32)
    for row in logits:
        exact = np.exp(row.astype(np.float64) - row.max())
        assert np.abs(posteriors(row, kind="softmax") / ONE - exact / exact.sum()).max() <= 0.6 / ONE
        assert (
            np.abs(posteriors(row, kind="logistic") / ONE - 1 / (1 + np.exp(-row.astype(np.float64)))).max()
            <= 0.6 / ONE
        )
    assert posteriors(np.array([1e38, -1e38, 0], np.float32), kind="softmax").tolist() == [ONE, 0, 0]
    assert posteriors(np.array([1000, -1000], np.float32), kind="logistic").tolist() == [ONE, 0]


def test_one_output_is_one_class() -> None:
    assert posteriors(np.array([192], np.uint8), 1 / 256).tolist() == [3 * ONE // 4]
    assert posteriors(np.array([0.0], np.float32), kind="logistic").tolist() == [ONE // 2]
    with pytest.raises(BadInputError, match="cannot become 1 posteriors"):  # it would always be 1
        posteriors(np.array([0.0], np.float32), kind="softmax")


def test_one_output_is_two_classes() -> None:
    assert posteriors(np.array([0.75], np.float32), class_count=2).tolist() == [ONE // 4, 3 * ONE // 4]
    assert posteriors(np.array([0.0], np.float32), class_count=2, kind="logistic").tolist() == [ONE // 2, ONE // 2]


@pytest.mark.parametrize(
    ("values", "classes"), [(np.zeros(3, np.int32), 3), (np.zeros(3, np.int8), 2), (np.zeros(1, np.int8), 3)]
)
def test_outputs_that_cannot_be_posteriors(values: np.ndarray, classes: int) -> None:
    with pytest.raises(BadInputError, match="cannot become"):
        posteriors(values, 1.0, class_count=classes)
