"""federation.toml: which devices learn together, on what, and by which strategy."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from fieldwren.app import Fraction, Strict, frozen, sentence_of
from fieldwren.errors import BadInputError

StrategyName = Literal["fedavg", "reptile", "reptile-serial", "fomaml", "tinymetafed"]
Encoding = Literal["float32", "float16", "int8"]
Aggregation = Literal["mean", "trimmed-mean", "median", "screened-mean"]
ClientKind = Literal["simulated", "emulated", "serial"]
Local = Literal["bias", "weights", "adapters"]

_Rate = Annotated[float, Field(gt=0.0, le=1.0)]
_Step = Annotated[float, Field(ge=0.0, le=2.0)]
_Count = Annotated[int, Field(ge=1, le=1_000_000)]


class StrategySettings(Strict):
    """How a round's local results become the next head.

    `clients_per_round` devices are drawn each round; with `reptile-serial` one after the other, each from the head that the
    one before left. `inner_steps` updates of one sample each, at `inner_lr` (falling linearly to `inner_lr_end`) and
    `inner_momentum`; `query_steps` more whose change alone is sent (fomaml). `outer_step`: share of the aggregated change
    that is taken, falling linearly to `outer_step_end` in the last round.
    `top_p`: share of a change's parameters that is sent, the largest first (0 to 1; above 1 in percent); what stays is sent
    later (error feedback). `encoding` of what travels, both ways; None is int8 for tinymetafed, else float32.
    `local`: parameters that never leave a device. `aggregation` over the clients of a round; `trim`: share that the trimmed
    mean leaves out at either end; `screen`: how many times as far from the median as is usual a change may lie before the
    screened mean leaves it out.
    """

    name: StrategyName = "fedavg"
    clients_per_round: _Count = 1
    inner_steps: Annotated[int, Field(ge=1, le=65535)] = 8
    inner_lr: _Rate = 0.02
    inner_lr_end: _Rate | None = None
    inner_momentum: Annotated[float, Field(ge=0.0, le=0.99)] = 0.0
    query_steps: Annotated[int, Field(ge=1, le=65535)] = 1
    outer_step: _Step | None = None
    outer_step_end: _Step | None = None
    top_p: Annotated[float, Field(gt=0.0, le=100.0)] | None = None
    encoding: Encoding | None = None
    local: tuple[Local, ...] = ()
    aggregation: Aggregation = "mean"
    trim: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.2
    screen: Annotated[float, Field(gt=1.0, le=1e3)] = 2.0

    @model_validator(mode="after")
    def _possible(self) -> StrategySettings:
        if self.name == "reptile-serial" and self.aggregation != "mean":
            raise ValueError(
                f"reptile-serial takes one device at a time: there is nothing to take a {self.aggregation} of"
            )
        if self.aggregation != "mean" and self.kept_share < 1.0:
            raise ValueError(
                f"a {self.aggregation} needs whole changes: a parameter that is not sent is no vote; set top_p = 1"
            )
        return self

    @property
    def is_serial(self) -> bool:
        """Whether devices take their turns one after the other."""
        return self.name == "reptile-serial"

    @property
    def kept_share(self) -> float:
        """`top_p` as a fraction: above 0, at most 1."""
        if self.top_p is None:
            return 0.25 if self.name == "tinymetafed" else 1.0
        return self.top_p / 100.0 if self.top_p > 1.0 else self.top_p

    @property
    def wire_encoding(self) -> Encoding:
        """`encoding`, or the strategy's own."""
        return self.encoding or ("int8" if self.name == "tinymetafed" else "float32")

    def inner_rate(self, round_: int, rounds: int) -> float:
        """The devices' learning rate in a round, counted from 0."""
        end = self.inner_lr if self.inner_lr_end is None else self.inner_lr_end
        return _between(self.inner_lr, end, round_, rounds)

    def outer_rate(self, round_: int, rounds: int) -> float:
        """The server's step in a round, counted from 0; the serial strategies' falls to a tenth if nothing is said."""
        start = 1.0 if self.outer_step is None else self.outer_step
        end = start if self.outer_step_end is None else self.outer_step_end
        if self.outer_step_end is None and self.outer_step is None and self.name in ("reptile", "reptile-serial"):
            end = 0.1 * start
        return _between(start, end, round_, rounds)


class ClientSettings(Strict):
    """`count` devices of one kind, dealt to `groups` (people, rooms) in turn; none named: all that are not held out.

    `board` of emulated devices. `ports` of serial ones, one each; `own`: they train on what their users taught them, and are
    told nothing. `samples` embeddings of each class that a device learns
    from, and `tests` that it measures the head with; `None`: as many as its app keeps (`replay_per_class`).
    """

    kind: ClientKind = "simulated"
    count: _Count = 1
    board: str | None = None
    groups: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    own: bool = False
    samples: Annotated[int, Field(ge=1, le=255)] | None = None
    tests: Annotated[int, Field(ge=1, le=255)] = 4

    @model_validator(mode="after")
    def _complete(self) -> ClientSettings:
        if self.kind == "serial" and len(self.ports) != self.count:
            raise ValueError(f"{self.count} serial devices need as many ports: {len(self.ports)} are named")
        if self.ports and self.kind != "serial":
            raise ValueError(f"{self.kind} devices have no ports")
        if self.own and self.kind != "serial":
            raise ValueError(f"{self.kind} devices have no samples of their own")
        return self


