"""A federation over Flower's SuperLink: a ServerApp that runs federation.toml, a ClientApp for the SuperNode of a gateway.

The ClientApp finds its gateway by the SuperNode's node config `gateway`, the socket of `fieldwren fleet serve`. The ServerApp
takes `federation` (a federation.toml), `result` (a JSON file to write, or nothing) and `nodes` (how many SuperNodes to wait
for) from the run config. Every device of every gateway is a client; the head has the same bits as with `fleet run`.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from fieldwren.errors import BadInputError, LinkLostError
from fieldwren.files import written_whole
from fieldwren.fleet.federation import load_federation
from fieldwren.fleet.flower.client import Devices, client_app
from fieldwren.fleet.flower.strategies import initial_arrays, strategy_of
from fieldwren.fleet.gateway import GatewayDevice, gateway_facts
from fieldwren.fleet.population import load_population
from fieldwren.fleet.simulate import result_of
from fieldwren.fleet.virtual import start_of

_NODES_TIMEOUT_S = 300.0
_POLL_S = 0.2
_TASK_TIMEOUT_S = 600.0
"""The gateway itself gives up earlier, after the federation's timeout_s."""


def _devices(context: Context) -> Devices:
    """The devices of the node's gateway; a socket a message costs nothing beside a device's work."""
    path = str(context.node_config.get("gateway", ""))
    if not path:
        raise BadInputError("this SuperNode has no gateway: start it with --node-config 'gateway=\"SOCKET\"'")
    facts = gateway_facts(path)

    def adapt(name: str, task: bytes, context: Context) -> bytes:
        del context
        device = GatewayDevice(path, name, _TASK_TIMEOUT_S)
        try:
            return device.adapt(task)
        finally:
            device.close()

    return Devices(facts.devices, facts.model, facts.classes, facts.features, adapt)


client = client_app(_devices)
server = ServerApp()


@server.main()
def _serve(grid: Grid, context: Context) -> None:
    config: Any = context.run_config
    federation = load_federation(str(config["federation"]))
    population = load_population(federation)
    _wait_for_nodes(grid, int(config.get("nodes", 1)))
    strategy = strategy_of(federation)
    strategy.start(
        grid,
        initial_arrays(start_of(population.factory)),
        num_rounds=strategy.flower_rounds,
        timeout=federation.timeout_s,
    )
    if strategy.server is None or not strategy.server.is_finished:
        raise LinkLostError("the federation ended before its last round")
    result = result_of(population, strategy.server, len(strategy.server.audit), "superlink")
    if config.get("result"):
        with written_whole(Path(str(config["result"]))) as temporary:
            temporary.write_text(json.dumps(asdict(result)) + "\n", encoding="utf-8")


def _wait_for_nodes(grid: Grid, count: int) -> None:
    until = time.monotonic() + _NODES_TIMEOUT_S
    while len(list(grid.get_node_ids())) < count:
        if time.monotonic() > until:
            raise LinkLostError(f"fewer than {count} SuperNodes are connected after {_NODES_TIMEOUT_S:g} s")
        time.sleep(_POLL_S)
