"""Rounds in which everything goes wrong, and rounds whose server is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fieldwren.errors import BadInputError
from fieldwren.fleet import wire
from fieldwren.fleet.population import Population
from fieldwren.fleet.server import Round, Server
from fieldwren.fleet.simulate import FleetResult, run_population, server_of
from fieldwren.fleet.store import Store, resumable
from fieldwren.fleet.virtual import VirtualLearner
from fleet.fleets import CLASSES, FEATURES, factory, population


def _wave(made: Population, server: Server, learner: VirtualLearner) -> dict[str, bytes]:
    """Starts a wave; every device's honest answer."""
    hands = {hand.name: hand for hand in made.hands}
    return {name: learner.adapt(hands[name].shard(made.pools), task) for name, task in server.begin_wave()}


def _started(**fields: Any) -> tuple[Population, Server, VirtualLearner]:
    made = population(**fields)
    learner = made.learner()
    return made, server_of(made, learner.model), learner


def _verdicts(server: Server) -> list[str]:
    return [entry.verdict for entry in server.audit]


def test_everything_that_can_go_wrong_in_one_round() -> None:
    made, server, learner = _started(strategy={"clients_per_round": 8})
    answers = _wave(made, server, learner)
    names = sorted(answers)
    old = server.state.head.copy()
    good = wire.decode_update(answers[names[0]])
    server.receive(names[0], answers[names[0]])
    server.receive(names[0], answers[names[0]])
    server.receive(names[1], answers[names[1]][:-5])
    server.receive(names[2], wire.encode_update(replace(good, change=good.change * np.float32("nan")), "float32"))
    server.receive(names[3], wire.encode_update(replace(good, model=good.model ^ 1), "float32"))
    server.receive(names[4], wire.encode_update(replace(good, change=good.change[:-1]), "float32"))
    server.receive(names[5], wire.encode_update(replace(good, sequence=99), "float32"))
    server.receive("a stranger", answers[names[6]])
    server.receive(names[6], wire.encode_update(replace(good, status="fault", change=good.change[:0]), "float32"))
    done = server.end_wave()
    assert _verdicts(server) == [
        *(
            "applied",
            "duplicate",
            "corrupt",
            "not finite",
            "other model",
            "wrong length",
            "not asked",
            "not asked",
            "fault",
        )
    ]
    assert done is not None
    assert (done.clients, done.dropped) == (1, 7)
    np.testing.assert_allclose(server.state.head, old + good.change, atol=1e-6)
    assert server.state.verdicts.total() == len(server.audit)
    _wave(made, server, learner)
    server.receive(names[7], answers[names[7]])  # of the round before
    assert _verdicts(server)[-1] == "late"


def test_the_order_of_answers_changes_nothing() -> None:
    hashes = set()
    for turn in range(4):
        made, server, learner = _started(rounds=2, strategy={"name": "tinymetafed", "clients_per_round": 6})
        while not server.is_finished:
            answers = _wave(made, server, learner)
            for name in np.random.default_rng(turn).permutation(sorted(answers)):
                server.receive(str(name), answers[str(name)])
            server.end_wave()
        hashes.add(server.head_sha256)
    assert len(hashes) == 1


def test_quarantine() -> None:
    """Three bad answers in a row; a good one between them starts the count again."""
    made, server, learner = _started(strategy={"clients_per_round": 8})
    for number in range(5):
        for name, answer in _wave(made, server, learner).items():
            bad = name.endswith("-2") or (name.endswith("-5") and number != 1)
            server.receive(name, b"\0" * 60 if bad else answer)
        server.end_wave()
    assert list(server.state.quarantined) == ["simulated-2", "simulated-5"]
    assert "3 answers" in server.state.quarantined["simulated-2"]
    assert "simulated-2" not in dict(server.begin_wave())


def test_all_in_quarantine_is_an_error() -> None:
    made, server, learner = _started(quarantine_after=1)
    for name in _wave(made, server, learner):
        server.receive(name, b"")
    server.end_wave()
    with pytest.raises(BadInputError, match="quarantine"):
        server.begin_wave()


def test_too_few_answers_change_nothing() -> None:
    made, server, learner = _started(minimum_clients=3)
    answers = _wave(made, server, learner)
    for name in sorted(answers)[:2]:
        server.receive(name, answers[name])
    done = server.end_wave()
    np.testing.assert_array_equal(server.state.head, factory().head)
    assert done is not None
    assert (done.clients, _verdicts(server)) == (0, ["too few", "too few"])


def test_a_device_that_lost_its_head_gets_it_whole() -> None:
    made, server, learner = _started(strategy={"name": "tinymetafed", "top_p": 0.1})
    memories = {hand.name: learner.new_memory() for hand in made.hands}
    hands = {hand.name: hand for hand in made.hands}
    sizes = []
    for number in range(3):
        tasks = server.begin_wave()
        sizes.append(max(len(task) for _, task in tasks))
        for name, task in tasks:
            if number == 2 and name.endswith("-3"):
                memories[name] = learner.new_memory()
            shard = hands[name].shard(made.pools)
            again = server.receive(name, learner.adapt(shard, task, memories[name]))
            assert (again is not None) == (number == 2 and name.endswith("-3"))
            if again is not None:
                assert server.receive(name, learner.adapt(shard, again, memories[name])) is None
        server.end_wave()
    assert sizes[2] < sizes[0], "the change is shorter than the head"
    held = [memory.held for memory in memories.values()]
    assert max(np.abs(one - server.state.sent).max() for one in held) < 0.05
    assert server.state.verdicts == {"applied": 24, "refused": 1}


