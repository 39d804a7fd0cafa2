"""People who federate spoken digits; the backbone and the factory head have heard synthetic voices only.

Every speaker is held out in turn, for several seeds; all figures are means over speakers and seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fieldwren import paths
from fieldwren.fleet.federation import Federation
from fieldwren.fleet.population import Population, load_population, population_of
from fieldwren.fleet.simulate import FleetResult, run_population

SPEAKERS = ("jackson", "nicolas", "theo", "yweweler")
SEEDS = (1, 2, 3)
STRATEGIES: Mapping[str, Mapping[str, Any]] = {
    "fedavg": {"inner_steps": 40},
    "reptile": {"inner_steps": 40},
    "reptile-serial": {"inner_steps": 40},
    "fomaml": {"inner_steps": 20, "query_steps": 20},
    "tinymetafed": {"inner_steps": 40, "top_p": 0.1},
}
ROUNDS, DEVICES = 30, 8


def digits(data: Path) -> Mapping[str, Any]:
    """What the speakers' head is worth to somebody whom no round has heard."""
    base = _base(data)
    made = {name: benefit_of(_results(base, {"name": name, **settings})) for name, settings in STRATEGIES.items()}
    return {
        "bar": "held-out speaker: 0 shots +8 points, 5 shots and one pass +3, 5 shots and 20 passes not below -0.5",
        "devices": DEVICES,
        "rounds": ROUNDS,
        "seeds": SEEDS,
        "strategies": made,
        "holds": all(
            figures["0 shots"]["gain"] >= 0.08
            and figures["5 shots, 1 pass"]["gain"] >= 0.03
            and figures["5 shots, 20 passes"]["gain"] >= -0.005
            for figures in made.values()
        ),
    }


def exchange(data: Path) -> Mapping[str, Any]:
    """Bytes of TinyMetaFed's exchange against FedAvg's whole heads."""
    base = _base(data)
    whole = _summary(_results(base, {"name": "fedavg", "inner_steps": 40}))
    made = {}
    for share in (0.5, 0.25, 0.1, 0.05):
        thin = _summary(_results(base, {"name": "tinymetafed", "inner_steps": 40, "top_p": share}))
        made[f"top_p {share}"] = {
            **thin,
            "times_fewer_bytes": round(whole["bytes"] / thin["bytes"], 2),
            "holds": bool(whole["bytes"] >= 5 * thin["bytes"] and _within(thin, whole, 0.005)),
        }
    return {
        "bar": "at least 5 times fewer bytes, accuracy (0 shots held out, and 5 shots) not more than 0.5 points below FedAvg's",
        "fedavg": whole,
        "tinymetafed": made,
        "holds": bool(made["top_p 0.1"]["holds"]),
    }


def faults(data: Path) -> Mapping[str, Any]:
    """A fifth of all exchanges fails; one device of eight sends its change times -10."""
    base = _base(data)
    strategy = {"name": "fedavg", "inner_steps": 40}
    clean = _summary(_results(base, strategy))
    broken = _results(base, strategy, faults={"killed": 0.07, "late": 0.07, "corrupt": 0.06, "duplicate": 0.05})
    audits = [result.audit for result in broken]
    lost = sum(audit.sent - audit.applied - audit.rejected for audit in audits)
    unexplained = sum(
        result.audit.tasks - result.audit.applied - sum(done.dropped for done in result.rounds) for result in broken
    )
    poisoned = {
        f"poisoned, {aggregation}": _summary(
            _results(base, {**strategy, "aggregation": aggregation}, faults={"poisoned": 1})
        )
        for aggregation in ("mean", "median", "trimmed-mean", "screened-mean")
    }
    failing = _summary(broken)
    robust = [part for name, part in poisoned.items() if name != "poisoned, mean"]
    screened = poisoned["poisoned, screened-mean"]
    return {
        "bar": "20 % failing, or one of 8 poisoned with a robust mean: within 1 point of the clean run; with the screened mean "
        "also the devices' own tests, the poisoned one's among them; nothing lost or doubled",
        "clean": clean,
        "failing": {**failing, "updates_lost_or_doubled": lost + unexplained},
        **poisoned,
        "holds": _within(failing, clean, 0.01)
        and all(_within(one, clean, 0.01) for one in robust)
        and all(one["own_tests"] >= clean["own_tests"] - 0.01 for one in (failing, screened))
        and not lost + unexplained,
    }


def _base(data: Path) -> Population:
    return load_population(federation_of(data, "theo", {"name": "fedavg"}, 1))


def federation_of(data: Path, held_out: str, strategy: Mapping[str, Any], seed: int, **fields: Any) -> Federation:
    """Eight devices of all speakers but one."""
    table = {
        "path": Path("federation.toml").resolve(),
        "data": str((data / "audio" / "fsdd").resolve()),
        "app": str(paths.examples() / "fleet" / "digits"),
        "rounds": ROUNDS,
        "seed": seed,
        "hold_out": (held_out,),
        "strategy": {"inner_lr": 0.02, "clients_per_round": DEVICES, **strategy},
        "clients": ({"count": DEVICES},),
        "measure": {"shots": (0, 5), "repeats": 5},
        **fields,
    }
    return Federation.model_validate(table)


def _results(base: Population, strategy: Mapping[str, Any], **fields: Any) -> list[FleetResult]:
    data = base.federation.data_path.parent.parent
    federations = [federation_of(data, name, strategy, seed, **fields) for name in SPEAKERS for seed in SEEDS]
    return [run_population(population_of(federation, base.factory, base.pools)) for federation in federations]


def benefit_of(results: list[FleetResult]) -> dict[str, Any]:
    """Before and after on the held-out speakers."""
    none, five = (zip(*((r.k_shot[i].before, r.k_shot[i].after) for r in results), strict=True) for i in (0, 1))
    many = zip(*((r.k_shot[1].practised.before, r.k_shot[1].practised.after) for r in results), strict=True)
    made = {}
    for title, both in (("0 shots", none), ("5 shots, 1 pass", five), ("5 shots, 20 passes", many)):
        before, after = (float(np.mean(values)) for values in both)
        made[title] = {"before": round(before, 4), "after": round(after, 4), "gain": round(after - before, 4)}
    return made


def _summary(results: list[FleetResult]) -> dict[str, Any]:
    return {
        "held_out_0_shots": round(float(np.mean([r.k_shot[0].after for r in results])), 4),
        "held_out_5_shots": round(float(np.mean([r.k_shot[1].after for r in results])), 4),
        "own_tests": round(float(np.mean([r.accuracy_mean or 0.0 for r in results])), 4),
        "bytes": round(float(np.mean([r.bytes_down + r.bytes_up for r in results]))),
    }


def _within(one: Mapping[str, Any], other: Mapping[str, Any], points: float) -> bool:
    return all(one[name] >= other[name] - points for name in ("held_out_0_shots", "held_out_5_shots"))
