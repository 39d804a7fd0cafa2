"""Virtual devices under Flower's simulation engine: one node a device, Ray's actors run the firmware's learner."""

from __future__ import annotations

import functools
import logging
import os
import pickle
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fieldwren.errors import LinkLostError, MissingToolError

if TYPE_CHECKING:
    from flwr.app import Context
    from flwr.serverapp import Grid

    from fieldwren.fleet.deal import Hand
    from fieldwren.fleet.flower.client import Devices
    from fieldwren.fleet.population import Population
    from fieldwren.fleet.server import Round, Server
    from fieldwren.fleet.virtual import VirtualLearner

_CPUS = 2
_REGISTERED_S = 120


def run_flower(population: Population, progress: Callable[[Round, int], None] | None = None) -> tuple[Server, int]:
    """(the server after its last round, how many updates devices sent).

    Raises MissingToolError without the `fleet` extra, LinkLostError when the engine stops before the last round.
    """
    os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")  # read when flwr and ray are imported
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # 15 otherwise, and this process waits for them
    try:
        import flwr.simulation
        import ray  # noqa: F401 - the engine needs it
        from flwr.serverapp import ServerApp
    except ImportError as error:
        raise MissingToolError("fleet: Flower's engine is not installed: pip install 'fieldwren[fleet]'") from error
    from fieldwren.fleet.flower.client import client_app
    from fieldwren.fleet.flower.strategies import Roster, initial_arrays, strategy_of
    from fieldwren.fleet.virtual import start_of

    logging.getLogger("flwr").setLevel(logging.ERROR)
    names = sorted(hand.name for hand in population.hands)
    model = population.learner().model

    def roster(grid: Grid) -> Roster:
        return Roster(dict(zip(names, _nodes(grid, len(names)), strict=True)), model, population.shape)

    strategy = strategy_of(population.federation, roster=roster, on_round=progress)
    failed: list[Exception] = []
    server_app = ServerApp()

    @server_app.main()
    def main(grid: Grid, context: Context) -> None:
        del context
        try:
            strategy.start(
                grid,
                initial_arrays(start_of(population.factory)),
                num_rounds=strategy.flower_rounds,
                timeout=population.federation.timeout_s,
            )
        except Exception as error:
            failed.append(error)
            raise

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "population.pickle"
        path.write_bytes(pickle.dumps(population))
        flwr.simulation.run_simulation(
            server_app,
            client_app(functools.partial(_devices, str(path))),
            num_supernodes=len(names),
            backend_config={
                "client_resources": {"num_cpus": 1},
                "init_args": {"num_cpus": _CPUS, "log_to_driver": False, "logging_level": logging.ERROR},
            },
        )
    if failed:
        raise failed[0]
    server = strategy.server
    if server is None or not server.is_finished:
        raise LinkLostError("fleet: Flower's engine stopped before the last round")
    return server, len(server.audit)


def _nodes(grid: Grid, count: int) -> list[int]:
    """The engine's nodes once all are registered, which it does while the server starts."""
    until = time.monotonic() + _REGISTERED_S
    while len(nodes := sorted(grid.get_node_ids())) < count:
        if time.monotonic() > until:
            raise LinkLostError(f"fleet: Flower's engine registered {len(nodes)} of {count} nodes in {_REGISTERED_S} s")
        time.sleep(0.1)
    return nodes


def _devices(path: str, context: Context) -> Devices:
    """The one device of a node: the task says which it is; what it remembers lies in the node's context."""
    from fieldwren.fleet.flower.client import Devices

    population, learner = _opened(path)
    return Devices([], learner.model, *population.shape, functools.partial(_adapt, path))


def _adapt(path: str, name: str, task: bytes, context: Context) -> bytes:
    from flwr.app import ConfigRecord

    from fieldwren.fleet.simulate import has_memory
    from fieldwren.fleet.virtual import Memory, VirtualDevice

    population, learner = _opened(path)
    memory = None
    if has_memory(population.federation):
        kept = context.state.config_records.get("memory")
        memory = Memory.from_bytes(bytes(kept["bytes"])) if kept is not None else learner.new_memory()
    hand = _hands(path)[name]
    answer = VirtualDevice(name, learner, hand.shard(population.pools), memory).adapt(task)
    if memory is not None:
        context.state["memory"] = ConfigRecord({"bytes": memory.to_bytes()})
    return answer


@functools.cache
def _opened(path: str) -> tuple[Population, VirtualLearner]:
    """Once in every process of the engine."""
    population: Population = pickle.loads(Path(path).read_bytes())
    return population, population.learner()


@functools.cache
def _hands(path: str) -> dict[str, Hand]:
    return {hand.name: hand for hand in _opened(path)[0].hands}
