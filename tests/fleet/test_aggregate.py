"""The strategies' arithmetic against NumPy and SciPy in float64."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fieldwren.fleet.aggregate import Contribution, clipped, next_head, next_private_head, outliers
from fieldwren.fleet.federation import PrivacySettings, StrategySettings
from fleet.fleets import federation
from support import require_module

stats = require_module("scipy.stats")
HEAD = np.random.default_rng(0).standard_normal(200).astype(np.float32)


def _changes(count: int) -> NDArray[np.float32]:
    return np.random.default_rng(count).standard_normal((count, len(HEAD))).astype(np.float32)


def _contributions(changes: NDArray[np.float32]) -> list[Contribution]:
    return [Contribution(change, 5 + 3 * number) for number, change in enumerate(changes)]


@pytest.mark.parametrize("count", [1, 2, 7, 8])
def test_means(count: int) -> None:
    changes = _changes(count)
    parts, wide = _contributions(changes), changes.astype(np.float64)
    weighted = np.average(wide, axis=0, weights=[part.samples for part in parts])
    np.testing.assert_allclose(next_head(HEAD, parts, StrategySettings(name="fedavg"), 1.0), HEAD + weighted, atol=2e-6)
    for name in ("reptile", "fomaml", "tinymetafed"):
        settings = StrategySettings(name=name)  # type: ignore[arg-type]
        np.testing.assert_allclose(next_head(HEAD, parts, settings, 0.3), HEAD + 0.3 * wide.mean(axis=0), atol=2e-6)


@pytest.mark.parametrize("count", [1, 2, 5, 8, 11])
def test_robust_means(count: int) -> None:
    changes = _changes(count)
    median = next_head(HEAD, _contributions(changes), StrategySettings(aggregation="median"), 1.0)
    np.testing.assert_allclose(median, HEAD + np.median(changes.astype(np.float64), axis=0), atol=1e-6)
    trimmed = next_head(HEAD, _contributions(changes), StrategySettings(aggregation="trimmed-mean", trim=0.2), 1.0)
    cut = min((count - 1) // 2, int(np.ceil(0.2 * count)))
    wanted = stats.trim_mean(changes.astype(np.float64), cut / count + 1e-9, axis=0)
    np.testing.assert_allclose(trimmed, HEAD + wanted, atol=2e-6)


def test_one_liar_moves_a_median_little() -> None:
    changes = _changes(8)
    settings = StrategySettings(aggregation="median")
    honest = next_head(HEAD, _contributions(changes), settings, 1.0)
    changes[3] = -1e6
    assert np.abs(next_head(HEAD, _contributions(changes), settings, 1.0) - honest).max() < 2.0


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9])
def test_outliers_are_far_from_the_median(count: int) -> None:
    """Against NumPy in float64: each change at its own distance."""
    changes = _changes(count) * np.linspace(0.2, 4.0, count, dtype=np.float32)[:, np.newaxis]
    wide = changes.astype(np.float64)
    distances = np.linalg.norm(wide - np.median(wide, axis=0), axis=1)
    for screen in (1.2, 2.0, 5.0):
        wanted = np.flatnonzero(distances > screen * np.sort(distances)[(count - 1) // 2])
        assert outliers(_contributions(changes), screen) == wanted.tolist()
    assert count < 8 or outliers(_contributions(changes), 1.2)


def test_clipping_and_noise() -> None:
    changes = _changes(6)
    norms = [float(np.linalg.norm(clipped(change, 3.0).astype(np.float64))) for change in changes]
    np.testing.assert_allclose(norms, 3.0, rtol=1e-6)
    np.testing.assert_array_equal(clipped(changes[0], 1e6), changes[0])
    privacy = PrivacySettings(clip=3.0, noise_multiplier=2.0)
    rng = np.random.default_rng(1)
    draws = [next_private_head(HEAD, _contributions(changes), privacy, 1.0, 8, rng) - HEAD for _ in range(200)]
    plain = sum(clipped(change, 3.0).astype(np.float64) for change in changes) / 8
    deviation = 2.0 * 3.0 / 8
    np.testing.assert_allclose(np.mean(draws, axis=0), plain, atol=6 * deviation / np.sqrt(200))
    assert np.std(np.array(draws) - plain) == pytest.approx(deviation, rel=0.02)


def test_schedules() -> None:
    strategy = federation(strategy={"inner_lr": 0.1, "inner_lr_end": 0.02, "outer_step": 1.0, "outer_step_end": 0.0})
    rates = [strategy.strategy.inner_rate(number, 5) for number in range(5)]
    np.testing.assert_allclose(rates, [0.1, 0.08, 0.06, 0.04, 0.02])
    np.testing.assert_allclose([strategy.strategy.outer_rate(n, 5) for n in range(5)], [1.0, 0.75, 0.5, 0.25, 0.0])
    assert strategy.strategy.outer_rate(0, 1) == 1.0
