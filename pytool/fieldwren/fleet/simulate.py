"""`fieldwren fleet simulate`: a federation of virtual devices in this process, or under Flower's simulation engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fieldwren.errors import BadInputError
from fieldwren.fleet.faults import Faults
from fieldwren.fleet.federation import Federation, load_federation
from fieldwren.fleet.personalise import KShot, k_shot
from fieldwren.fleet.population import Population, load_population
from fieldwren.fleet.privacy import epsilon
from fieldwren.fleet.server import Round, Server
from fieldwren.fleet.store import Store
from fieldwren.fleet.virtual import Memory, VirtualDevice, VirtualLearner, start_of

Engine = Literal["grid", "flower"]
_DEVICES_MEASURED = 200
"""The final head is tried on so many devices at most."""


@dataclass(frozen=True)
class Audit:
    """What became of all messages. Every one of the `sent` updates was applied once or rejected for a reason.

    `sent` is counted by the devices, the others by the server; `tasks` were given out. `reasons` of the rejected.
    """

    tasks: int
    sent: int
    applied: int
    rejected: int
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class Privacy:
    """What one device's data can change of the result: (ε, δ)-differential privacy by what was sent to the server."""

    epsilon: float | None
    delta: float


@dataclass(frozen=True)
class FleetResult:
    """What a federation gave. `accuracy_*` of the final head over up to 200 devices' own tests, without adaptation.

    `quarantined`: device → why. `privacy` is None where none was asked for.
    """

    strategy: str
    engine: str
    devices: int
    rounds: tuple[Round, ...]
    k_shot: tuple[KShot, ...]
    audit: Audit
    accuracy_mean: float | None
    accuracy_min: float | None
    bytes_down: int
    bytes_up: int
    quarantined: Mapping[str, str]
    privacy: Privacy | None
    head_sha256: str


def simulate(
    federation: str | Path | Federation,
    *,
    engine: Engine = "grid",
    state: Path | None = None,
    progress: Callable[[Round, int], None] | None = None,
) -> FleetResult:
    """Runs a federation.toml with a virtual device in place of every client, whatever its kind.

    With `state`, every round is kept in that file, and a run that was killed goes on from there with the same bits. `engine`
    "flower" needs the `fleet` extra, and gives the same head. `progress` is told of every round.
    """
    loaded = federation if isinstance(federation, Federation) else load_federation(federation)
    if engine == "flower" and (state is not None or loaded.faults is not None):
        raise BadInputError("fleet simulate: faults and a state file are for the engine `grid`: leave one of them out")
    population = load_population(loaded)
    return run_population(population, engine=engine, state=state, progress=progress)


def run_population(
    population: Population,
    *,
    engine: Engine = "grid",
    state: Path | None = None,
    progress: Callable[[Round, int], None] | None = None,
) -> FleetResult:
    """The same for a population that has been read."""
    if engine == "flower":
        from fieldwren.fleet.flower.simulation import run_flower

        server, sent = run_flower(population, progress)
        return result_of(population, server, sent, engine)
    learner = population.learner()
    store = Store(state, population.federation, learner.model, "simulate") if state is not None else None
    try:
        server, sent = _run_grid(population, learner, store, progress)
    finally:
        if store is not None:
            store.close()
    return result_of(population, server, sent, engine)


def server_of(population: Population, model: int, store: Store | None = None) -> Server:
    """A population's server, where its store left off."""
    names = [hand.name for hand in population.hands]
    kept = store.load() if store is not None else None
    return Server(population.federation, start_of(population.factory), model, population.shape, names, kept)


def has_memory(federation: Federation) -> bool:
    """Whether devices must remember something between tasks."""
    strategy = federation.strategy
    return strategy.kept_share < 1.0 or strategy.wire_encoding != "float32" or bool(strategy.local)


def _run_grid(
    population: Population,
    learner: VirtualLearner,
    store: Store | None,
    progress: Callable[[Round, int], None] | None,
) -> tuple[Server, int]:
    """(the server after its last round, how many updates devices sent)."""
    server = server_of(population, learner.model, store)
    hands = {hand.name: hand for hand in population.hands}
    kept = store.memories() if store is not None else {}
    memories = {name: Memory.from_bytes(data) for name, data in kept.items()}
    remembers = has_memory(population.federation)
    faults = Faults(population.federation, [hand.name for hand in population.hands])
    if store is not None:
        faults.restore(store.engine_state())
    touched: set[str] = set()
    while not server.is_finished:
        number = server.round
        for name, task in server.begin_wave():
            if remembers and name not in memories:
                memories[name] = learner.new_memory()
            device = VirtualDevice(name, learner, hands[name].shard(population.pools), memories.get(name))
            touched.add(name)
            waiting = [task]
            while waiting:
                for answer in faults.answers(number, name, device.adapt(waiting.pop())):
                    again = server.receive(name, answer)
                    if again is not None:
                        waiting.append(again)
        for name, answer in faults.belated(is_last=number + 1 == population.federation.rounds):
            server.receive(name, answer)
        done = server.end_wave()
        if done is None:
            continue
        if store is not None:
            changed = {name: memories[name].to_bytes() for name in sorted(touched) if name in memories}
            store.keep(server, changed, faults.state())
        touched.clear()
        if progress is not None:
            progress(done, server.round)
    return server, faults.sent


def result_of(population: Population, server: Server, sent: int, engine: str) -> FleetResult:
    """What a finished server has to say."""
    federation, state = population.federation, server.state
    shares = _measured(population, server)
    applied = state.verdicts["applied"]
    reasons = {reason: count for reason, count in sorted(state.verdicts.items()) if reason != "applied" and count}
    shots = k_shot(
        population.factory,
        state.head,
        population.held_out,
        federation.measure,
        federation.strategy.inner_lr,
        federation.seed,
        population.layer(),
    )
    return FleetResult(
        strategy=federation.strategy.name,
        engine=engine,
        devices=len(population.hands),
        rounds=tuple(state.rounds),
        k_shot=tuple(shots),
        audit=Audit(state.tasks, sent, applied, sum(reasons.values()), reasons),
        accuracy_mean=sum(shares) / len(shares) if shares else None,
        accuracy_min=min(shares, default=None),
        bytes_down=sum(item.bytes_down for item in state.rounds),
        bytes_up=sum(item.bytes_up for item in state.rounds),
        quarantined=dict(sorted(state.quarantined.items())),
        privacy=None
        if federation.privacy is None
        else Privacy(epsilon(federation, len(state.rounds)), federation.privacy.delta),
        head_sha256=server.head_sha256,
    )


def _measured(population: Population, server: Server) -> list[float]:
    """Shares of right answers with the final head, of devices spread over all of them."""
    learner, hands = population.learner(), population.hands
    step = -(-len(hands) // _DEVICES_MEASURED)
    shards = [hand.shard(population.pools) for hand in hands[::step]]
    return [learner.correct(shard, server.state.head) / len(shard.tests) for shard in shards if len(shard.tests)]
