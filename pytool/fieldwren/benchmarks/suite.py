"""`fieldwren bench --suite`: the bar table, measured now, beside the peer's stored figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fieldwren import paths
from fieldwren.bench import BenchResult, ImageCost, bench
from fieldwren.benchmarks.peers import CODE_SHARE, CONSTANTS_SHARE, Peer, PeerModel, PortableModel, load_peer
from fieldwren.boards.counting import counting_board
from fieldwren.core import Optimise
from fieldwren.errors import BadInputError, MissingToolError
from fieldwren.graph import Graph
from fieldwren.tflite import read_model


@dataclass(frozen=True)
class Limit:
    """One requirement: `value` must be at most `limit`."""

    name: str
    value: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether it is met."""
        return self.value <= self.limit


@dataclass(frozen=True)
class SuiteRow:
    """One model: our figures (bytes, instructions), the peer's, what must hold and whether it does.

    `ratio` is our instructions ÷ the peer's. `constants_ratio` is our tables ÷ the constants in the .tflite. `full` is
    the image with link, detector and app loop, None for a model that no app can feed.
    """

    model: str
    file: str
    stands_for: str
    instructions: int
    cycles_estimated: int | None
    peer_instructions: int
    bar: int
    goal: int
    ratio: float
    code_bytes: int
    code_limit_bytes: int
    constants_bytes: int
    constants_ratio: float
    ram_bytes: int
    peer_ram_bytes: int
    ram_limit_bytes: int
    full: ImageCost | None
    limits: tuple[Limit, ...]
    reaches_goal: bool
    holds: bool


@dataclass(frozen=True)
class PortableRow:
    """A model without a peer's figure: our instructions ÷ those of our portable kernels on the same core."""

    model: str
    instructions: int
    portable_instructions: int
    ratio: float
    limit: float
    holds: bool


@dataclass(frozen=True)
class SuiteResult:
    """The table. `missing` names the models that are not at hand; `holds` is about those that are."""

    board: str
    optimise: Optimise
    peer: str
    peer_measured: str
    rows: tuple[SuiteRow, ...]
    portable: tuple[PortableRow, ...]
    missing: tuple[str, ...]
    holds: bool


def constants_bytes(graph: Graph) -> int:
    """Bytes of the constants in a .tflite, equal ones counted once."""
    seen = {(t.dtype, t.data.tobytes()) for s in graph.subgraphs for t in s.tensors if t.data is not None}
    return sum(len(data) for _, data in seen)


def suite(
    board: str | None = None,
    models: Mapping[str, Path] | None = None,
    *,
    optimise: Optimise = "balanced",
    progress: Callable[[str], None] = lambda text: None,
) -> SuiteResult:
    """Measures the bar table's models that are at hand on `board` (default: the one that the peer was measured on).

    `models` gives further files by the table's names. Raises BadInputError for a name that is not in the table, and
    MissingToolError when none of the models is there.
    """
    peer = load_peer()
    known = [model.name for model in peer.models] + [model.name for model in peer.portable]
    given = dict(models or {})
    for name in given:
        if name not in known:
            raise BadInputError(f"--model {name}: is not in the table; its models are {', '.join(known)}")
    board = board or peer.board
    rows, portable, missing = [], [], []
    for entry in peer.models:
        path, is_own = (given[entry.name], True) if entry.name in given else (_found(entry.stem), not entry.file)
        if path is None:
            missing.append(entry.name)
            continue
        progress(f"{entry.name} on {board}")
        rows.append(_row(entry, path, bench(path, counting_board(board), optimise=optimise), is_own=is_own))
    for other in peer.portable:
        path = given.get(other.name) or _found(other.name)
        if path is None:
            missing.append(other.name)
            continue
        progress(f"{other.name} on {board}")
        portable.append(_portable_row(other, path, board, optimise))
    if not rows and not portable:
        raise MissingToolError(
            f"none of the models {', '.join(known)} is at hand: set FIELDWREN_DATA to the folder with models/, or name "
            "files with --model NAME=FILE.tflite"
        )
    return SuiteResult(
        board=board,
        optimise=optimise,
        peer=peer.tool,
        peer_measured=_provenance(peer),
        rows=tuple(rows),
        portable=tuple(portable),
        missing=tuple(missing),
        holds=all(row.holds for row in rows) and all(other.holds for other in portable),
    )


def _provenance(peer: Peer) -> str:
    return f"{peer.compiler}; {peer.command}; {peer.date}"


def _found(stem: str) -> Path | None:
    data = paths.shared_data()
    path = data / "models" / f"{stem}.tflite" if data else None
    return path if path is not None and path.is_file() else None


def _row(peer: PeerModel, path: Path, made: BenchResult, *, is_own: bool) -> SuiteRow:
    own = constants_bytes(read_model(path))
    code_limit = int(peer.flash_bytes * CODE_SHARE)
    ram_limit = int(peer.ram_bytes * peer.ram_share)
    limits = (
        Limit("instructions", made.instructions, peer.bar),
        Limit("code", made.code_bytes, code_limit),
        Limit("constants", made.weights_bytes, own * CONSTANTS_SHARE),
        Limit("ram", made.ram_bytes, ram_limit),
    )
    return SuiteRow(
        model=peer.name,
        file=path.name,
        stands_for="" if is_own else peer.stands_for,
        instructions=made.instructions,
        cycles_estimated=made.cycles_estimated,
        peer_instructions=peer.instructions,
        bar=peer.bar,
        goal=peer.goal,
        ratio=made.instructions / peer.instructions,
        code_bytes=made.code_bytes,
        code_limit_bytes=code_limit,
        constants_bytes=made.weights_bytes,
        constants_ratio=made.weights_bytes / own,
        ram_bytes=made.ram_bytes,
        peer_ram_bytes=peer.ram_bytes,
        ram_limit_bytes=ram_limit,
        full=made.full,
        limits=limits,
        reaches_goal=made.instructions <= peer.goal,
        holds=all(limit.holds for limit in limits),
    )


def _portable_row(entry: PortableModel, path: Path, board: str, optimise: Optimise) -> PortableRow:
    target = counting_board(board)
    own = bench(path, target, optimise=optimise).instructions
    plain = bench(path, target, optimise=optimise, portable=True).instructions
    return PortableRow(entry.name, own, plain, own / plain, entry.share, own <= entry.share * plain)
