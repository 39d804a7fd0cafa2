"""Federations of made-up embeddings, small enough for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fieldwren.fleet.deal import Pool
from fieldwren.fleet.federation import Federation
from fieldwren.fleet.population import Population, population_of
from fieldwren.learn.factory import Factory, LearnerConfig, StoredEmbeddings

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


def population(**fields: Any) -> Population:
    """The same with its devices."""
    return population_of(federation(**fields), factory(), pools())
