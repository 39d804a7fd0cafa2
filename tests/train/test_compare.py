"""Comparisons in pairs: the figures, and that an interrupted one goes on; the networks themselves are trained elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from fieldwren.train import compare, recipe

OPTIMISE = recipe.Optimise(epochs=1, batch_size=32, learning_rate=1e-3)


def test_the_interval_is_the_paired_t_interval() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(0.5, 0.8, 7)
    better = base + rng.normal(0.03, 0.01, 7)
    runs = [{"a": {"int8": a, "float": a}, "b": {"int8": b, "float": a}} for a, b in zip(base, better, strict=True)]
    figures = compare.paired(runs, "b", "a")
    low, high = stats.ttest_rel(better, base).confidence_interval(0.95)
    assert figures["int8"]["difference_95"] == pytest.approx([low, high], abs=1e-4)
    assert figures["int8"]["excludes_zero"] is True
    assert figures["float"]["difference"] == 0 and figures["float"]["excludes_zero"] is False


def test_an_interrupted_comparison_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    ran: list[tuple[str, int]] = []
    empty = np.zeros((0, 1), np.float32)
    fold = compare.Fold("", 0, (empty, empty.astype(np.int64)), empty, (empty, empty.astype(np.int64)), 2, OPTIMISE)

    def make(setting: compare.Setting, settings: object, name: str, say: object) -> compare.Fold:
        read.append(name)
        return replace(fold, name=name)

    def run(given: compare.Fold) -> compare.Result:
        if given.name == "b" and given.seed == 1 and len(ran) < 4:
            raise KeyboardInterrupt
        ran.append((given.name, given.seed))
        return {"x": {"int8": 0.5}}

    monkeypatch.setattr(compare, "fold", make)
    setting = compare.Setting(tmp_path, ("a", "b"), (0, 1), 10, 1, tmp_path / "keep")
    with pytest.raises(KeyboardInterrupt):
        compare._runs(setting, "what", run, lambda line: None)
    assert ran == [("a", 0), ("a", 1), ("b", 0)]
    ran.append(("", 0))
    read.clear()
    made = compare._runs(setting, "what", run, lambda line: None)
    assert [(r["without"], r["seed"]) for r in made] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert read == ["b"]  # what is done is not read again
