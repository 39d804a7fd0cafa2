"""Continuous audio: scores that count what they say, bounds from the textbook."""

from __future__ import annotations

import pytest
from scipy.stats import chi2

from fieldwren.datasets import Event
from fieldwren.evaluate.intervals import upper_95, wilson_95
from fieldwren.evaluate.streams import score


def test_score_counts_hits_misses_and_false_accepts() -> None:
    said = [Event("one", 1.0, 1.4), Event("two", 2.5, 2.9), Event("one", 4.0, 4.4)]
    found = [Event("one", 1.6, 1.6), Event("one", 1.9, 1.9), Event("two", 4.5, 4.5)]
    result = score(found, said, 10.0)
    assert (result.expected, result.detected, result.false_accepts) == (3, 1, 2)
    assert result.missed == ("two@2.50", "one@4.00")
    assert result.wrong == ("one@1.90", "two@4.50")


@pytest.mark.parametrize("events", [0, 1, 5, 20, 3000])
def test_upper_bound_is_the_exact_poisson_bound(events: int) -> None:
    assert upper_95(events) == pytest.approx(float(chi2.ppf(0.95, 2 * events + 2)) / 2, rel=1e-6)


@pytest.mark.parametrize(("misses", "said"), [(0, 10), (3, 40), (40, 40)])
def test_the_interval_of_a_share_is_scipys(misses: int, said: int) -> None:
    from scipy.stats import binomtest

    expected = binomtest(misses, said).proportion_ci(0.95, method="wilson")
    assert wilson_95(misses, said) == pytest.approx((expected.low, expected.high), abs=1e-9)
