"""How long large federations take: made-up embeddings of 64 features, 12 classes, 100 groups."""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fieldwren.fleet.deal import Pool
from fieldwren.fleet.federation import Federation
from fieldwren.fleet.population import Population, population_of
from fieldwren.fleet.simulate import Engine, run_population
from fieldwren.learn.factory import Factory, LearnerConfig, StoredEmbeddings

FEATURES, CLASSES, GROUPS, PER_CLASS = 64, 12, 100, 40
BAR_S = 180.0


def scale(data: Path) -> Mapping[str, Any]:
    """10,000 devices, 100 rounds of 100, in this process."""
    del data
    result, _ = _timed(_population(10_000, 100, 100), "grid")
    return {"bar": f"10,000 devices, 100 rounds of 100 clients in under {BAR_S:.0f} s", **result}


def flower(data: Path) -> Mapping[str, Any]:
    """1,000 devices, 20 rounds of 10, through Flower's simulation engine and in this process."""
    del data
    population = _population(1_000, 20, 10)
    result, head = _timed(population, "flower")
    _, wanted = _timed(population, "grid")
    same = head == wanted
    return {
        "bar": f"1,000 devices, 20 rounds in under {BAR_S:.0f} s, same aggregate bits",
        **result,
        "same_bits": same,
        "holds": bool(result["holds"] and same),
    }


def _population(devices: int, rounds: int, clients: int) -> Population:
    rng = np.random.default_rng(0)
    centres, pools = rng.standard_normal((CLASSES, FEATURES)), {}
    rows = np.repeat(np.arange(CLASSES), PER_CLASS)
    for number in range(GROUPS):
        own = centres + 0.7 * rng.standard_normal((CLASSES, FEATURES))
        values = 16 * own[rows] + 20 * rng.standard_normal((len(rows), FEATURES))
        name = f"group-{number:03}"
        pools[name] = Pool(name, np.clip(np.rint(values), -128, 127).astype(np.int8), rows)
    stored = StoredEmbeddings(np.zeros(FEATURES, np.float32), np.full(FEATURES, 1 / 26, np.float32))
    labels = tuple(f"class {number}" for number in range(CLASSES))
    head = np.zeros(CLASSES * (FEATURES + 1), np.float32)
    factory = Factory(LearnerConfig(), labels, "softmax", FEATURES, head, stored)
    federation = Federation.model_validate(
        {
            "path": Path("federation.toml"),
            "data": ".",
            "app": ".",
            "rounds": rounds,
            "seed": 1,
            "timeout_s": 600.0,
            "strategy": {"name": "fedavg", "clients_per_round": clients, "inner_steps": 32},
            "clients": ({"count": devices},),
        }
    )
    return population_of(federation, factory, pools)


def _timed(population: Population, engine: Engine) -> tuple[dict[str, Any], str]:
    used, started = _cpu_s(), time.monotonic()
    result = run_population(population, engine=engine)
    seconds = time.monotonic() - started
    return {
        "engine": engine,
        "devices": result.devices,
        "rounds": len(result.rounds),
        "updates": result.audit.applied,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(_cpu_s() - used, 1),
        "accuracy_first_round": result.rounds[0].accuracy_mean,
        "accuracy_last_round": result.rounds[-1].accuracy_mean,
        "head_sha256": result.head_sha256,
        "holds": seconds < BAR_S,
    }, result.head_sha256


def _cpu_s() -> float:
    """Of this process and of those it has waited for."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)
