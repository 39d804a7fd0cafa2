"""Confidence intervals against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fieldwren.evaluate.intervals import mean_95, student_95, upper_95, wilson_95


@pytest.mark.parametrize("freedom", [1, 2, 7, 30, 31, 60, 500])
def test_students_quantile(freedom: int) -> None:
    assert student_95(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-3)


@pytest.mark.parametrize("count", [2, 3, 12, 80])
def test_mean_and_its_bounds(count: int) -> None:
    values = np.random.default_rng(count).normal(0.3, 1.0, count)
    low, high = stats.t.interval(0.95, count - 1, loc=values.mean(), scale=stats.sem(values))
    made = mean_95(values.tolist())
    assert (made.mean, made.low, made.high) == pytest.approx((values.mean(), low, high), rel=1e-3, abs=1e-3)
    assert made.excludes_zero == (low > 0 or high < 0)


def test_a_single_value_has_no_bounds() -> None:
    assert (mean_95([0.5]).low, mean_95([0.5]).excludes_zero) == (None, False)


@pytest.mark.parametrize(("successes", "trials"), [(0, 5), (3, 7), (500, 500)])
def test_the_interval_of_a_share(successes: int, trials: int) -> None:
    expected = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert wilson_95(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("events", [0, 1, 21])
def test_the_upper_bound_of_a_count(events: int) -> None:
    assert upper_95(events) == pytest.approx(stats.chi2.ppf(0.95, 2 * (events + 1)) / 2, rel=1e-6)
