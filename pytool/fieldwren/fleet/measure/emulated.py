"""Eight boards in QEMU, four speakers, ten rounds: real firmware against its twins."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fieldwren import paths
from fieldwren.fleet.energy import update_costs
from fieldwren.fleet.federation import load_federation
from fieldwren.fleet.population import load_population
from fieldwren.fleet.run import run
from fieldwren.fleet.simulate import simulate

BAR_S = 600.0


def emulated(data: Path) -> Mapping[str, Any]:
    """examples/fleet/run.toml with the recordings in `data`; `load` is of the whole computer, before and after."""
    federation = load_federation(paths.examples() / "fleet" / "run.toml")
    federation = federation.model_copy(update={"data": str((data / "audio" / "fsdd").resolve())})
    before = os.getloadavg()[0]
    ran = run(federation)
    simulated = simulate(federation)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    part = federation.clients[0]
    cost = update_costs(load_population(federation).factory, {str(part.board)})[str(part.board)]
    return {
        "bar": f"8 devices in QEMU (4 speakers x 2), 10 rounds in under {BAR_S:g} s, every head equal to the twin's",
        "board": part.board,
        "devices": ran.devices,
        "rounds": len(ran.rounds),
        "utterances_told": ran.devices * 10 * ((part.samples or 0) + part.tests),
        "heads_compared": ran.checked,
        "heads_unequal": ran.unequal,
        "same_head_as_simulation": ran.head_sha256 == simulated.head_sha256,
        "seconds": round(ran.seconds, 1),
        "emulators_cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "load_average": [round(before, 1), round(os.getloadavg()[0], 1)],
        "instructions_per_update": None if cost.instructions is None else round(cost.instructions),
        "updates": ran.audit.applied * federation.strategy.inner_steps,
        "accuracy_first_round": ran.rounds[0].accuracy_mean,
        "accuracy_final": ran.accuracy_mean,
        "accuracy_worst_device_final": ran.accuracy_min,
        "bytes_down": ran.bytes_down,
        "bytes_up": ran.bytes_up,
        "links_down": ran.down,
        "links_up": ran.up,
        "audit": {"sent": ran.audit.sent, "applied": ran.audit.applied, "rejected": ran.audit.rejected},
        "head_sha256": ran.head_sha256,
        "holds": ran.seconds < BAR_S and ran.unequal == 0 and ran.checked == 80,
    }
