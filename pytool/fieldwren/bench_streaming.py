"""`fieldwren bench --streaming`: what one hop of an app costs, beside what the whole window would."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from fieldwren.app import load_app
from fieldwren.app_model import AppModel, app_model
from fieldwren.app_streaming import state_bytes, streamed_app
from fieldwren.bench import count_invoke
from fieldwren.boards import Board, load_board
from fieldwren.core import PORTABLE, Optimise
from fieldwren.emulators.counting import count_instructions
from fieldwren.errors import BadInputError
from fieldwren.features import METADATA_KEY, FrontEndParameters, SensorFrontEnd, from_json
from fieldwren.features.render import render_front_end
from fieldwren.features.tables import front_end_data
from fieldwren.graph import Graph
from fieldwren.images import cached_image, core_of, model_sources
from fieldwren.ops.lowering import lower
from fieldwren.plan import Plan, plan
from fieldwren.render.app import front_end_firmware
from fieldwren.render.environment import Provenance
from fieldwren.streaming import Streamed, stream, stride_in_time
from fieldwren.tflite import read_model

_TIMEOUT_S = 600.0
MODEL_SUFFIX = ".tflite"


@dataclass(frozen=True)
class NetworkHop:
    """The network alone, fed with the frames of one hop; `window_*` is the same network on the whole window.

    `state_bytes` is for all `phases` together.
    """

    instructions_per_hop: int
    instructions_full_window: int
    cycles_estimated_per_hop: int | None
    macs_per_hop: int
    macs_full_window: int
    arena_bytes: int
    window_arena_bytes: int
    state_bytes: int
    phases: int


@dataclass(frozen=True)
class StreamingResult:
    """What the firmware does for one hop. `streams` says whether it computes only what the hop changes, else `reason` why not.

    `instructions_per_hop`, `instructions_full_window` and `state_bytes` are the network's; `network` is what it could do
    whatever the front end does, None where it cannot stream. `front_end_instructions` (None without an app) are for the
    frames of the hop and for handing them to the model. `cpu_share` is the share of the board's clock that front end and
    network take, by the estimated cycles where the core has an estimate (one cycle an instruction elsewhere); None where
    the time or the clock is not known.
    """

    model: str
    board: str
    streams: bool
    reason: str | None
    hop_frames: int
    window_frames: int
    hop_ms: float | None
    instructions_per_hop: int
    instructions_full_window: int
    front_end_instructions: int | None
    state_bytes: int
    cpu_share: float | None
    network: NetworkHop | None


@dataclass(frozen=True)
class _Subject:
    """What is measured: the graph, and how frames come. `app` is None for a bare model."""

    graph: Graph
    window_frames: int
    hop_frames: int
    hop_ms: float | None
    app: AppModel | None


def bench_streaming(
    source: str | Path, board: str, *, hop_frames: int | None = None, optimise: Optimise = "balanced"
) -> StreamingResult:
    """Counts one hop of the app folder or .tflite `source` in the emulator of `board`.

    An app says its hop; for a bare model it is `hop_frames`, or its stride in time. Raises BadInputError for a board
    that cannot count, and for a bare model that cannot stream.
    """
    target = load_board(board)
    if target.emulator is None or target.emulator.kind != "qemu":
        raise BadInputError(
            f"{board}: instructions are counted in QEMU, and this board does not run there: choose mps2-an386"
        )
    path = Path(source)
    bare = path.suffix == MODEL_SUFFIX and not path.is_dir()
    subject = _bare(path, hop_frames) if bare else _app(path, target, hop_frames)
    whole = plan(lower(subject.graph, core_of(target), optimise))
    streamed, reason = _streamed(subject)
    network, network_reason = _network_of(subject)
    full, full_cycles = count_invoke(whole, target, optimise)
    hop = None if network is None else _network_hop(network, whole, full, target, optimise)
    per_hop, cycles, state = full, full_cycles, state_bytes(whole, None)
    if streamed is not None and hop is not None:
        per_hop, cycles, state = hop.instructions_per_hop, hop.cycles_estimated_per_hop, hop.state_bytes
    features = None
    if subject.app is not None and not isinstance(subject.app.front_end, SensorFrontEnd):
        planned = whole if streamed is None else plan(lower(streamed.graph, core_of(target), optimise))
        features = _features(replace(subject.app, streaming=streamed), planned, target)
    return StreamingResult(
        model=subject.graph.name if subject.app is None else subject.app.app.name,
        board=target.id,
        streams=streamed is not None,
        reason=reason or network_reason,
        hop_frames=subject.hop_frames,
        window_frames=subject.window_frames,
        hop_ms=subject.hop_ms,
        instructions_per_hop=per_hop,
        instructions_full_window=full,
        front_end_instructions=None if features is None else features[0],
        state_bytes=state,
        cpu_share=_share(target, subject.hop_ms, cycles or per_hop, 0 if features is None else features[1]),
        network=hop,
    )


def _share(board: Board, hop_ms: float | None, model_cycles: int, feature_cycles: int) -> float | None:
    if hop_ms is None or board.clock_hz is None:
        return None
    return (model_cycles + feature_cycles) / (board.clock_hz * hop_ms / 1000)


def _bare(path: Path, hop_frames: int | None) -> _Subject:
    """A model without an app: the front end in its metadata, or the first dimension that is not 1, says what a frame is."""
    graph = read_model(path)
    lower(graph, PORTABLE)
    front_end: FrontEndParameters | None = None
    if METADATA_KEY in graph.metadata:
        front_end = from_json(graph.metadata[METADATA_KEY])
    shape = graph.main.tensors[graph.main.inputs[0]].shape if graph.main.inputs else ()
    frames = front_end.window_frames if front_end else next((size for size in shape if size != 1), 1)
    hop = hop_frames or stride_in_time(graph, window_frames=frames)
    hop_ms = None if front_end is None else float(hop * Fraction(front_end.hop_ms).limit_denominator(1000))
    return _Subject(graph, frames, hop, hop_ms, None)


def _app(path: Path, board: Board, hop_frames: int | None) -> _Subject:
    app = load_app(path)
    if hop_frames is not None:
        raise BadInputError(f"{path}: an app says its hop itself: set stride_ms under [detector]")
    graph = read_model(app.model_path)
    model = app_model(app, graph, lower(graph, core_of(board)))
    return _Subject(graph, model.front_end.window_frames, model.stride_frames, model.stride_ms, model)


def _streamed(subject: _Subject) -> tuple[Streamed | None, str | None]:
    """The incremental model that the app's firmware can run, or why there is none."""
    try:
        if subject.app is not None:
            return streamed_app(subject.app, subject.graph), None
        return stream(subject.graph, window_frames=subject.window_frames, hop_frames=subject.hop_frames), None
    except BadInputError as error:
        if subject.app is None:
            raise
        return None, str(error)


