"""`fieldwren fleet run`: a federation of real devices. One process owns all links and asks the devices of a round at once."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fieldwren.app import load_app
from fieldwren.boards import load_board, write_project
from fieldwren.boards.definition import with_framework
from fieldwren.errors import BadInputError, LinkLostError
from fieldwren.fleet.energy import update_costs
from fieldwren.fleet.federation import Federation, load_federation
from fieldwren.fleet.members import CheckedDevice, Fleet, Member, closing, member_sources, sizes_of
from fieldwren.fleet.population import Population, load_population
from fieldwren.fleet.report import DeviceView, FleetView, RoundView, ShotView, write_report
from fieldwren.fleet.server import Round, Server
from fieldwren.fleet.simulate import FleetResult, result_of, server_of
from fieldwren.fleet.store import Store
from fieldwren.fleet.virtual import Memory
from fieldwren.tflite import read_model

ENGINE = "run"
_THREADS_MOST = 64
_BLAMES = 1

Watch = Callable[[FleetView], None]


@dataclass(frozen=True)
class RunResult(FleetResult):
    """As of a simulation, and what only real links can say.

    `checked` answers were compared with the twin's, `unequal` of them differed (there must be none); `down` and `up`: bytes
    on all links by kind (device/traffic.py). `lost`: device → why it did not answer last.
    """

    checked: int
    unequal: int
    down: Mapping[str, int]
    up: Mapping[str, int]
    lost: Mapping[str, str]
    seconds: float


@dataclass
class _Tally:
    """What the gateway noted about one device."""

    accuracy: list[float | None] = field(default_factory=list)
    answers: int = 0
    dropped: int = 0
    updates: int = 0
    lost: str = ""
    is_working: bool = False


class Gateway:
    """The rounds: tasks go out to all devices of a wave at once, answers are taken as they come, until the time is over.

    What comes later is handed to the server as what it is, late. A device that still has a task is not asked again before it
    has answered or was given up.
    """

    def __init__(self, server: Server, members: Sequence[Member], timeout_s: float, tell: Callable[[], None]) -> None:
        self.server = server
        self.sent = 0
        self.tallies = {member.name: _Tally() for member in members}
        self._members = {member.name: member for member in members}
        self._timeout_s = timeout_s
        self._tell = tell
        self._threads = ThreadPoolExecutor(min(_THREADS_MOST, max(1, len(members))), "fleet")
        self._under_way: dict[Future[bytes], str] = {}

    def prepare(self) -> None:
        """Connects all devices and tells them their samples. Raises LinkLostError only when none of them is there."""
        linked = [member for member in self._members.values() if member.link is not None]
        futures = {
            self._threads.submit(member.link.prepare): member.name for member in linked if member.link is not None
        }
        failures: list[Exception] = []
        for future in futures:
            error = future.exception()
            if isinstance(error, BadInputError):
                raise error
            if error is not None:
                failures.append(error if isinstance(error, Exception) else RuntimeError(str(error)))
                self.tallies[futures[future]].lost = str(error)
            self._tell()
        if failures and len(failures) == len(self._members):
            raise failures[0]

    def wave(self) -> None:
        """One wave, and whatever belongs to earlier ones."""
        now: set[Future[bytes]] = set()
        busy = set(self._under_way.values())
        wave = self.server.begin_wave()
        for name, task in wave:
            if name not in busy:
                now.add(self._ask(name, task))
        deadline = time.monotonic() + self._timeout_s
        while now and (remaining := deadline - time.monotonic()) > 0:
            done, _ = wait(self._under_way, remaining, FIRST_COMPLETED)
            for future in sorted(done, key=lambda item: self._under_way[item]):
                again = self._take(future)
                now.discard(future)
                if again is not None:
                    now.add(again)
            self._tell()
        for tally in self.tallies.values():
            tally.accuracy.append(None)
        for name, _ in wave:
            share = self.server.accuracy_of(name)
            self.tallies[name].accuracy[-1] = share
            self.tallies[name].dropped += not self.server.has_answered(name)
        self.server.end_wave()

    def drain(self) -> None:
        """Waits for what is still under way after the last round: late, but counted."""
        while self._under_way:
            done, _ = wait(self._under_way, None, FIRST_COMPLETED)
            for future in done:
                self._take(future)

    def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _ask(self, name: str, task: bytes) -> Future[bytes]:
        future = self._threads.submit(self._members[name].adapt, task)
        self._under_way[future] = name
        self.tallies[name].is_working = True
        return future

    def _take(self, future: Future[bytes]) -> Future[bytes] | None:
        """Hands an answer to the server; the task that the device needs instead, if it needs one."""
        name = self._under_way.pop(future)
        tally = self.tallies[name]
        tally.is_working = False
        try:
            answer = future.result()
        except (LinkLostError, BadInputError) as error:
            tally.lost = str(error)
            return None
        tally.lost = ""
        tally.answers += 1
        self.sent += 1
        again = self.server.receive(name, answer)
        strategy = self.server.federation.strategy
        if again is None:
            tally.updates += strategy.inner_steps + (strategy.query_steps if strategy.name == "fomaml" else 0)
            return None
        return self._ask(name, again)


def run(
    federation: str | Path | Federation,
    *,
    state: Path | None = None,
    report: Path | None = None,
    watch: Watch | None = None,
    progress: Callable[[Round, int], None] | None = None,
) -> RunResult:
    """Runs a federation.toml with its devices: emulated boards, ports, brokers, and simulated ones beside them.

    `state` keeps every round, and emulated devices keep what they were told beside it, in a folder of its name with
    `.devices` behind; a run that was killed goes on from there. `report`: an HTML page, written after every round. `watch` is
    shown every change, `progress` is told of every round.
    Raises BadInputError for a device with other firmware, LinkLostError when no device answers.
    """
    started = time.monotonic()
    loaded = federation if isinstance(federation, Federation) else load_federation(federation)
    if loaded.faults is not None:
        raise BadInputError(f"{loaded.path}: faults are made in simulations: take [faults] out for devices")
    population = load_population(loaded)
    learner = population.learner()
    with ExitStack() as open_:
        store = Store(state, loaded, learner.model, ENGINE) if state is not None else None
        if store is not None:
            open_.callback(store.close)
        folder = open_.enter_context(_device_folder(state))
        members = members_of(population, folder)
        server = server_of(population, learner.model, store)
        _remember(members, store)
        viewer = _Viewer(population, server, members, started)
        open_.enter_context(closing(members))
        gateway = Gateway(server, members, loaded.timeout_s, lambda: watch(viewer.view(gateway)) if watch else None)
        open_.callback(gateway.close)
        gateway.sent = int(store.engine_state() or 0) if store is not None else 0
        gateway.prepare()
        while not server.is_finished:
            finished = server.round
            gateway.wave()
            if server.round > finished:
                if progress is not None:
                    progress(server.state.rounds[-1], server.round)
                if store is not None:
                    store.keep(server, _memories(members), str(gateway.sent))
                if report is not None:
                    write_report(viewer.view(gateway), report)
            if watch is not None:
                watch(viewer.view(gateway))
        gateway.drain()
        if store is not None:
            store.keep(server, _memories(members), str(gateway.sent))
        plain = result_of(population, server, gateway.sent, ENGINE)
        down, up = viewer.traffic()
        checked = [member.device for member in members if isinstance(member.device, CheckedDevice)]
        result = RunResult(
            **vars(plain),
            checked=sum(device.equal + device.unequal for device in checked),
            unequal=sum(device.unequal for device in checked),
            down=dict(sorted(down.items())),
            up=dict(sorted(up.items())),
            lost={name: tally.lost for name, tally in gateway.tallies.items() if tally.lost},
            seconds=time.monotonic() - started,
        )
        if report is not None:
            write_report(viewer.view(gateway, result), report)
        return result


def members_of(population: Population, folder: Path) -> list[Member]:
    """The devices of a population; emulated ones keep their flash in `folder`."""
    federation = population.federation
    app = load_app(federation.app_path)
    graph = read_model(app.model_path)
    shards = {hand.name: hand.shard(population.pools) for hand in population.hands}
    fleet = Fleet(federation, app, population.learner(), population.factory.labels, graph.metadata, folder)
    return fleet.members(population.hands, shards)


@dataclass(frozen=True)
class FirmwareResult:
    """A written project: what every device of a federation on this board runs."""

    app: str
    board: str
    directory: str
    samples_per_class: int
    tests: int


def firmware(
    federation: str | Path, board: str, directory: str | Path, *, framework: str | None = None
) -> FirmwareResult:
    """Writes the PlatformIO project of a federation's firmware for devices that are told their samples.

    Raises BadInputError for a board that cannot be built for, or whose folder is not empty.
    """
    loaded = load_federation(federation)
    population = load_population(loaded)
    target = with_framework(load_board(board), framework)
    shards = {hand.name: hand.shard(population.pools) for hand in population.hands}
    samples, tests = sizes_of(population.hands, shards)
    app = load_app(loaded.app_path)
    _, _, sources = member_sources(app, target, samples, tests)
    project = write_project(sources, target, Path(directory))
    return FirmwareResult(app.name, target.id, str(project.directory), samples, tests)


@contextmanager
def _device_folder(state: Path | None) -> Iterator[Path]:
    """Where emulated devices live: beside the state file, or nowhere for long."""
    if state is not None:
        yield state.with_name(state.name + ".devices")
        return
    with tempfile.TemporaryDirectory(prefix="fieldwren-fleet-") as folder:
        yield Path(folder)


def _remember(members: Sequence[Member], store: Store | None) -> None:
    """Twins go on where they were; devices remember for themselves."""
    kept = store.memories() if store is not None else {}
    for member in members:
        if member.twin is not None and member.name in kept:
            member.twin.memory = Memory.from_bytes(kept[member.name])


def _memories(members: Sequence[Member]) -> dict[str, bytes]:
    memories = ((member.name, member.twin.memory if member.twin else None) for member in members)
    return {name: memory.to_bytes() for name, memory in memories if memory is not None}


class _Viewer:
    """What dashboard and report show."""

    def __init__(self, population: Population, server: Server, members: Sequence[Member], started: float) -> None:
        self._population, self._server, self._members, self._started = population, server, members, started
        self._costs = update_costs(population.factory, {member.board for member in members})
        self._app = load_app(population.federation.app_path).name

    def view(self, gateway: Gateway, result: RunResult | None = None) -> FleetView:
        """As it is now; with a result also what was measured at the end."""
        state, federation = self._server.state, self._population.federation
        reasons = {name: count for name, count in state.verdicts.items() if name != "applied" and count}
        applied = state.verdicts["applied"]
        return FleetView(
            app=self._app,
            strategy=federation.strategy.name,
            rounds_wanted=federation.rounds,
            rounds=[
                RoundView(r.accuracy_mean, r.accuracy_min, r.bytes_down, r.bytes_up, r.clients, r.dropped)
                for r in state.rounds
            ],
            devices=[self._device(member, gateway.tallies[member.name]) for member in self._members],
            audit={"sent": gateway.sent, "applied": applied, "rejected": sum(reasons.values())},
            reasons=reasons,
            k_shot=[ShotView(shot.shots, shot.before, shot.after) for shot in result.k_shot] if result else (),
            traffic=self.traffic(),
            head_sha256=self._server.head_sha256,
            seconds=time.monotonic() - self._started,
        )

    def traffic(self) -> tuple[Counter[str], Counter[str]]:
        """(down, up): bytes on all links by kind."""
        down, up = Counter[str](), Counter[str]()
        for member in self._members:
            if member.link is not None:
                parts = member.link.traffic()
                down.update(parts[0])
                up.update(parts[1])
        return down, up

    def _device(self, member: Member, tally: _Tally) -> DeviceView:
        state = self._server.state
        quarantined = state.quarantined.get(member.name)
        if quarantined is not None:
            shown, reason = "quarantined", quarantined
        elif tally.lost:
            shown, reason = "lost", tally.lost
        else:
            shown, reason = ("working" if tally.is_working else "ready"), ""
        cost = self._costs.get(member.board)
        return DeviceView(
            name=member.name,
            board=member.board,
            group=member.group,
            accuracy=tuple(tally.accuracy),
            bytes_down=member.device.bytes_down,
            bytes_up=member.device.bytes_up,
            answers=tally.answers,
            dropped=tally.dropped,
            rejected=state.blamed.get(member.name, 0),
            updates=tally.updates,
            state=shown,
            reason=reason,
            instructions_per_update=cost.instructions if cost else None,
            energy_pj=cost.energy_pj if cost else None,
        )
