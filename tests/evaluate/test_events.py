"""Event scores against scipy, sklearn-like definitions written out, and worked examples."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.stats import mannwhitneyu

from fieldwren.datasets import Event
from fieldwren.evaluate.events import PsdsSettings, event_figures, psds, runs_above
from fieldwren.evaluate.roc import roc


def _random(seed: int, count: int) -> list[Event]:
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, 6, count)
    return [Event(str(rng.choice(["a", "b"])), float(s), float(s + rng.uniform(0.1, 1.5))) for s in starts]


@pytest.mark.parametrize("seed", range(12))
def test_the_matching_is_the_largest(seed: int) -> None:
    truth, found = _random(seed, 14), _random(seed + 100, 17)
    fits = np.array(
        [
            [
                t.label == f.label
                and abs(t.start_s - f.start_s) <= 0.2
                and abs(t.end_s - f.end_s) <= max(0.2, 0.5 * (t.end_s - t.start_s))
                for f in found
            ]
            for t in truth
        ]
    )
    rows, columns = linear_sum_assignment(-fits.astype(int))
    figures = event_figures({"x": truth}, {"x": found})
    assert figures.matched == fits[rows, columns].sum()
    assert figures.f1 == pytest.approx(2 * figures.matched / 31)


def test_collars_and_recordings_count() -> None:
    truth = {"x": [Event("a", 1.0, 3.0)], "y": [Event("a", 5.0, 5.2)]}
    assert event_figures(truth, {"x": [Event("a", 1.19, 3.9)], "y": [Event("a", 5.0, 5.39)]}).f1 == 1.0
    assert event_figures(truth, {"x": [Event("a", 1.21, 3.0)], "y": [Event("a", 5.0, 5.41)]}).f1 == 0.0
    assert event_figures(truth, {"y": truth["x"], "x": truth["y"]}).f1 == 0.0
    assert event_figures(truth, {"x": [Event("b", 1.0, 3.0)]}).f1 == 0.0
    assert event_figures({}, {}).f1 is None


def test_runs_are_where_the_scores_are_high() -> None:
    scores = np.array([0.9, 0.1, 0.6, 0.7, 0.2, 0.5])
    times = np.arange(1, 7) / 10
    runs = [(event.start_s, event.end_s) for event in runs_above(scores, times, 0.5, 0.1, "a")]
    np.testing.assert_allclose(runs, [(0.0, 0.1), (0.2, 0.4), (0.5, 0.6)])


HOUR = 3600.0
TRUTH = {"x": [Event("a", 10, 20), Event("a", 30, 40), Event("b", 50, 60), Event("b", 70, 80)]}
ALL_A, ALL_B = TRUTH["x"][:2], TRUTH["x"][2:]
FALSE_A = [Event("a", 100 + 20 * n, 105 + 20 * n) for n in range(50)]


def _score(*points: list[Event], **settings: float) -> float:
    return psds(TRUTH, [{"x": point} for point in points], ("a", "b"), HOUR, PsdsSettings(**settings))


def test_psds_of_worked_examples() -> None:
    assert _score([*ALL_A, *ALL_B]) == pytest.approx(1.0)
    assert _score([]) == 0.0
    # One class found and the other not: mean 0.5, deviation 0.5.
    assert _score(ALL_A) == pytest.approx(0.0)
    assert _score(ALL_A, spread_weight=0.0) == pytest.approx(0.5)
    # All of b always; all of a only at 50 false alarms an hour of 100 that count: half of the axis is perfect,
    # before that the rates are 0 and 1, whose mean less their deviation is 0.
    assert _score([*ALL_A, *ALL_B, *FALSE_A]) == pytest.approx(0.5)
    # Half of a without false alarms, too: 0.75 - 0.25 there.
    assert _score([*ALL_A, *ALL_B, *FALSE_A], [ALL_A[0], *ALL_B]) == pytest.approx(0.5 * 0.5 + 0.5)


def test_psds_tolerates_what_its_criteria_say() -> None:
    late = [Event(e.label, e.start_s + 2.9, e.end_s + 2.9) for e in (*ALL_A, *ALL_B)]
    assert _score(late) == pytest.approx(1.0)
    later = [Event(e.label, e.start_s + 3.1, e.end_s + 3.1) for e in (*ALL_A, *ALL_B)]
    assert _score(later) == 0.0
    # Two halves of an event are as good as one detection.
    halves = [
        Event(e.label, *span)
        for e in (*ALL_A, *ALL_B)
        for span in ((e.start_s, e.start_s + 5), (e.start_s + 5, e.end_s))
    ]
    assert _score(halves) == pytest.approx(1.0)


def test_cross_triggers_cost_more() -> None:
    crossed = [*ALL_A, *ALL_B, *(Event("a", e.start_s, e.end_s) for e in ALL_B)]
    plain = _score(crossed)
    assert plain == pytest.approx(0.98)  # a has two false alarms an hour of 100
    # And 2 in the 20 s of b, 360 an hour, beyond what counts.
    assert _score(crossed, cross_weight=1.0) == 0.0
    assert _score(crossed, cross_weight=1.0, spread_weight=0.0) == pytest.approx(0.5)


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(400) < 0.3
    scores = np.round(rng.normal(0, 1, 400) + positive, 1)  # with ties
    made = roc(scores, positive)
    assert made is not None
    count = positive.sum() * (~positive).sum()
    assert made.area == pytest.approx(mannwhitneyu(scores[positive], scores[~positive]).statistic / count)
    assert (made.false_positive[0], made.true_positive[0]) == (0, 0)
    assert (made.false_positive[-1], made.true_positive[-1]) == (1, 1)
    for a, b in itertools.pairwise(zip(made.false_positive, made.true_positive, strict=True)):
        assert b[0] >= a[0]
        assert b[1] >= a[1]
    assert roc(scores, np.ones(400, bool)) is None


def test_the_equal_error_rate_is_where_both_errors_meet() -> None:
    rng = np.random.default_rng(1)
    n = 20_000
    scores = np.concatenate([rng.normal(0, 1, n), rng.normal(2, 1, n)])
    made = roc(scores, np.arange(2 * n) >= n)
    assert made is not None
    assert made.equal_error == pytest.approx(0.1587, abs=0.005)  # Φ(-1)
