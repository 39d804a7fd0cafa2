"""The strategies' arithmetic: heads and changes in, the next head out.

Everything is element-wise float32 in the order of the clients' names, or exactly rounded, so that the bits depend neither on
the machine nor on who answered first. Callers pass the changes in that order.

    FedAvg      McMahan et al., AISTATS 2017 (arXiv 1602.05629): head + Σ n_i c_i / Σ n_i
    Reptile     Nichol, Achiam, Schulman 2018 (arXiv 1803.02999): head + ε Σ c_i / n
    TinyReptile Ren, Anicic, Runkler 2023 (arXiv 2304.05201): Reptile with one client at a time, each sample once
    FOMAML      Finn, Abbeel, Levine 2017 (arXiv 1703.03400), as in section 5 of the Reptile paper: c_i is only the change of
                the steps after adaptation, on the query samples
    TinyMetaFed Ren, Li, Anicic, Runkler 2023 (arXiv 2307.06822): Reptile where c_i is partial and compressed (wire.py)
    trimmed mean, median: Yin et al., ICML 2018 (arXiv 1803.01498)
    screened mean: the strategy's own mean without changes that lie far from where most are; by distance, as Krum has it
                (Blanchard et al., NeurIPS 2017, arXiv 1703.02757), here from the median, which needs no count of liars
    clipping and noise: McMahan et al., ICLR 2018 (arXiv 1710.06963)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fieldwren.fleet.device import Vector
from fieldwren.fleet.federation import PrivacySettings, StrategySettings


@dataclass(frozen=True)
class Contribution:
    """A change that was accepted, and how many samples it was learned from."""

    change: Vector
    samples: int


def next_head(
    head: Vector, contributions: Sequence[Contribution], settings: StrategySettings, outer_rate: float
) -> Vector:
    """The head after one wave without privacy; at least one contribution, and no outliers where they are screened."""
    changes = [part.change for part in contributions]
    if settings.aggregation == "median":
        change = _median(changes)
    elif settings.aggregation == "trimmed-mean":
        change = _trimmed_mean(changes, settings.trim)
    elif settings.name == "fedavg":
        change = _weighted_mean(changes, [part.samples for part in contributions])
    else:
        change = _weighted_mean(changes, [1] * len(changes))
    return head + np.float32(outer_rate) * change


def outliers(contributions: Sequence[Contribution], screen: float) -> list[int]:
    """Numbers of the changes that lie more than `screen` times as far from the median of all as the median of them does.

    L2 distances from the coordinate-wise median, exactly rounded.
    """
    changes = [part.change for part in contributions]
    middle = _median(changes).astype(np.float64)
    distances = [_norm(change.astype(np.float64) - middle) for change in changes]
    usual = sorted(distances)[(len(distances) - 1) // 2]
    return [number for number, distance in enumerate(distances) if distance > screen * usual]


def next_private_head(
    head: Vector,
    contributions: Sequence[Contribution],
    privacy: PrivacySettings,
    outer_rate: float,
    clients: int,
    rng: np.random.Generator,
) -> Vector:
    """The same with clipped changes and noise: head + ε (Σ clip(c_i) + N(0, (noise × clip)²)) / clients.

    `clients` is how many were asked, however many answered: what one client can change does not depend on the others.
    """
    total = np.zeros_like(head)
    for part in contributions:
        total = total + clipped(part.change, privacy.clip)
    noise = rng.standard_normal(len(head)) * (privacy.noise_multiplier * privacy.clip)
    mean = (total + noise.astype(np.float32)) * np.float32(1 / clients)
    return head + np.float32(outer_rate) * mean


def clipped(change: Vector, most: float) -> Vector:
    """`change` scaled down to an L2 norm of `most`, if it is above."""
    norm = _norm(change.astype(np.float64))
    return change if norm <= most else change * np.float32(most / norm)


def _norm(values: NDArray[np.float64]) -> float:
    return math.sqrt(math.fsum(np.square(values).tolist()))


def _weighted_mean(changes: Sequence[Vector], weights: Sequence[int]) -> Vector:
    whole = max(1, sum(weights))
    total = np.zeros_like(changes[0])
    for change, weight in zip(changes, weights, strict=True):
        total = total + np.float32(weight / whole) * change
    return total


def _median(changes: Sequence[Vector]) -> Vector:
    ordered = np.sort(np.stack(changes), axis=0)
    count = len(ordered)
    if count % 2:
        middle: Vector = ordered[count // 2]
        return middle
    between: Vector = (ordered[count // 2 - 1] + ordered[count // 2]) * np.float32(0.5)
    return between


def _trimmed_mean(changes: Sequence[Vector], trim: float) -> Vector:
    """Without the `trim` share at either end, at least one value each as soon as three are there."""
    ordered = np.sort(np.stack(changes), axis=0)
    count = len(ordered)
    out = min((count - 1) // 2, max(math.ceil(trim * count), 1))
    return _weighted_mean(list(ordered[out : count - out]), [1] * (count - 2 * out))
