"""Whether an app's firmware computes only what a new hop changes, and its model either way."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fieldwren.app import App
from fieldwren.app_model import AppModel, app_model
from fieldwren.boards import Board
from fieldwren.core import Optimise
from fieldwren.errors import BadInputError
from fieldwren.features import AudioFrontEnd, FrontEndParameters, SensorFrontEnd
from fieldwren.graph import Graph
from fieldwren.images import core_of
from fieldwren.ops.lowering import lower
from fieldwren.plan import Plan, plan
from fieldwren.sizes import phases_bytes
from fieldwren.streaming import Streamed, stream
from fieldwren.tflite import read_model

_MACS_SHARE_MOST = 0.5
_RAM_SHARE_MOST = 0.25


@dataclass(frozen=True)
class Decision:
    """The model as the firmware runs it: `streamed` is None for whole windows, and `reason` says why."""

    streamed: Streamed | None
    planned: Plan
    reason: str | None


def load_device_app(app: App, board: Board, optimise: Optimise = "balanced") -> tuple[AppModel, Plan]:
    """The app and its model as the firmware for `board` runs it: incremental where `streaming` asks for that.

    Of a model whose last layer goes on learning only the backbone is left, and `factory` says how that layer begins.
    Raises what fieldwren.app_model raises, and BadInputError where `streaming = true` cannot be had.
    """
    graph = read_model(app.model_path)
    whole = plan(lower(graph, core_of(board), optimise))
    model = app_model(app, graph, whole.program)
    if app.learn is not None:
        from fieldwren.learn.settings import app_factory, learning_model  # which need fieldwren.app_model

        graph, factory = app_factory(app, graph, model.labels)
        whole = plan(lower(graph, core_of(board), optimise))
        model = learning_model(model, factory, whole)
    decision = decide(model, graph, whole, board, optimise)
    return replace(model, streaming=decision.streamed), decision.planned


def decide(model: AppModel, graph: Graph, whole: Plan, board: Board, optimise: Optimise = "balanced") -> Decision:
    """How `graph`, planned `whole` for `board`, is run by the firmware of the app `model`."""
    wanted = model.app.streaming
    if wanted is False:
        return Decision(None, whole, "the app says streaming = false")
    try:
        streamed = streamed_app(model, graph)
    except BadInputError as error:
        if wanted is True:
            raise BadInputError(f"{model.app.where('streaming')}: {error}") from error
        return Decision(None, whole, str(error))
    planned = plan(lower(streamed.graph, core_of(board), optimise))
    reason = None if wanted is True else _does_not_pay(streamed, planned, whole, board)
    return Decision(None, whole, reason) if reason else Decision(streamed, planned, None)


def streamed_app(model: AppModel, graph: Graph) -> Streamed:
    """The incremental form of an app's model. Raises BadInputError with the reason where there is none."""
    if isinstance(model.front_end, SensorFrontEnd):
        raise BadInputError(f"{graph.name}: cannot stream: only apps that listen do, and this one takes sensor rows")
    if model.adapter_tables is not None:
        raise BadInputError(f"{graph.name}: cannot stream: adapters look at a whole window of their layer")
    if model.app.kind == "anomaly":
        raise BadInputError(f"{graph.name}: cannot stream: an anomaly is told by the whole window that went in")
    if model.stride_frames >= model.front_end.window_frames:
        raise BadInputError(f"{graph.name}: cannot stream: its windows do not overlap, there is nothing to keep")
    normalisation = window_normalisation(model.front_end)
    if normalisation is not None:
        raise BadInputError(
            f"{graph.name}: cannot stream: its front end ({normalisation}) changes all frames of the window with every hop; "
            "normalisation none and running-mean do not"
        )
    return stream(graph, window_frames=model.front_end.window_frames, hop_frames=model.stride_frames)


def window_normalisation(front_end: FrontEndParameters) -> str | None:
    """The normalisation over the whole window that `front_end` does, if it does one."""
    if isinstance(front_end, AudioFrontEnd) and front_end.is_window_normalised:
        return front_end.normalisation
    return None


def state_bytes(planned: Plan, streamed: Streamed | None) -> int:
    """RAM for the model's state, of all phases."""
    return phases_bytes(planned, 1 if streamed is None else streamed.phases)


def _does_not_pay(streamed: Streamed, planned: Plan, whole: Plan, board: Board) -> str | None:
    """Why `auto` runs the whole window although it need not; None where it need not and does not."""
    macs, of = planned.program.macs, whole.program.macs
    if macs > _MACS_SHARE_MOST * of:
        return f"{whole.program.name}: a hop would take {macs:,} of {of:,} multiply-accumulates, more than half: streaming does not pay"
    ram = planned.arena_bytes + state_bytes(planned, streamed)
    if board.memory is not None and ram > max(whole.arena_bytes, round(_RAM_SHARE_MOST * board.memory.ram.bytes)):
        return f"{whole.program.name}: streaming would take {ram:,} bytes of RAM for the model, more than a quarter of what {board.id} has"
    return None
