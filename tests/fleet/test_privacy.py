"""ε of clipping and noise, against the closed form of the Gaussian mechanism (Balle and Wang 2018, arXiv 1805.06530)."""

from __future__ import annotations

import math

import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from fieldwren.fleet.privacy import epsilon
from fleet.fleets import federation
from support import require_module


def exact(deviation: float, delta: float) -> float:
    """ε of one Gaussian mechanism with this deviation at sensitivity 1; T rounds of it are one of deviation / sqrt(T)."""

    def excess(eps: float) -> float:
        a = 1 / (2 * deviation)
        upper = norm.cdf(a - eps * deviation)
        return float(upper - math.exp(eps) * norm.cdf(-a - eps * deviation) - delta)

    return float(brentq(excess, 0.0, 200.0))


@pytest.mark.parametrize("rounds", [1, 10])
@pytest.mark.parametrize("multiplier", [4.0, 20.0])
def test_everybody_in_every_round_is_the_gaussian_mechanism(rounds: int, multiplier: float) -> None:
    require_module("dp_accounting")
    made = federation(privacy={"clip": 0.1, "noise_multiplier": multiplier, "delta": 1e-5})
    bound = epsilon(made, rounds)
    true = exact(multiplier / 2 / math.sqrt(rounds), 1e-5)
    assert bound is not None
    assert true <= bound <= 2.5 * true + 0.2  # accounted by Rényi moments: never less, and not much more


def test_fewer_a_round_are_more_private() -> None:
    require_module("dp_accounting")
    privacy = {"clip": 0.1, "noise_multiplier": 6.0, "delta": 1e-5}
    everybody = epsilon(federation(privacy=privacy), 10)
    few = epsilon(federation(privacy=privacy, clients=({"count": 800},), strategy={"clients_per_round": 8}), 10)
    assert few is not None and everybody is not None and few < 0.5 * everybody


def test_without_noise_there_is_no_bound() -> None:
    assert epsilon(federation(privacy={"clip": 0.1}), 10) is None
    assert epsilon(federation(), 10) is None