def _network_of(subject: _Subject) -> tuple[Streamed | None, str | None]:
    """The incremental network, whatever the front end does to the frames."""
    try:
        return stream(subject.graph, window_frames=subject.window_frames, hop_frames=subject.hop_frames), None
    except BadInputError as error:
        return None, str(error)


def _network_hop(streamed: Streamed, whole: Plan, full: int, board: Board, optimise: Optimise) -> NetworkHop:
    planned = plan(lower(streamed.graph, core_of(board), optimise))
    instructions, cycles = count_invoke(planned, board, optimise)
    return NetworkHop(
        instructions_per_hop=instructions,
        instructions_full_window=full,
        cycles_estimated_per_hop=cycles,
        macs_per_hop=planned.program.macs,
        macs_full_window=whole.program.macs,
        arena_bytes=planned.arena_bytes,
        window_arena_bytes=whole.arena_bytes,
        state_bytes=state_bytes(planned, streamed),
        phases=streamed.phases,
    )


def _features(model: AppModel, planned: Plan, board: Board) -> tuple[int, int]:
    """(instructions, cycles) of the front end for one hop."""
    front_end = model.device_front_end
    sources = model_sources(planned, board, "hop")
    files = render_front_end(front_end, Provenance(planned.program.model_sha256, model.app.name, board.id))
    defines = {
        "FW_HOP_FRAMES": f"{model.stride_frames}u",
        "FW_FRONTEND_KINDS": f"{1 << front_end_data(front_end).kind}u",
    }
    image = cached_image(
        replace(
            sources,
            files={**sources.files, **files},
            firmware=(*sources.firmware, *front_end_firmware()),
            defines={**sources.defines, **defines},
        ),
        board,
    )
    counts = count_instructions(image, "fw_hop_features", timeout_s=_TIMEOUT_S)
    return counts.instructions, counts.cycles_estimated or counts.instructions
