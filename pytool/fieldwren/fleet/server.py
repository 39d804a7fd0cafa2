"""The rounds of a federation: whom to ask, what to send, what to take and what to refuse, and the head that comes of it.

A Server does no input or output. Whoever runs it (the simulation, the gateway, Flower) carries the bytes:

    while not server.is_finished:
        for name, task in server.begin_wave():
            server.receive(name, answer of device name to task)
        server.end_wave()

A round is one wave, or as many waves of one device as it has clients where the strategy is serial. What was not received when
a wave ends is late. All that a server knows is its `state`, which `store` keeps; nothing depends on the order of answers.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fieldwren.errors import BadInputError
from fieldwren.fleet import aggregate, wire
from fieldwren.fleet.aggregate import Contribution, outliers
from fieldwren.fleet.device import Task, Vector
from fieldwren.fleet.federation import Federation

_DRAW, _NOISE = 1, 3
_BLAMED = frozenset(("corrupt", "not finite", "other model", "fault", "wrong length"))
"""Reasons that speak against a device if they come in a row; lateness and repetition do not."""


@dataclass(frozen=True)
class Round:
    """What one round gave.

    `accuracy_*` over its clients, each with its own test samples and the head that it was sent; None if nobody answered.
    `clients` whose change was applied, `dropped` the others that were asked. Bytes of all messages, both ways.
    """

    accuracy_mean: float | None
    accuracy_min: float | None
    bytes_down: int
    bytes_up: int
    clients: int
    dropped: int


@dataclass(frozen=True)
class AuditEntry:
    """One message from a device, and what became of it; `verdict` is "applied" or a reason."""

    round: int
    device: str
    sequence: int | None
    verdict: str
    bytes: int


@dataclass
class ServerState:
    """All that a server must remember. `sent` is the head that devices of `version` have; `waves` are counted from 0."""

    head: Vector
    sent: Vector
    version: int = 0
    wave: int = 0
    rounds: list[Round] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    blamed: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, str] = field(default_factory=dict)
    tasks: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)


@dataclass
class _Wave:
    """A wave that is under way."""

    names: tuple[str, ...]
    messages: dict[str, bytes] = field(default_factory=dict)
    heads: dict[str, int] = field(default_factory=dict)
    answers: dict[str, Contribution] = field(default_factory=dict)
    accuracies: dict[str, float] = field(default_factory=dict)


class Server:
    """One federation under way.

    `start` is the factory head, `model` its CRC (virtual.model_crc), `shape` (classes, features); `names` all devices.
    """

    def __init__(
        self,
        federation: Federation,
        start: Vector,
        model: int,
        shape: tuple[int, int],
        names: Sequence[str],
        state: ServerState | None = None,
    ) -> None:
        self.federation, self.model, self.names = federation, model, tuple(sorted(names))
        self.state = state or ServerState(start.astype(np.float32), start.astype(np.float32))
        self.audit: list[AuditEntry] = []
        self._start, self._shape = start.astype(np.float32), shape
        self._wave: _Wave | None = None
        self._bytes_down = self._bytes_up = 0
        self._clients: dict[str, float | None] = {}
        self._asked = 0

    @property
    def round(self) -> int:
        """The round under way, or the next one, from 0."""
        return len(self.state.rounds)

    @property
    def is_finished(self) -> bool:
        """Whether all rounds are done."""
        return self.round >= self.federation.rounds

    @property
    def is_in_wave(self) -> bool:
        """Whether answers are waited for."""
        return self._wave is not None

    @property
    def head_sha256(self) -> str:
        """SHA-256 of the head as little-endian float32."""
        return hashlib.sha256(self.state.head.astype("<f4").tobytes()).hexdigest()

    def begin_wave(self) -> list[tuple[str, bytes]]:
        """Draws the devices of the next wave: (name, task) of each, sorted by name."""
        if self._wave is not None or self.is_finished:
            raise RuntimeError("a wave is under way, or all rounds are done")
        drawn = self._draw()
        if self.federation.strategy.is_serial:
            drawn = drawn[self.state.wave : self.state.wave + 1]
        self._wave = _Wave(tuple(sorted(drawn)))
        vectors = self._vectors(self._wave.names)
        for name in self._wave.names:
            self._wave.messages[name] = self._task(name, vectors, is_full=False)
        self._asked += len(drawn)
        self.state.tasks += len(drawn)
        self._bytes_down += sum(len(message) for message in self._wave.messages.values())
        return [(name, self._wave.messages[name]) for name in self._wave.names]

    def receive(self, name: str, message: bytes) -> bytes | None:
        """Takes what a device sent, whenever and whatever it is; bytes to send it instead if it needs the whole head."""
        self._bytes_up += len(message)
        try:
            update = wire.decode_update(message)
        except wire.WireError as error:
            self._note(name, None, error.reason, len(message))
            return None
        wave, verdict, again = self._wave, "applied", None
        if update.model != self.model:
            verdict = "other model"
        elif update.sequence != self.round + 1 or wave is None or name not in wave.names:
            verdict = "late" if update.sequence <= self.round + 1 and name in self.names else "not asked"
        elif name in wave.answers:
            verdict = "duplicate"
        elif update.status == "refused":
            verdict = "refused"
            if wave.heads.get(name) == 0 or update.samples == 0:
                verdict = "fault"
            else:
                again = self._task(name, self._vectors(()), is_full=True)
                self._bytes_down += len(again)
        elif update.status != "ok":
            verdict = "fault"
        elif len(update.change) != self._shared_count():
            verdict = "wrong length"
        else:
            wave.answers[name] = Contribution(self._whole(update.change), update.samples)
            if update.tested:
                wave.accuracies[name] = update.correct / update.tested
        if verdict != "applied":
            self._note(name, update.sequence, verdict, len(message))
        else:
            self.audit.append(AuditEntry(self.round, name, update.sequence, verdict, len(message)))
        return again

    def has_answered(self, name: str) -> bool:
        """Whether an answer of the device was accepted in the wave under way."""
        return self._wave is not None and name in self._wave.answers

    def accuracy_of(self, name: str) -> float | None:
        """The device's accuracy on its own tests in the wave under way; None if it has not said."""
        return None if self._wave is None else self._wave.accuracies.get(name)

    def end_wave(self) -> Round | None:
        """Takes what came into the head; the round, if this was its last wave."""
        wave = self._wave
        if wave is None:
            raise RuntimeError("no wave is under way")
        strategy, state = self.federation.strategy, self.state
        names = self._screened(sorted(wave.answers))
        least = 1 if strategy.is_serial else self.federation.minimum_clients
        if names and len(names) >= least:
            state.verdicts["applied"] += len(names)
            self._apply([wave.answers[name] for name in names])
            for name in names:
                self._clients[name] = wave.accuracies.get(name)
                state.versions[name] = state.version
                state.blamed.pop(name, None)
        else:
            self._take_back(names, "too few")
        self._wave = None
        state.wave += 1
        waves = min(strategy.clients_per_round, len(self._available())) if strategy.is_serial else 1
        return self._end_round() if state.wave >= max(1, waves) else None

    def _end_round(self) -> Round:
        known = [self._clients[name] for name in sorted(self._clients)]
        shares = [share for share in known if share is not None]
        done = Round(
            accuracy_mean=float(np.mean(shares)) if shares else None,
            accuracy_min=min(shares) if shares else None,
            bytes_down=self._bytes_down,
            bytes_up=self._bytes_up,
            clients=len(known),
            dropped=self._asked - len(known),
        )
        self.state.rounds.append(done)
        self.state.wave = 0
        self._bytes_down = self._bytes_up = self._asked = 0
        self._clients = {}
        for name, count in self.state.blamed.items():
            if count >= self.federation.quarantine_after and name not in self.state.quarantined:
                self.state.quarantined[name] = f"{count} answers in a row were refused"
        return done

    def _available(self) -> list[str]:
        return [name for name in self.names if name not in self.state.quarantined]

    def _draw(self) -> list[str]:
        """The round's devices, in the order in which serial strategies take them."""
        available = self._available()
        if not available:
            raise BadInputError(f"{self.federation.path}: all devices are in quarantine: {self._blame()}")
        count = min(self.federation.strategy.clients_per_round, len(available))
        rng = np.random.default_rng([self.federation.seed, self.round, _DRAW])
        return [available[i] for i in rng.choice(len(available), count, replace=False)]

    def _blame(self) -> str:
        return ", ".join(f"{name}: {why}" for name, why in sorted(self.state.quarantined.items())[:3])

    def _vectors(self, names: Sequence[str]) -> Mapping[int, bytes]:
        """Base version → encoded change; the head that devices will have is computed once a wave, and remembered.

        Where none of `names` has the head that was sent last, all get the present one whole.
        """
        strategy, state = self.federation.strategy, self.state
        number = self.round * max(1, strategy.clients_per_round if strategy.is_serial else 1) + state.wave + 1
        made: dict[int, bytes] = {}
        if state.version != number:
            base = state.version
            if strategy.kept_share < 1.0 and base and any(state.versions.get(name) == base for name in names):
                change = self._shared(state.head - state.sent)
                made[base] = wire.encode_vector(change, strategy.wire_encoding, strategy.kept_share)
                state.sent = state.sent + self._whole(wire.decode_vector(made[base]))
            else:
                state.sent = state.head.copy()
            state.version = number
        made[0] = wire.encode_vector(self._shared(state.sent - self._start), strategy.wire_encoding)
        return made

    def _task(self, name: str, vectors: Mapping[int, bytes], *, is_full: bool) -> bytes:
        federation, strategy = self.federation, self.federation.strategy
        held = self.state.versions.get(name, 0)
        base = held if held in vectors and not is_full and len(vectors[held]) < len(vectors[0]) else 0
        assert self._wave is not None
        self._wave.heads[name] = base
        task = Task(
            sequence=self.round + 1,
            model=self.model,
            base=base,
            version=self.state.version,
            change=np.zeros(0, np.float32),
            steps=strategy.inner_steps,
            rate=strategy.inner_rate(self.round, federation.rounds),
            seed=zlib.crc32(f"{federation.seed}/{self.round}/{name}".encode()),
            momentum=strategy.inner_momentum,
            query_steps=strategy.query_steps if strategy.name == "fomaml" else 0,
            encoding=strategy.wire_encoding,
            kept_share=strategy.kept_share,
            local=strategy.local,
        )
        return wire.encode_task_with(task, vectors[base])

    def _apply(self, contributions: Sequence[Contribution]) -> None:
        federation, state = self.federation, self.state
        rate = federation.strategy.outer_rate(self.round, federation.rounds)
        if federation.privacy is None:
            state.head = aggregate.next_head(state.head, contributions, federation.strategy, rate)
            return
        rng = np.random.default_rng([federation.seed, self.round, _NOISE, state.wave])
        clients = 1 if federation.strategy.is_serial else federation.strategy.clients_per_round
        noisy = aggregate.next_private_head(state.head, contributions, federation.privacy, rate, clients, rng)
        state.head = self._whole_of(self._shared(noisy), state.head)

    def _screened(self, names: Sequence[str]) -> list[str]:
        """Those whose change is not far from all others'."""
        wave, strategy = self._wave, self.federation.strategy
        assert wave is not None
        if strategy.aggregation != "screened-mean" or not names:
            return list(names)
        far = [names[n] for n in outliers([wave.answers[name] for name in names], strategy.screen)]
        self._take_back(far, "outlier")
        return [name for name in names if name not in far]

    def _take_back(self, names: Sequence[str], verdict: str) -> None:
        """Answers of this round that are not applied after all, for what only all of them show."""
        if not names:
            return
        self.state.verdicts[verdict] += len(names)
        taken = set(names)
        for number, entry in enumerate(self.audit):
            if entry.round == self.round and entry.device in taken and entry.verdict == "applied":
                self.audit[number] = replace(entry, verdict=verdict)

    def _note(self, name: str, sequence: int | None, verdict: str, size: int) -> None:
        self.audit.append(AuditEntry(self.round, name, sequence, verdict, size))
        self.state.verdicts[verdict] += 1
        if verdict in _BLAMED:
            self.state.blamed[name] = self.state.blamed.get(name, 0) + 1

    def _shared(self, head: Vector) -> Vector:
        return wire.shared_part(head, *self._shape, self.federation.strategy.local)

    def _shared_count(self) -> int:
        return len(self._shared(self._start))

    def _whole(self, shared: Vector) -> Vector:
        """A change of the whole head, zero where parameters stay on the devices."""
        return self._whole_of(shared, np.zeros_like(self._start))

    def _whole_of(self, shared: Vector, rest: Vector) -> Vector:
        return wire.with_shared_part(rest, shared, *self._shape, self.federation.strategy.local)
