"""People who federate adapters with their heads: what a device of a person whom no round has heard gains.

The app, the people and the rounds are those of measure.digits; every speaker is held out in turn. The adapted layer runs in
the integers of a device.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fieldwren import paths
from fieldwren.fleet.federation import Federation
from fieldwren.fleet.measure.digits import DEVICES, ROUNDS, SPEAKERS, benefit_of, federation_of
from fieldwren.fleet.population import Population, load_population, population_of
from fieldwren.fleet.simulate import run_population

SEED = 1
FEDAVG: Mapping[str, Any] = {"name": "fedavg", "inner_steps": 40}
TRIALS: Mapping[str, tuple[float, Mapping[str, Any]]] = {
    "heads, adapters stay": (1.0, {**FEDAVG, "local": ("adapters",)}),
    "adapters, heads stay": (1.0, {**FEDAVG, "local": ("weights", "bias")}),
    "both": (1.0, FEDAVG),
    "both, adapters 10 times as fast": (10.0, FEDAVG),
    "both, adapters 10 times as fast, 160 steps a round": (10.0, {**FEDAVG, "inner_steps": 160}),
    "both, adapters 10 times as fast, reptile": (10.0, {**FEDAVG, "name": "reptile"}),
    "both, adapters 10 times as fast, tinymetafed": (10.0, {**FEDAVG, "name": "tinymetafed", "top_p": 0.1}),
}
"""adapter_rate of the app, and strategy."""


def adapters(data: Path) -> Mapping[str, Any]:
    """Accuracy at 0 shots, and at 5 after 1 and 20 passes; `before` is a device without a fleet."""
    plain = load_population(federation_of(data, SPEAKERS[0], FEDAVG, SEED))
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder) / "digits"
        shutil.copytree(paths.examples() / "fleet" / "digits", app)
        manifest = app / "fieldwren.toml"
        manifest.write_text(manifest.read_text(encoding="utf-8") + "\nadapters = true\n", encoding="utf-8")
        federation = federation_of(data, SPEAKERS[0], FEDAVG, SEED).model_copy(update={"app": str(app)})
        base = load_population(federation)
    made = {"no adapters": _trial(plain, data, None, FEDAVG)}
    for name, (rate, strategy) in TRIALS.items():
        made[name] = _trial(base, data, rate, strategy)
    title = "5 shots, 20 passes"
    start = made["no adapters"][title]["before"]
    left = {name: round((1 - part[title]["after"]) / (1 - start), 3) for name, part in made.items()}
    return {
        "goal": "5 shots and 20 passes: a third of the error less than without a fleet, which is error_left of 0.667",
        "devices": DEVICES,
        "rounds": ROUNDS,
        "seeds": (SEED,),
        "exchanged": made,
        "error_left": left,
        "holds": min(left.values()) <= 2 / 3,
    }


def _trial(base: Population, data: Path, adapter_rate: float | None, strategy: Mapping[str, Any]) -> dict[str, Any]:
    factory = base.factory
    if adapter_rate is not None:
        factory = replace(factory, config=replace(factory.config, adapter_rate=adapter_rate))
    federations: list[Federation] = [federation_of(data, name, strategy, SEED) for name in SPEAKERS]
    results = [run_population(population_of(one, factory, base.pools, base.backbone)) for one in federations]
    whole = results[0].bytes_down + results[0].bytes_up
    return {**benefit_of(results), "bytes": whole}
