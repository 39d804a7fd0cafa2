"""Continuous audio made of words: they are where the list says."""

from __future__ import annotations

import numpy as np

from fieldwren.train import streams
from fieldwren.train.clips import Clip


def test_a_sequence_has_its_words_where_it_says() -> None:
    clips = [Clip(np.full(3200, 0.1, np.float32), label, "ann", label) for label in ("one", "two")]
    pcm, events = streams.sequence(clips, np.random.default_rng(0), pause_s=(0.5, 0.9), gain_db=-6.0206)
    assert [e.label for e in events] == ["one", "two"]
    assert 0.5 <= events[1].start_s - events[0].end_s <= 0.9
    for event in events:
        assert np.all(np.abs(pcm[round(event.start_s * 16000) : round(event.end_s * 16000)] - 8192) <= 1)
    assert np.count_nonzero(pcm) == 2 * 3200