@pytest.mark.parametrize("name", ["fedavg", "reptile", "reptile-serial", "fomaml", "tinymetafed"])
def test_every_strategy_learns(name: str) -> None:
    made = population(hold_out=("g3",), rounds=8, strategy={"name": name, "query_steps": 24})
    result, learner = run_population(made), made.learner()
    shards = [hand.shard(made.pools) for hand in made.hands]
    before = np.mean([learner.correct(shard, factory().head) / len(shard.tests) for shard in shards])
    assert result.accuracy_mean is not None
    assert result.accuracy_mean > before + 0.2
    assert result.k_shot[0].after > result.k_shot[0].before + 0.2
    audit = result.audit
    assert (audit.tasks, audit.sent, audit.applied, audit.rejected) == (64, 64, 64, 0)


def test_faults_lose_and_double_nothing() -> None:
    clean = run_population(population(rounds=20))
    faults = {"killed": 0.05, "late": 0.05, "corrupt": 0.05, "not_a_number": 0.05, "duplicate": 0.1}
    dirty = run_population(population(rounds=20, faults=faults))
    audit = dirty.audit
    assert audit.sent == audit.applied + audit.rejected
    assert audit.tasks == audit.applied + sum(done.dropped for done in dirty.rounds)
    assert audit.applied == sum(done.clients for done in dirty.rounds)
    assert set(audit.reasons) == {"late", "corrupt", "not finite", "duplicate"}
    assert dirty.accuracy_mean is not None
    assert clean.accuracy_mean is not None
    assert dirty.accuracy_mean > clean.accuracy_mean - 0.06


def test_poison() -> None:
    def accuracy(aggregation: str, poisoned: int) -> float:
        result = run_population(population(strategy={"aggregation": aggregation}, faults={"poisoned": poisoned}))
        assert result.accuracy_mean is not None
        return result.accuracy_mean

    assert accuracy("mean", 1) < accuracy("mean", 0) - 0.2
    for robust in ("median", "trimmed-mean", "screened-mean"):
        assert accuracy(robust, 1) > accuracy(robust, 0) - 0.06


def test_a_screened_liar_is_in_the_log() -> None:
    """Every answer of the poisoned device is refused, and counted; the others' stay."""
    made = population(strategy={"aggregation": "screened-mean", "screen": 4.0}, faults={"poisoned": 1})
    result = run_population(made)
    assert result.audit.reasons == {"outlier": 10}
    assert (result.audit.applied, result.audit.sent) == (70, 80)
    assert {(done.clients, done.dropped) for done in result.rounds} == {(7, 1)}
    honest = run_population(population(strategy={"aggregation": "screened-mean", "screen": 4.0}))
    assert honest.audit.rejected == 0
    assert honest.head_sha256 == run_population(population()).head_sha256


def test_tinymetafed_needs_a_fifth_of_the_bytes() -> None:
    whole = run_population(population(rounds=20))
    thin = run_population(population(rounds=20, strategy={"name": "tinymetafed", "top_p": 0.1}))
    assert thin.accuracy_mean is not None
    assert whole.accuracy_mean is not None
    assert thin.accuracy_mean > whole.accuracy_mean - 0.04
    assert thin.bytes_up < whole.bytes_up


def _killed(run: Callable[[], object]) -> bool:
    """Whether a child process that calls `run` was killed."""
    child = os.fork()
    if child == 0:
        run()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _at(moment: int, numbers: Iterator[int]) -> None:
    if next(numbers) == moment:
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("name", ["reptile-serial", "tinymetafed"])
def test_killed_at_any_moment(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a round and at every statement of the state file; what is resumed ends with the same bits."""
    made = population(rounds=3, strategy={"name": name, "clients_per_round": 4}, faults={"late": 0.2, "corrupt": 0.2})
    wanted = run_population(made)
    state = tmp_path / "state.db"
    kills = 0
    for moment in (0, 5, 9, 14):  # the so-manieth answer, and the so-manieth statement
        adapt, connect = VirtualLearner.adapt, Store.__init__

        def run(moment: int = moment, adapt: Any = adapt, connect: Any = connect) -> None:
            answers, statements = count(), count()

            def killing_adapt(*args: Any) -> Any:
                _at(moment, answers)
                return adapt(*args)

            def killing_init(self: Store, *args: Any) -> None:
                connect(self, *args)
                self._database.set_trace_callback(lambda _: _at(2 * moment + 7, statements))

            monkeypatch.setattr(VirtualLearner, "adapt", killing_adapt)
            monkeypatch.setattr(Store, "__init__", killing_init)
            run_population(made, state=state)

        kills += _killed(run)
    assert kills >= 2
    resumed = run_population(made, state=state)
    assert (resumed.head_sha256, resumed.rounds, resumed.audit) == (wanted.head_sha256, wanted.rounds, wanted.audit)


def test_state_of_another_federation(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    run_population(population(rounds=1), state=state)
    with pytest.raises(BadInputError, match="another federation"):
        run_population(population(rounds=2), state=state)
    assert resumable(state)[1] == "simulate"
    (tmp_path / "none").write_text("no database")
    with pytest.raises(BadInputError, match="no state"):
        resumable(tmp_path / "none")


def test_what_is_kept_is_whole(tmp_path: Path) -> None:
    """The audit log in the file has every message."""
    made = population(rounds=4, faults={"duplicate": 0.3, "late": 0.3})
    seen: list[Round] = []
    result: FleetResult = run_population(made, state=tmp_path / "s.db", progress=lambda done, _: seen.append(done))
    store = Store(tmp_path / "s.db", made.federation, made.learner().model, "simulate")
    log = store.audit()
    store.close()
    assert len(log) == result.audit.sent
    assert [entry.verdict for entry in log].count("applied") == result.audit.applied
    assert tuple(seen) == result.rounds
    assert len(factory().head) == CLASSES * (FEATURES + 1)
