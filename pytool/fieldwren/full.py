"""The `full` image around a bare model: link, detector and the app loop, as a generated app has them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from fieldwren.app import MANIFEST, App
from fieldwren.app_model import app_model
from fieldwren.boards import Board, Image
from fieldwren.core import Optimise
from fieldwren.errors import BadInputError, BuildError, UnsupportedError
from fieldwren.features import METADATA_KEY
from fieldwren.graph import Graph
from fieldwren.images import cached_image, core_of
from fieldwren.learn.settings import app_factory, learning_model
from fieldwren.ops.lowering import lower
from fieldwren.plan import Plan, plan
from fieldwren.render.app import app_sources

_COLUMNS_MOST = 32
_ROW_INTERVAL_MS = 20.0
_LEARNER_BYTES_MOST = 1 << 16
"""A learner that takes more is not of a last layer but of most of the network (micro_speech: 4,000 features)."""


@dataclass(frozen=True)
class FullImage:
    """`learns`: its last layer goes on learning, with an empty section [learn]."""

    image: Image
    learns: bool


def full_image(graph: Graph, planned: Plan, board: Board, optimise: Optimise = "balanced") -> FullImage | None:
    """The app's image for `graph`; None for a model that no app can feed (several inputs, no scale, …).

    A model without a front end of its own is fed rows over the link, which is the least that an app needs. It learns
    unless its last layer cannot, or there is no room for that: on the board, or in `_LEARNER_BYTES_MOST`.
    """
    try:
        return FullImage(_learning_image(graph, planned, board, optimise), learns=True)
    except (BadInputError, UnsupportedError, BuildError):
        pass
    try:
        model = app_model(rows_app(graph, planned), graph, planned.program)
        return FullImage(cached_image(app_sources(model, planned, board, optimise=optimise), board), learns=False)
    except BadInputError:
        return None


def _learning_image(graph: Graph, planned: Plan, board: Board, optimise: Optimise) -> Image:
    app = rows_app(graph, planned, learns=True)
    model = app_model(app, graph, planned.program)
    backbone, factory = app_factory(app, graph, model.labels)
    if factory.memory_bytes > _LEARNER_BYTES_MOST:
        raise UnsupportedError(f"{graph.name}: its learner takes {factory.memory_bytes} bytes")
    planned = plan(lower(backbone, core_of(board), optimise))
    return cached_image(app_sources(learning_model(model, factory, planned), planned, board, optimise=optimise), board)


def rows_app(graph: Graph, planned: Plan, *, learns: bool = False) -> App:
    """An app for a bare model."""
    program = planned.program
    if not program.inputs or not program.outputs:
        raise BadInputError(f"{program.name}: has {len(program.inputs)} inputs and {len(program.outputs)} outputs")
    elements, classes = prod(program.inputs[0].shape), prod(program.outputs[0].shape)
    return App.model_validate(
        {
            "manifest_path": Path(MANIFEST),
            "schema": 1,
            "name": "full",
            "kind": "characters",
            "model": f"{program.name}.tflite",
            "learn": {} if learns else None,
            "labels": tuple(f"class {i}" for i in range(classes)),
            "front_end": None if METADATA_KEY in graph.metadata else _rows(elements),
        }
    )


def _rows(elements: int) -> dict[str, object]:
    """A front end that hands rows to the model as they are."""
    columns = next(n for n in range(min(_COLUMNS_MOST, elements), 0, -1) if elements % n == 0)
    return {
        "kind": "sensor",
        "channels": tuple(f"c{i}" for i in range(columns)),
        "row_interval_ms": _ROW_INTERVAL_MS,
        "offset": (0.0,) * columns,
        "scale": (1.0,) * columns,
        "window_frames": elements // columns,
        "hop_rows": elements // columns,
    }
