"""Faults put into tables, and the area under the ROC curve."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from fieldwren.errors import BadInputError
from fieldwren.faults import KINDS, auroc, faulty_tables


def test_auroc_is_mann_whitneys_u() -> None:
    rng = np.random.default_rng(1)
    for _ in range(10):
        scores = rng.integers(0, 12, 200).astype(np.float64)  # many ties
        is_faulty = rng.random(200) < 0.2
        u = mannwhitneyu(scores[is_faulty], scores[~is_faulty]).statistic
        assert auroc(scores, is_faulty) == pytest.approx(u / (is_faulty.sum() * (~is_faulty).sum()))
    with pytest.raises(BadInputError, match="normal rows and faulty ones"):
        auroc(np.zeros(3), np.ones(3, bool))


def test_faults_change_what_they_say_and_nothing_else() -> None:
    rows = np.random.default_rng(2).normal(10, [1, 2, 3, 4], (1000, 4))
    found = faulty_tables(rows, repeats=2)
    assert {faulty.kind for faulty in found} == set(KINDS)
    for faulty in found:
        assert np.array_equal(faulty.is_faulty, (faulty.rows != rows).any(axis=1))
        assert not faulty.is_faulty[:60].any()
        assert 1 <= faulty.is_faulty.sum() <= 120
        changed = (faulty.rows != rows).sum(axis=1).max()
        assert changed <= {"swapped": 4, "implausible": 4}.get(faulty.kind, 2)  # two segments may meet
        if faulty.kind == "spike":
            assert faulty.is_faulty.sum() <= 2
        if faulty.kind == "dropout":
            assert (faulty.rows[faulty.is_faulty] == 0).any(axis=1).all()
    again = faulty_tables(rows, repeats=2)
    assert all(np.array_equal(a.rows, b.rows) for a, b in zip(found, again, strict=True))
    with pytest.raises(BadInputError, match="at least 200 rows"):
        faulty_tables(rows[:100])
