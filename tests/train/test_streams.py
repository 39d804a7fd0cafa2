"""Continuous audio: words where the list says, scores that count what they say, bounds from the textbook."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from fieldwren.train import streams
from fieldwren.train.clips import Clip
from fieldwren.train.streams import Event


def test_score_counts_hits_misses_and_false_accepts() -> None:
    said = [Event("one", 1.0, 1.4), Event("two", 2.5, 2.9), Event("one", 4.0, 4.4)]
    found = [Event("one", 1.6, 1.6), Event("one", 1.9, 1.9), Event("two", 4.5, 4.5)]
    result = streams.score(found, said, 10.0)
    assert (result.expected, result.detected, result.false_accepts) == (3, 1, 2)
    assert result.missed == ("two@2.50", "one@4.00")
    assert result.wrong == ("one@1.90", "two@4.50")


def test_a_sequence_has_its_words_where_it_says() -> None:
    clips = [Clip(np.full(3200, 0.1, np.float32), label, "ann", label) for label in ("one", "two")]
    pcm, events = streams.sequence(clips, np.random.default_rng(0), pause_s=(0.5, 0.9), gain_db=-6.0206)
    assert [e.label for e in events] == ["one", "two"]
    assert 0.5 <= events[1].start_s - events[0].end_s <= 0.9
    for event in events:
        assert np.all(np.abs(pcm[round(event.start_s * 16000) : round(event.end_s * 16000)] - 8192) <= 1)
    assert np.count_nonzero(pcm) == 2 * 3200


@pytest.mark.parametrize("events", [0, 1, 5, 20])
def test_upper_bound_is_the_exact_poisson_bound(events: int) -> None:
    assert streams.upper_95(events) == pytest.approx(float(chi2.ppf(0.95, 2 * events + 2)) / 2, rel=1e-6)
