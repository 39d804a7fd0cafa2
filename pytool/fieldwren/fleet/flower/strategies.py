"""fieldwren's strategies as Flower strategies (`flwr.serverapp.strategy.Strategy`).

    strategy = TinyMetaFed(rounds=10, clients_per_round=4, inner_steps=40, top_p=0.1)
    result = strategy.start(grid, initial_arrays(factory_head), num_rounds=strategy.flower_rounds)

They ask the nodes once which devices they own (a query; a gateway may own many), then exchange with each device the bytes of
fieldwren.fleet.wire: the content of a message is the config record `fieldwren` with `device` and `task`, that of a reply the
same with `device` and `update`. What a round does is fleet.server's, so that the head has the same bits whatever the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MessageType, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy

from fieldwren.errors import BadInputError
from fieldwren.fleet.device import Vector
from fieldwren.fleet.federation import Federation, StrategyName
from fieldwren.fleet.server import Round, Server

RECORD = "fieldwren"
HEAD = "head"


@dataclass(frozen=True)
class Roster:
    """The devices of a grid: name → node; the CRC of the factory head that all share, and its (classes, features)."""

    nodes: Mapping[str, int]
    model: int
    shape: tuple[int, int]


def initial_arrays(head: Vector) -> ArrayRecord:
    """A flat head as the arrays that a strategy starts from and returns."""
    return ArrayRecord({HEAD: Array(head.astype(np.float32))})


def head_of(arrays: ArrayRecord) -> Vector:
    """The flat head in such arrays."""
    head: Vector = arrays[HEAD].numpy().astype(np.float32)
    return head


def ask_roster(grid: Grid, timeout_s: float = 60.0) -> Roster:
    """Asks every node for its devices. Raises BadInputError when nobody answers, or they start from different heads."""
    nodes: dict[str, int] = {}
    known: set[tuple[int, int, int]] = set()
    question = RecordDict({RECORD: ConfigRecord()})
    messages = [Message(question, dst_node_id=node, message_type=MessageType.QUERY) for node in grid.get_node_ids()]
    for reply in grid.send_and_receive(messages, timeout=timeout_s):
        if reply.has_error():
            continue
        answer: Any = reply.content.config_records[RECORD]
        known.add((answer["model"], answer["classes"], answer["features"]))
        nodes.update(dict.fromkeys(answer["devices"], reply.metadata.src_node_id))
    if len(known) != 1:
        what = f"{len(known)} different factory heads" if known else "no devices"
        raise BadInputError(f"the nodes of the grid have {what}: all must run the same model")
    (model, classes, features) = known.pop()
    return Roster(dict(sorted(nodes.items())), model, (classes, features))


class FleetStrategy(Strategy):
    """Base of the strategies: keyword arguments are the fields of federation.StrategySettings, and of a Federation.

    `roster` replaces the question to the nodes. `on_round` is told of every finished round.
    """

    name: StrategyName = "fedavg"

    def __init__(
        self,
        *,
        rounds: int,
        seed: int = 0,
        minimum_clients: int = 1,
        quarantine_after: int = 3,
        privacy: Mapping[str, Any] | None = None,
        roster: Callable[[Grid], Roster] = ask_roster,
        on_round: Callable[[Round, int], None] | None = None,
        **settings: Any,
    ) -> None:
        self._table = {
            "path": Path(RECORD),
            "data": ".",
            "app": ".",
            "rounds": rounds,
            "seed": seed,
            "minimum_clients": minimum_clients,
            "quarantine_after": quarantine_after,
            "privacy": privacy,
            "strategy": {"name": self.name, **settings},
            "clients": ({"count": 1_000_000},),  # how many there are is known when the grid is asked
        }
        self._federation = Federation.model_validate(self._table)
        self._roster, self._on_round = roster, on_round
        self._known: Roster | None = None
        self.server: Server | None = None

    @property
    def flower_rounds(self) -> int:
        """Flower's `num_rounds`: a serial strategy takes one of Flower's rounds for each of its clients."""
        strategy = self._federation.strategy
        return self._federation.rounds * (strategy.clients_per_round if strategy.is_serial else 1)

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Tasks of the next wave."""
        if self.server is None:
            self._known = self._roster(grid)
            self.server = self._new_server(head_of(arrays), self._known)
        assert self._known is not None
        if self.server.is_finished:
            return []
        nodes = self._known.nodes
        return [
            Message(
                RecordDict({RECORD: ConfigRecord({"device": name, "task": task})}),
                dst_node_id=nodes[name],
                message_type=MessageType.TRAIN,
                group_id=str(server_round),
            )
            for name, task in self.server.begin_wave()
        ]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Takes the updates that came; a device that needs the whole head gets it when it is drawn again."""
        server = self.server
        if server is None or not server.is_in_wave:
            return None, None
        for reply in replies:
            if reply.has_error():
                continue
            answer: Any = reply.content.config_records.get(RECORD, {})
            if "update" in answer:
                server.receive(str(answer["device"]), bytes(answer["update"]))
        done = server.end_wave()
        if done is not None and self._on_round is not None:
            self._on_round(done, server.round)
        return initial_arrays(server.state.head), None if done is None else _metrics(done)

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Nothing: devices measure the head that they are sent before they train it."""
        return []

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """Nothing."""
        return None

    def summary(self) -> None:
        """Nothing to log that federation.toml does not say."""

    def _new_server(self, start: Vector, known: Roster) -> Server:
        names = list(known.nodes)
        strategy = {**self._table["strategy"]}  # type: ignore[dict-item]
        strategy["clients_per_round"] = min(self._federation.strategy.clients_per_round, len(names))
        table = {**self._table, "strategy": strategy, "clients": ({"count": len(names)},)}
        return Server(Federation.model_validate(table), start, known.model, known.shape, names)


class FedAvg(FleetStrategy):
    """Means of heads, weighted by samples."""

    name = "fedavg"


class Reptile(FleetStrategy):
    """Batched Reptile."""

    name = "reptile"


class ReptileSerial(FleetStrategy):
    """TinyReptile: one device after the other."""

    name = "reptile-serial"


class Fomaml(FleetStrategy):
    """First-order MAML."""

    name = "fomaml"


class TinyMetaFed(FleetStrategy):
    """Reptile with partial, selective and quantised exchange."""

    name = "tinymetafed"


BY_NAME: Mapping[StrategyName, type[FleetStrategy]] = {
    kind.name: kind for kind in (FedAvg, Reptile, ReptileSerial, Fomaml, TinyMetaFed)
}


def strategy_of(federation: Federation, **more: Any) -> FleetStrategy:
    """The Flower strategy of a federation.toml; `more` are arguments of FleetStrategy."""
    settings = federation.strategy.model_dump()
    privacy = federation.privacy.model_dump() if federation.privacy is not None else None
    return BY_NAME[settings.pop("name")](
        rounds=federation.rounds,
        seed=federation.seed,
        minimum_clients=federation.minimum_clients,
        quarantine_after=federation.quarantine_after,
        privacy=privacy,
        **settings,
        **more,
    )


def _metrics(done: Round) -> MetricRecord:
    figures: dict[str, int | float] = {
        "bytes_down": done.bytes_down,
        "bytes_up": done.bytes_up,
        "clients": done.clients,
        "dropped": done.dropped,
    }
    if done.accuracy_mean is not None and done.accuracy_min is not None:
        figures |= {"accuracy_mean": done.accuracy_mean, "accuracy_min": done.accuracy_min}
    return MetricRecord(figures)
