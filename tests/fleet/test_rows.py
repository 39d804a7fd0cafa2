"""Fleets of apps that read rows of sensors, with adapters: real firmware, told its rows over the link."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from fieldwren import paths
from fieldwren.errors import UnsupportedError
from fieldwren.fleet.federation import MeasureSettings, load_federation
from fieldwren.fleet.personalise import k_shot
from fieldwren.fleet.population import load_population
from fieldwren.fleet.resume import resume
from fieldwren.fleet.run import RunResult, run
from fieldwren.fleet.server import AuditEntry
from fieldwren.fleet.simulate import simulate
from fieldwren.learn.adapters import confined
from fleet.test_run import killed_after_its_first_round
from support import require_tool

COLUMNS = "Temperature,Humidity,Light,CO2,HumidityRatio,Occupancy"
ROOMS, ROWS = ("attic", "cellar"), 16


def federation(folder: Path, clients: str, *, rounds: int = 3) -> Path:
    """Two rooms with made-up sensors, an app with adapters, and `clients`."""
    app, rooms = folder / "presence", folder / "rooms"
    app.mkdir()
    rooms.mkdir()
    source = paths.examples() / "presence"
    shutil.copy(source / "model.tflite", app / "model.tflite")
    (app / "fieldwren.toml").write_text(
        (source / "fieldwren.toml").read_text() + "adapters = true\nadapter_rate = 4.0\n"
    )
    for number, room in enumerate(ROOMS):
        rng = np.random.default_rng(number)
        there = np.arange(ROWS) % 2
        values = np.array([21.0, 26.0, 80.0, 500.0, 0.004]) + np.outer(
            there, [1.0, 1.0, 350.0 - 200 * number, 400.0, 5e-4]
        )
        values = values + rng.normal(0, [0.3, 0.5, 20.0, 40.0, 1e-4], (ROWS, 5))
        lines = [
            ",".join([*(f"{value:.6f}" for value in row), str(label)]) for row, label in zip(values, there, strict=True)
        ]
        (rooms / f"{room}.csv").write_text("\n".join([COLUMNS, *lines]) + "\n")
    path = folder / "federation.toml"
    path.write_text(
        f"""data = "rooms"
app = "presence"
rounds = {rounds}
seed = 3
timeout_s = 120.0
[strategy]
name = "fedavg"
clients_per_round = 2
inner_steps = 6
inner_lr = 0.02
{clients}"""
    )
    return path


@pytest.mark.slow
def test_rooms_federate_head_and_adapters(tmp_path: Path) -> None:
    """Processes on this computer: every answer is the twin's, and all rows crossed the link, once."""
    require_tool("cc")
    path = federation(tmp_path, '[[clients]]\nkind = "emulated"\nboard = "host"\ncount = 2\nsamples = 4\ntests = 2\n')
    ran, simulated = run(path), simulate(path)
    assert (ran.checked, ran.unequal, ran.lost) == (6, 0, {})
    assert ran.head_sha256 == simulated.head_sha256
    assert ran.bytes_up == sum(done.bytes_up for done in simulated.rounds)
    population = load_population(load_federation(path))
    assert population.factory.adapter_channels == 16
    told = sum(len(hand.taught) + len(hand.tests) for hand in population.hands)
    assert ran.down["in0"] >= told * 5


def test_a_held_out_room_is_measured_with_the_adapted_layer(tmp_path: Path) -> None:
    """Its rows through the backbone with scales and biases in its integer tables, then NumPy's head."""
    path = federation(tmp_path, '[[clients]]\ncount = 2\ngroups = ["attic"]\n')
    loaded = load_federation(path).model_copy(update={"hold_out": ("cellar",)})
    made = load_population(loaded)
    factory, layer, pool = made.factory, made.layer(), made.pools["cellar"]
    assert layer is not None
    assert pool.layer_inputs is not None
    rng = np.random.default_rng(6)
    drawn = np.concatenate([rng.normal(0, 1, len(factory.head)), rng.uniform(-1, 1, 32)]).astype(np.float32)
    shown = k_shot(factory, drawn, made.held_out, MeasureSettings(shots=(0,)), 0.02, 1, layer)[0]
    layer.fold(factory.adapter_config(), confined(factory.adapter_config(), drawn[len(factory.head) :]))
    embeddings, _ = layer.run(pool.layer_inputs)
    changed = np.abs(embeddings.astype(int) - pool.embeddings[:, :16].astype(int))
    assert changed.max() > 5
    z = (embeddings.astype(np.float64) - factory.stored.mean) * factory.stored.gain
    logits = z @ drawn[: 2 * 16].reshape(2, 16).T.astype(np.float64) + drawn[32:34]
    assert shown.after == pytest.approx(float((logits.argmax(axis=1) == pool.rows).mean()))


@pytest.mark.emulator
@pytest.mark.slow
def test_a_board_that_ends_with_its_server_comes_back(tmp_path: Path) -> None:
    """A Cortex-M4F in QEMU beside a simulated device; the server is killed, and its boards with it.

    The board's flash is a file beside the state: nothing is told again, and the head is that of a run that was never
    stopped. No update is lost or counted twice.
    """
    require_tool("qemu-system-arm")
    require_tool("arm-none-eabi-gcc")
    board = '[[clients]]\nkind = "emulated"\nsamples = 4\ntests = 2\n'
    path, state = federation(tmp_path, board + "[[clients]]\nsamples = 4\ntests = 2\n", rounds=4), tmp_path / "state"
    killed_after_its_first_round(path, state)
    result = resume(state)
    assert isinstance(result, RunResult)
    assert result.head_sha256 == simulate(path).head_sha256
    assert (len(result.rounds), result.audit.applied, result.unequal) == (4, 8, 0)
    assert result.audit.sent == result.audit.applied + result.audit.rejected == len(audit_of(state))
    applied = [(entry.round, entry.device) for entry in audit_of(state) if entry.verdict == "applied"]
    assert sorted(applied) == sorted({(number, name) for number in range(4) for name in ("emulated-0", "simulated-1")})
    assert "in0" not in result.down


def audit_of(state: Path) -> list[AuditEntry]:
    """All messages that the state file has."""
    with closing(sqlite3.connect(state)) as database:
        rows = database.execute("SELECT round, device, sequence, verdict, bytes FROM audit")
        return [AuditEntry(*row) for row in rows]


@pytest.mark.parametrize("name", ["sine", "anomaly"])
def test_values_are_not_federated(tmp_path: Path, name: str) -> None:
    """An app that learns values is refused, and told why."""
    loaded = load_federation(federation(tmp_path, "[[clients]]\ncount = 2\n"))
    with pytest.raises(UnsupportedError, match=f"kind {'regression' if name == 'sine' else name} learns values"):
        load_population(loaded.model_copy(update={"app": str(paths.examples() / name)}))
