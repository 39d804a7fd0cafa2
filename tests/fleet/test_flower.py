"""The strategies under Flower's own Strategy.start, over a grid of two nodes that own four devices each."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from fieldwren.errors import BadInputError, LinkLostError
from fieldwren.fleet.population import Population
from fieldwren.fleet.simulate import has_memory, run_population
from fieldwren.fleet.virtual import start_of
from fleet.fleets import factory, federation, population
from support import require_module

flwr = require_module("flwr")
logging.getLogger("flwr").setLevel(logging.ERROR)

from flwr.app import Context, Message, RecordDict  # noqa: E402
from flwr.serverapp import Grid  # noqa: E402
from flwr.supercore.task_identity import TaskIdentity  # noqa: E402

from fieldwren.fleet.flower.client import Devices, client_app  # noqa: E402
from fieldwren.fleet.flower.strategies import BY_NAME, ask_roster, head_of, initial_arrays, strategy_of  # noqa: E402


@pytest.fixture(autouse=True)
def _identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends, which Flower's runtime says before it starts a ServerApp."""
    for field in ("_task_id", "_run_id", "_node_id"):
        monkeypatch.setattr(TaskIdentity, field, 1)


class _Grid(Grid):
    """Two nodes in this process; what `lost` names does not answer. Answers come in a shuffled order."""

    def __init__(self, made: Population, *, model: int = 0, lost: frozenset[str] = frozenset()) -> None:
        self._learner = made.learner()
        self._lost, self._made = lost, made
        self._memories = {hand.name: self._learner.new_memory() for hand in made.hands}
        self._rng = np.random.default_rng(0)
        names = [hand.name for hand in made.hands]
        self._contexts = {
            node: Context(0, node, {"names": ",".join(part)}, RecordDict(), {})
            for node, part in ((11, names[::2]), (5, names[1::2]))
        }
        self._app = client_app(lambda context: self._devices(context, model))

    def _devices(self, context: Context, model: int) -> Devices:
        names = str(context.node_config["names"]).split(",")
        wrong = model if context.node_id == 5 else 0
        return Devices(names, self._learner.model ^ wrong, *self._made.shape, self._adapt)

    def _adapt(self, name: str, task: bytes, context: Context) -> bytes:
        if name in self._lost:
            raise LinkLostError(f"{name} is gone")
        hand = next(hand for hand in self._made.hands if hand.name == name)
        memory = self._memories[name] if has_memory(self._made.federation) else None
        return self._learner.adapt(hand.shard(self._made.pools), task, memory)

    def send_and_receive(self, messages: Iterable[Message], *, timeout: float | None = None) -> list[Message]:
        replies = []
        for message in messages:
            node = message.metadata.dst_node_id
            message.metadata.__dict__["_message_id"] = "1"
            replies.append(self._app(message, self._contexts[node]))
            replies[-1].metadata.__dict__["_src_node_id"] = node
        return [replies[i] for i in self._rng.permutation(len(replies))]

    def get_node_ids(self) -> list[int]:
        return list(self._contexts)

    def get_nodes(self) -> Any:
        raise NotImplementedError

    def set_run(self, run: Any) -> None:
        raise NotImplementedError

    @property
    def run(self) -> Any:
        raise NotImplementedError

    def create_message(self, *args: Any, **kwargs: Any) -> Message:
        raise NotImplementedError

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        raise NotImplementedError

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("name", "adapters"), [*((name, False) for name in sorted(BY_NAME)), ("fomaml", True), ("tinymetafed", True)]
)
def test_the_same_bits_under_flower(name: str, adapters: bool) -> None:
    made = population(adapters=adapters, rounds=3, strategy={"name": name, "clients_per_round": 5})
    wanted, rounds = run_population(made), []
    strategy = strategy_of(made.federation, on_round=lambda done, _: rounds.append(done))
    result = strategy.start(_Grid(made), initial_arrays(start_of(made.factory)), num_rounds=strategy.flower_rounds)
    assert strategy.server is not None
    assert strategy.server.head_sha256 == wanted.head_sha256
    assert tuple(rounds) == wanted.rounds
    np.testing.assert_array_equal(head_of(result.arrays), strategy.server.state.head)
    last = result.train_metrics_clientapp[strategy.flower_rounds]
    assert last["clients"] == 5
    assert last["accuracy_mean"] == wanted.rounds[-1].accuracy_mean


def test_privacy_and_robustness_are_the_same_too() -> None:
    made = population(
        rounds=2, strategy={"name": "reptile"}, privacy={"clip": 0.5, "noise_multiplier": 0.0}, minimum_clients=2
    )
    strategy = strategy_of(made.federation)
    strategy.start(_Grid(made), initial_arrays(factory().head), num_rounds=strategy.flower_rounds)
    assert strategy.server is not None
    assert strategy.server.head_sha256 == run_population(made).head_sha256


def test_a_device_that_is_gone_is_dropped() -> None:
    made = population(rounds=2)
    strategy = strategy_of(made.federation)
    strategy.start(_Grid(made, lost=frozenset({"simulated-1"})), initial_arrays(factory().head), num_rounds=2)
    assert strategy.server is not None
    assert [(done.clients, done.dropped) for done in strategy.server.state.rounds] == [(7, 1), (7, 1)]


def test_nodes_with_different_models_are_refused() -> None:
    with pytest.raises(BadInputError, match="2 different factory heads"):
        ask_roster(_Grid(population(), model=1))


def test_a_strategy_checks_its_settings() -> None:
    with pytest.raises(ValueError, match="one device at a time"):
        BY_NAME["reptile-serial"](rounds=1, aggregation="median")
    assert federation().strategy.name == "fedavg"