class PrivacySettings(Strict):
    """Every change is scaled down to at most `clip` (L2), and Gaussian noise of `noise_multiplier` × `clip` is added to
    their sum. `delta`: the δ at which ε is stated."""

    clip: Annotated[float, Field(gt=0.0, le=1e6)]
    noise_multiplier: Annotated[float, Field(ge=0.0, le=1e3)] = 0.0
    delta: Annotated[float, Field(gt=0.0, lt=1.0)] = 1e-5


class FaultSettings(Strict):
    """What goes wrong on purpose in a simulation: shares of the exchanges in every round.

    `killed`: no answer; `late`: the answer comes a round later; `corrupt`: its bits are flipped; `duplicate`: it comes twice;
    `not_a_number`: its values are NaN. `poisoned`: so many devices send their change times `poison_factor`, always.
    """

    killed: Fraction = 0.0
    late: Fraction = 0.0
    corrupt: Fraction = 0.0
    duplicate: Fraction = 0.0
    not_a_number: Fraction = 0.0
    poisoned: Annotated[int, Field(ge=0)] = 0
    poison_factor: Annotated[float, Field(ge=-1e4, le=1e4)] = -10.0


class MeasureSettings(Strict):
    """On held-out groups: `shots` a class, with one pass and with `passes`, each the mean of `repeats` draws."""

    shots: tuple[Annotated[int, Field(ge=0, le=255)], ...] = (0, 1, 5)
    passes: Annotated[int, Field(ge=1, le=1000)] = 20
    repeats: Annotated[int, Field(ge=1, le=1000)] = 5


class Federation(Strict):
    """One federation. `path` is the file this was read from; `data` and `app` are relative to its folder.

    `timeout_s`: how long a round waits for a device. `quarantine_after`: refused answers in a row after which a device is
    drawn no more. `minimum_clients`: answers below which a round changes nothing.
    """

    path: Path
    data: Annotated[str, Field(min_length=1)]
    app: Annotated[str, Field(min_length=1)]
    rounds: _Count
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    hold_out: tuple[str, ...] = ()
    timeout_s: Annotated[float, Field(gt=0.0, le=86400.0)] = 30.0
    quarantine_after: _Count = 3
    minimum_clients: _Count = 1
    strategy: StrategySettings = StrategySettings()
    clients: Annotated[tuple[ClientSettings, ...], Field(min_length=1)]
    privacy: PrivacySettings | None = None
    faults: FaultSettings | None = None
    measure: MeasureSettings = MeasureSettings()

    @field_validator("data", "app")
    @classmethod
    def _a_path(cls, path: str) -> str:
        if "\0" in path:
            raise ValueError("no path has a zero byte in it")
        return path

    @field_validator("hold_out")
    @classmethod
    def _distinct_groups(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(groups)) != len(groups):
            raise ValueError(f"the group {next(g for g in groups if groups.count(g) > 1)!r} stands there twice")
        return groups

    @field_validator("clients")
    @classmethod
    def _distinct_ports(cls, clients: tuple[ClientSettings, ...]) -> tuple[ClientSettings, ...]:
        ports = [port for part in clients for port in part.ports]
        if len(set(ports)) != len(ports):
            raise ValueError(f"the port {next(p for p in ports if ports.count(p) > 1)!r} stands there twice")
        return clients

    @model_validator(mode="after")
    def _held_out_learn_not(self) -> Federation:
        taught = {group for part in self.clients for group in part.groups}
        both = sorted(taught.intersection(self.hold_out))
        if both:
            raise ValueError(f"the group {both[0]!r} is held out, and clients learn from it")
        if self.strategy.clients_per_round > self.devices:
            raise ValueError(f"{self.strategy.clients_per_round} clients a round of {self.devices} devices")
        if self.faults is not None and self.faults.poisoned > self.devices:
            raise ValueError(f"{self.faults.poisoned} poisoned of {self.devices} devices")
        return self

    @property
    def devices(self) -> int:
        """How many devices there are."""
        return sum(part.count for part in self.clients)

    @property
    def data_path(self) -> Path:
        """The folder with labelled samples."""
        return self.path.parent / self.data

    @property
    def app_path(self) -> Path:
        """The app's folder."""
        return self.path.parent / self.app


def load_federation(path: str | Path) -> Federation:
    """Reads federation.toml. Raises BadInputError naming the file, and line and field where it can."""
    file = Path(path)
    try:
        text = file.read_bytes().decode("utf-8")
        table = tomllib.loads(text)
    except FileNotFoundError as error:
        raise BadInputError(f"{file}: there is no such file; docs/fleet.md shows what stands in one") from error
    except OSError as error:
        raise BadInputError(f"{file}: cannot be read: {error.strerror or error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInputError(f"{file}: is not TOML: {error}") from error
    try:
        return Federation.model_validate(frozen(table) | {"path": file})
    except ValidationError as error:
        raise BadInputError("; ".join(sentence_of(file, text, problem) for problem in error.errors())) from error


def device_names(federation: Federation) -> tuple[str, ...]:
    """One name a device, in the file's order: `simulated-00003`. Names sort as numbers do."""
    width = len(str(federation.devices - 1))
    kinds: Sequence[str] = [part.kind for part in federation.clients for _ in range(part.count)]
    return tuple(f"{kind}-{number:0{width}}" for number, kind in enumerate(kinds))


def _between(start: float, end: float, round_: int, rounds: int) -> float:
    return start if rounds <= 1 else start + (end - start) * round_ / (rounds - 1)
