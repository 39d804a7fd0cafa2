"""Federations of made-up embeddings, small enough for tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fieldwren.fleet.deal import Pool
from fieldwren.fleet.federation import Federation
from fieldwren.fleet.population import Population, population_of
from fieldwren.learn.adapters import AdapterSite, adapted_rows
from fieldwren.learn.factory import Embeddings, Factory, LearnerConfig, StoredEmbeddings

CLASSES, FEATURES = 4, 12


def factory(classes: int = CLASSES, features: int = FEATURES) -> Factory:
    """A head of small random numbers over embeddings of about ±60."""
    rng = np.random.default_rng(5)
    head = (0.05 * rng.standard_normal(classes * (features + 1))).astype(np.float32)
    stored = StoredEmbeddings(np.full(features, 3.0, np.float32), np.full(features, 1 / 30, np.float32))
    return Factory(LearnerConfig(), tuple(f"class {c}" for c in range(classes)), "softmax", features, head, stored)


def pools(groups: int = 4, per_class: int = 30, classes: int = CLASSES, features: int = FEATURES) -> dict[str, Pool]:
    """Groups whose classes lie around common centres, each a bit elsewhere."""
    rng = np.random.default_rng(7)
    centres = rng.standard_normal((classes, features))
    made = {}
    for number in range(groups):
        rows = np.repeat(np.arange(classes), per_class)
        own = centres + 0.5 * rng.standard_normal((classes, features))
        values = 22 * own[rows] + 14 * rng.standard_normal((len(rows), features))
        made[f"g{number}"] = Pool(f"g{number}", np.clip(np.rint(values), -128, 127).astype(np.int8), rows)
    return made


def federation(**fields: Any) -> Federation:
    """Eight devices, all of them in each of ten rounds; `strategy` is merged, other fields replace."""
    strategy = {"name": "fedavg", "clients_per_round": 8, "inner_steps": 24, "inner_lr": 0.05}
    table = {
        "path": Path("federation.toml"),
        "data": ".",
        "app": ".",
        "rounds": 10,
        "seed": 3,
        "clients": ({"count": 8},),
    }
    return Federation.model_validate({**table, **fields, "strategy": {**strategy, **fields.get("strategy", {})}})


def population(*, adapters: bool = False, **fields: Any) -> Population:
    """The same with its devices."""
    if adapters:
        return population_of(federation(**fields), adapted_factory(), adapted_pools())
    return population_of(federation(**fields), factory(), pools())


def adapted_factory() -> Factory:
    """The same factory behind a layer of as many channels, each the mean of 25 pixels."""
    site = AdapterSite(operator=0, channels=FEATURES, positions=25, zero_point=-20, floor=-128, ratio=1.0)
    return replace(factory(), config=LearnerConfig(adapters=True, adapter_rate=2.0), site=site)


def adapted_pools() -> dict[str, Pool]:
    """The same groups; the larger a feature, the more of its pixels were active."""
    rng = np.random.default_rng(9)

    def rows(embeddings: Embeddings) -> Embeddings:
        levels = (embeddings.astype(np.int64) + 128) // 16 - rng.integers(0, 2, embeddings.shape)
        return adapted_rows(embeddings, np.clip(levels, 0, 15).astype(np.uint8))

    return {name: replace(pool, embeddings=rows(pool.embeddings)) for name, pool in pools().items()}
